"""A tar shard → one item per sample, without unpacking: only the headers are read, members later by offset.

Neighboring members with the same name up to the first dot are one sample (as WebDataset has it); its first image is
the image, all other members travel with it. A plain tar of images is a shard whose samples have one member. Masks and
latents of trainers (`a-masklabel.png`, `a_0512x0512_sd.npz`) belong to the sample of their image, wherever they are;
so do members without an image that lie apart from the only image of their name.
"""

from __future__ import annotations

import tarfile
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any

from oneofeach.errors import UnsupportedInput
from oneofeach.stages.sources.files import hints_of, open_binary, read_range, suffix_of
from oneofeach.stages.sources.folder import SUFFIXES
from oneofeach.stages.sources.sidecars import SIDECARS, sidecars_in, sidecars_of
from oneofeach.tables import Item, ending_of

ACROSS = tuple(pattern for pattern in SIDECARS if pattern[0] in "-_")
"""Names of sidecars that are samples of their own by the first dot."""
COMPRESSED = (".tgz", ".tar.gz", ".tar.xz", ".tar.bz2", ".tar.zst")


@dataclass(frozen=True, slots=True)
class TarMember:
    """One member of a tar: the extension is all that follows the first dot of its name."""

    extension: str
    offset: int
    size: int


@dataclass(frozen=True, slots=True)
class TarSample:
    """The image of one sample, and where its companions are."""

    path: str
    name: str
    image: TarMember
    others: tuple[TarMember, ...] = ()

    @property
    def extension(self) -> str:
        return self.image.extension

    @property
    def place(self) -> str:
        return f"{self.path}#{self.image.offset}"

    @property
    def label(self) -> str:
        """The class that a member "cls" names; "" for none."""
        member = next((other for other in self.others if other.extension == "cls"), None)
        if member is None:
            return ""
        return read_range(self.path, member.offset, member.size).decode("utf-8", errors="replace").strip()

    @property
    def images(self) -> tuple[str, ...]:
        """The companions that are images and would, beside this one in a folder, count as such."""
        others = (other.extension for other in self.others if _is_image(other))
        return tuple(extension for extension in others if not sidecars_of("a.jpg", ["a" + ending_of(extension)]))

    def read(self) -> bytes:
        return read_range(self.path, self.image.offset, self.image.size)

    def companions(self) -> dict[str, bytes]:
        return {other.extension: read_range(self.path, other.offset, other.size) for other in self.others}


class WebDatasetSource:
    """Accepts the path or URL of a tar."""

    def accepts(self, source: Any) -> bool:
        return suffix_of(source) == ".tar" or (suffix_of(source) != "" and str(source).lower().endswith(COMPRESSED))

    def items(self, source: Any) -> Iterator[Item]:
        path = str(source)
        if path.lower().endswith(COMPRESSED):
            hint = "Uncompress it first (gunzip, unxz, bunzip2, zstd -d): images inside are compressed already."
            raise UnsupportedInput(f"Compressed tar cannot be read at random: {path}\n{hint}")
        _, mtime_ns, inode = hints_of(path)
        for name, sample in _joined([*_samples(path)]):
            if name is None:
                yield Item(f"{path}#", path, error=sample[0].extension)
                continue
            key = f"{path}#{name}"
            image = next((member for member in sample if _is_image(member)), None)
            if image is None:
                yield Item(key, key, error="no image among the members of this sample")
                continue
            others = tuple(member for member in sample if member is not image)
            yield Item(key, key, TarSample(path, name, image, others), image.size, mtime_ns, inode)


_Named = tuple[str | None, list[TarMember]]
"""A sample: its name, and its members; see `_members`."""


def _samples(path: str) -> Iterator[_Named]:
    for name, members in groupby(_members(path), key=lambda found: found[0]):
        yield name, [member for _, member in members]


def _joined(samples: Sequence[_Named]) -> Iterator[_Named]:
    """The samples, those of one image and its masks and latents as one, and so what `tar` packed in another order."""
    _bring_home(samples)
    folders: dict[str, dict[str, tuple[int, TarMember]]] = defaultdict(dict)
    for number, (name, members) in enumerate(samples):
        folder, _, base = (name or "").rpartition("/")
        folders[folder] |= {
            base + ending_of(member.extension): (number, member) for member in members if name is not None
        }
    for files in folders.values():
        images = {name for name, (_, member) in files.items() if _is_image(member)}
        for image, sidecars in sidecars_in(files, images, ACROSS).items():
            number, members = files[image][0], samples[files[image][0]][1]
            base = (samples[number][0] or "").rpartition("/")[2]
            for sidecar in sidecars:
                other, member = files[sidecar]
                if other != number and member in samples[other][1]:
                    samples[other][1].remove(member)
                    members.append(replace(member, extension=sidecar[len(base) :]))
    yield from (sample for sample in samples if sample[1])


def _bring_home(samples: Sequence[_Named]) -> None:
    """Move members that lie apart from their image into its sample, where it is the only one of their name."""
    images: dict[str | None, list[list[TarMember]]] = defaultdict(list)
    for name, members in samples:
        if any(map(_is_image, members)):
            images[name].append(members)
    for name, members in samples:
        homes = images.get(name, ()) if name is not None and not any(map(_is_image, members)) else ()
        if len(homes) == 1 and {one.extension for one in homes[0]}.isdisjoint(one.extension for one in members):
            homes[0].extend(members)
            members.clear()


def _is_image(member: TarMember) -> bool:
    return "." + member.extension.rpartition(".")[2].lower() in SUFFIXES


def _members(path: str) -> Iterator[tuple[str | None, TarMember]]:
    """(sample name, member) of every file in the tar; (None, the error as extension) where the tar breaks off."""
    try:
        with open_binary(path) as file, tarfile.open(fileobj=file, mode="r:") as tar:
            for info in tar:
                tar.members = []  # type: ignore[attr-defined]  # or a long shard is held in memory
                folder, slash, base = info.name.removeprefix("./").rpartition("/")
                if info.isreg() and not base.startswith("."):
                    stem, _, extension = base.partition(".")
                    yield folder + slash + stem, TarMember(extension, info.offset_data, info.size)
    except tarfile.TarError as error:
        yield None, TarMember(f"the tar breaks off: {error}", 0, 0)
