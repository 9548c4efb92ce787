"""Units → files below a folder, companions beside them: copied, hard-linked or reflinked. Names stay as they were.

Another image of a sample gets the suffix EXTRA: it travels with its image, and no scan takes it for one of its own.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Container, Sequence
from pathlib import Path

from oneofeach.errors import Refused
from oneofeach.stages.export.units import EXTRA, Unit, by_reader, changed

FICLONE = 0x40049409


def write_folder(units: Sequence[Unit], root: Path, link: str = "copy") -> list[str]:
    """The written name of each unit. link: "copy", "hardlink" or "reflink". Refused when the disk cannot link."""
    return [_write(unit, root, LINKS[link]) for unit in units]


def write_kohya(units: Sequence[Unit], root: Path, link: str = "copy") -> list[str]:
    """The same, with captions where trainers look for them: after the stem only."""
    return [_write(unit, root, LINKS[link], by_reader) for unit in units]


def _as_it_is(ending: str, unit: Unit, endings: Container[str]) -> str:
    return ending


def _write(
    unit: Unit,
    root: Path,
    place: Callable[[str, Path], None],
    ended: Callable[[str, Unit, Container[str]], str] = _as_it_is,
) -> str:
    target = root / f"{unit.name}.{unit.extension}"
    target.parent.mkdir(parents=True, exist_ok=True)
    if unit.path:
        _unchanged(unit)
        place(unit.path, target)
        for ending, path in (sidecars := unit.sidecars()).items():
            beside = root / f"{unit.name}{ended(ending, unit, sidecars)}"
            if not beside.exists():  # two images may share one caption
                place(path, beside)
    else:
        target.write_bytes(unit.read())
        images = getattr(unit.item.source, "images", ())
        for found, data in (companions := unit.companions()).items():
            ending = ended(found, unit, companions)
            ending += EXTRA * (ending[1:] in images)
            (root / f"{unit.name}{ending}").write_bytes(data)
    return target.relative_to(root).as_posix()


def _unchanged(unit: Unit) -> None:
    status = os.stat(unit.path)
    if (status.st_size, status.st_mtime_ns) != (unit.item.size, unit.item.mtime_ns):
        raise changed(unit.item)


def _copy(source: str, target: Path) -> None:
    shutil.copy2(source, target)


def _hardlink(source: str, target: Path) -> None:
    try:
        os.link(os.path.realpath(source), target)
    except OSError as error:
        hint = "Hard links need source and destination on one file system: use --link copy."
        raise Refused(f"Cannot hard-link {source}: {error.strerror}\n{hint}") from error


def _reflink(source: str, target: Path) -> None:
    try:
        import fcntl

        with open(source, "rb") as original, open(target, "wb") as clone:
            fcntl.ioctl(clone.fileno(), FICLONE, original.fileno())
        shutil.copystat(source, target)
    except (ImportError, OSError) as error:
        hint = "Reflinks need a file system such as Btrfs or XFS that holds both: use --link copy."
        raise Refused(f"Cannot reflink {source}: {error}\n{hint}") from error


LINKS: dict[str, Callable[[str, Path], None]] = {"copy": _copy, "hardlink": _hardlink, "reflink": _reflink}
