"""Which files of a folder belong to which image: captions, metadata, masks, latent caches.

In: the names of one folder. Out: each image with its sidecars. Pure: nothing here touches a disk.
Names like `a.seg.png` are those of WebDataset; others of several images in one sample are images of their own.
What ends in `.extra` is written by an export: another image of a sample, as files of a folder.
Cache names are those of sd-scripts (`a_0512x0512_sd.npz`, `a_te_outputs.npz`), masks those of OneTrainer.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence, Set
from fnmatch import translate
from functools import lru_cache
from os.path import splitext
from re import IGNORECASE, Pattern, compile
from typing import NamedTuple

SIDECARS = (
    ".txt",
    ".caption",
    ".json",
    ".npz",
    "-masklabel.png",
    ".mask",
    *(f".{kind}.png" for kind in ("seg", "mask", "depth", "normal", "alpha", "edge", "pose", "label")),
    ".xmp",
    ".yaml",
    ".*.extra",
    "_[0-9][0-9][0-9][0-9]x[0-9][0-9][0-9][0-9]_*.npz",
    "_te_outputs.npz",
    "_*_te.npz",
)
"""What may follow an image's name, with or without its extension: fixed text or a glob. Case does not matter."""


def sidecars_in(
    names: Collection[str], images: Set[str], patterns: Sequence[str] = SIDECARS
) -> dict[str, tuple[str, ...]]:
    """Every image of one folder with the names of its sidecars, sorted: those after its full name come first.

    names: all names in the folder. images: those that a decoder may open; one that is another image's sidecar
    (`a-masklabel.png` beside `a.jpg`) is not a key of the result. A sidecar of two images (`a.txt` beside `a.png` and
    `a.jpg`) is listed with both, unless one has its own of that kind after its full name (`a.jpg.txt`): then `a.txt` is
    that of the others. When one name fits images of different stems, the longest stem has it.
    """
    endings = _compiled(tuple(patterns)).endings
    lower = "\n".join(names).lower() + "\n"
    if not any(f"{ending}\n" in lower for ending in endings):  # as mostly; quicker than to look at every name
        return dict.fromkeys(images, ())
    asked = [name for name in names if name.lower().endswith(endings)]
    owned = _owners(images)
    belongs = {name: found for name in asked if (found := _images_of(name, owned, patterns))}
    masks = {name for name in images & belongs.keys() if any(owner not in belongs for owner in belongs[name])}
    result: dict[str, list[str]] = {image: [] for image in images - masks}
    own = {(image, _kind(name, image)) for name in belongs for image in belongs[name] if name.startswith(image)}
    for name in belongs.keys() - result.keys():
        owners = [image for image in belongs[name] if image in result]
        without = [image for image in owners if name.startswith(image) or (image, _kind(name, image)) not in own]
        for image in without or owners:
            result[image].append(name)
    return {image: _in_order(image, found) for image, found in result.items()}


def sidecars_of(name: str, names: Iterable[str], patterns: Sequence[str] = SIDECARS) -> tuple[str, ...]:
    """The sidecars of one image among `names`, in the same order; no other name is taken for an image."""
    owned = _owners({name})
    return _in_order(name, (other for other in names if other != name and _images_of(other, owned, patterns)))


def _in_order(image: str, sidecars: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(sidecars, key=lambda name: (not name.startswith(image), name)))


def _kind(sidecar: str, image: str) -> str:
    """What the name of a sidecar adds to that of its image; captions are of one kind."""
    rest = sidecar[len(image if sidecar.startswith(image) else splitext(image)[0]) :].lower()
    return ".txt" if rest == ".caption" else rest


def _owners(images: Iterable[str]) -> Mapping[str, list[str]]:
    """What a sidecar's name may start with → the images it then belongs to."""
    owned: dict[str, list[str]] = defaultdict(list)
    for image in images:
        owned[image].append(image)
        stem = splitext(image)[0]
        if stem != image:
            owned[stem].append(image)
    return owned


def _images_of(name: str, owned: Mapping[str, list[str]], patterns: Sequence[str]) -> list[str]:
    fixed, globs, endings = _compiled(tuple(patterns))
    lower = name.lower()
    if not lower.endswith(endings):
        return []
    for cut in range(len(name) - 1, 0, -1):
        images = [image for image in owned.get(name[:cut], ()) if image != name]
        rest = lower[cut:]
        if images and (rest in fixed or any(glob.match(rest) for glob in globs)):
            return images
    return []


class _Patterns(NamedTuple):
    """The fixed texts, the globs, and the text that each of them ends in."""

    fixed: tuple[str, ...]
    globs: tuple[Pattern[str], ...]
    endings: tuple[str, ...]


@lru_cache(maxsize=16)
def _compiled(patterns: tuple[str, ...]) -> _Patterns:
    lower = [pattern.lower() for pattern in patterns]
    fixed = tuple(pattern for pattern in lower if not set("*?[") & set(pattern))
    globs = [pattern for pattern in lower if pattern not in fixed]
    compiled = tuple(compile(translate(pattern), IGNORECASE) for pattern in globs)
    return _Patterns(fixed, compiled, fixed + tuple(map(_ending, globs)))


def _ending(glob: str) -> str:
    return glob[max(map(glob.rfind, "*?]")) + 1 :]
