"""A dataset as found in the wild: tar and Parquet shards and loose files, with copies, variants, broken images."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet
from pictures import encoded, small

from oneofeach.tables import Catalog, Item, Pairs


def variant(number: int, quality: int = 60) -> bytes:
    """The same picture as a JPEG of another size."""
    file = io.BytesIO()
    small(number, 80).save(file, "JPEG", quality=quality)
    return file.getvalue()


def images(first: int, count: int) -> list[bytes]:
    """`count` images: new ones, copies and variants of those from 0 on, and broken ones; half of them are clones."""
    kinds: tuple[Callable[[int], bytes], ...] = (
        encoded,
        lambda n: encoded(n % 7),
        lambda n: variant(n % 11),
        lambda n: encoded(3),
        lambda n: b"not an image",
        lambda n: encoded(n)[:100],
    )
    return [kinds[min(n % 8, 5) if n % 24 > 7 else n % 4](n) for n in range(first, first + count)]


def write_tar(path: Path, first: int, count: int) -> None:
    with tarfile.open(path, "w") as tar:
        for number, data in enumerate(images(first, count)):
            for extension, member in (("jpg", data), ("txt", f"caption {number}".encode())):
                info = tarfile.TarInfo(f"{number:06}.{extension}")
                info.size = len(member)
                tar.addfile(info, io.BytesIO(member))


def write_parquet(path: Path, first: int, count: int) -> None:
    rows = [{"bytes": data, "path": None} for data in images(first, count)]
    pyarrow.parquet.write_table(pyarrow.table({"image": rows, "n": list(range(count))}), path, row_group_size=10)


def write_folder(path: Path, first: int, count: int) -> None:
    path.mkdir(parents=True)
    for number, data in enumerate(images(first, count)):
        (path / f"{number}.png").write_bytes(data)


def write_mixture(root: Path, count: int = 24) -> list[str]:
    """Three sources of `count` images each, as a list to be scanned."""
    write_tar(root / "one.tar", 0, count)
    write_folder(root / "two", count, count)
    write_parquet(root / "three.parquet", 2 * count, count)
    return [str(root / name) for name in ("one.tar", "two", "three.parquet")]


def assert_equal(found: tuple[Catalog, Pairs], expected: tuple[Catalog, Pairs]) -> None:
    """Both tables, bit for bit."""
    (catalog, pairs), (local, local_pairs) = found, expected
    assert [_parts(item) for item in catalog.items] == [_parts(item) for item in local.items]
    assert (catalog.errors, catalog.notes) == (local.errors, local.notes)
    for name in ("facts", "bits", "descriptors", "reference", "kept_earlier", "links"):
        _assert_bytes(name, getattr(catalog, name), getattr(local, name))
    for name in ("same", "i", "j", "similarity", "evidence"):
        _assert_bytes(name, getattr(pairs, name), getattr(local_pairs, name))
    assert pairs.floor == local_pairs.floor


def _parts(item: Item) -> tuple[object, ...]:
    """A tuple knows that an array is itself; from Python 3.13 on, a dataclass asks it."""
    return tuple(getattr(item, one.name) for one in fields(item))


def _assert_bytes(name: str, found: Any, expected: Any) -> None:
    assert found.dtype == expected.dtype, name
    assert found.shape == expected.shape, name
    assert found.tobytes() == expected.tobytes(), name
