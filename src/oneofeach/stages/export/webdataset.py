"""Units → WebDataset tar shards: whole samples, byte for byte the same for the same units."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from oneofeach.stages.export.units import CAPTIONS, EXTRA, Unit, by_stem

SHARD_SIZE = 10_000  # samples
SHARD_BYTES = 1 << 30


def write_webdataset(units: Sequence[Unit], root: Path, shard_size: int = SHARD_SIZE) -> list[str]:
    """The written name of each unit, as "shard-000000.tar#name"; a shard ends at `shard_size` samples or 1 GiB."""
    written: list[str] = []
    named = iter(by_stem(list(units)))
    number = 0
    while done := _shard(root / f"shard-{number:06}.tar", named, shard_size):
        written += done
        number += 1
    return written


def _shard(path: Path, named: Iterator[tuple[str, Unit]], shard_size: int) -> list[str]:
    first = next(named, None)
    if first is None:
        return []
    written, size = [], 0
    with tarfile.open(path, "w", format=tarfile.PAX_FORMAT) as tar:
        while first is not None:
            name, unit = first
            for extension, data in _members(unit):
                info = tarfile.TarInfo(f"{name}.{extension}")
                info.size = len(data)
                tar.addfile(info, io.BytesIO(data))
                size += len(data)
            written.append(f"{path.name}#{name}")
            full = len(written) >= shard_size or size >= SHARD_BYTES
            first = None if full else next(named, None)
    return written


def _members(unit: Unit) -> Iterator[tuple[str, bytes]]:
    """The image, then its companions by extension: a caption after its full name is the one that readers look for."""
    taken = {unit.extension}
    yield unit.extension, unit.read()
    whole = tuple(f".{unit.extension}{ending}" for ending in CAPTIONS)
    for ending, data in sorted(unit.companions().items(), key=lambda one: (one[0] not in whole, one[0])):
        plain = ending.removeprefix(f".{unit.extension}") if ending in whole else ending
        extension = plain.lstrip(".-_").removesuffix(EXTRA)
        while extension in taken:
            extension = f"other.{extension}"
        taken.add(extension)
        yield extension, data
