"""Units → a WebDataset tar shard: whole samples, byte for byte the same for the same units."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from oneofeach.captions import CAPTION_EXTENSIONS
from oneofeach.stages.export.units import EXTRA, Unit


def write_tar(units: Sequence[Unit], path: Path) -> None:
    """A shard of whole samples. The names of the units tell them apart, and have no dots."""
    with tarfile.open(path, "w", format=tarfile.PAX_FORMAT) as tar:
        for unit in units:
            for extension, data in _members(unit):
                info = tarfile.TarInfo(f"{unit.name}.{extension}")
                info.size = len(data)
                tar.addfile(info, io.BytesIO(data))


def _members(unit: Unit) -> Iterator[tuple[str, bytes]]:
    """The image, then its companions by extension: a caption after its full name is the one that readers look for."""
    taken = {unit.extension}
    yield unit.extension, unit.read()
    whole = tuple(f".{unit.extension}{ending}" for ending in CAPTION_EXTENSIONS)
    for ending, data in sorted(unit.companions().items(), key=lambda one: (one[0] not in whole, one[0])):
        plain = ending.removeprefix(f".{unit.extension}") if ending in whole else ending
        extension = plain.lstrip(".-_").removesuffix(EXTRA)
        while extension in taken:
            extension = f"other.{extension}"
        taken.add(extension)
        yield extension, data
