"""Parquet and Arrow files, and `datasets.Dataset` objects → one item per row; images stay in the file until read.

The image column is a struct of bytes and path (as Hugging Face stores images) or plain binary. Needs the extra
`parquet`; a Dataset brings what it needs.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from threading import Lock
from typing import Any

from oneofeach.errors import UnreadableImage, UnsupportedInput
from oneofeach.plugins import extra
from oneofeach.stages.sources.files import hints_of, is_url, open_binary, read_range, suffix_of, version_of
from oneofeach.stages.sources.labels import LABELS, features, label_column, labels
from oneofeach.tables import Item

CAPTIONS = ("caption", "text", "prompt")
USUAL = ("image", "img", "jpg", "jpeg", "png", "webp", "image_bytes", "bytes", "content")
_reading = Lock()


class _Row:
    """What every kind of row can do, given `record`, `column` and `folder`."""

    __slots__ = ()
    column: str

    def record(self) -> Any:
        """This row with all its columns: a pyarrow.Table of one row."""
        raise NotImplementedError

    @property
    def folder(self) -> str:
        return ""

    @property
    def extension(self) -> str:
        path = self._cell()[1]
        return suffix_of(path)[1:] or _extension_of(self.read())

    @property
    def label(self) -> str:
        """The class of this row, by its name where the table has names of classes; "" for none."""
        return next(iter(labels(self.record())), "")

    def _cell(self) -> tuple[bytes | None, str]:
        value = self.record()[self.column][0].as_py()
        if isinstance(value, Mapping):
            return value.get("bytes"), value.get("path") or ""
        return value, ""

    def read(self) -> bytes:
        data, path = self._cell()
        if data is not None:
            return data
        if not path:
            raise UnreadableImage("There is no image in this row\nFill the cell, or remove the row.")
        return read_range(path if is_url(path) else os.path.join(self.folder, path))

    def companions(self) -> dict[str, bytes]:
        """The other columns: a caption as "txt", a label as "cls", all of them as "json"."""
        row = self.record().drop_columns([self.column]).to_pylist()[0]
        found = {"json": json.dumps(row, default=str, ensure_ascii=False).encode()} if row else {}
        for extension, names in (("txt", CAPTIONS), ("cls", LABELS)):
            value = next((row[name] for name in names if row.get(name) is not None), None)
            if isinstance(value, (str, int)):
                found[extension] = str(value).encode()
        return found


@dataclass(frozen=True, slots=True)
class TableRow(_Row):
    """One row of a Parquet or Arrow file. group: the row group; row: counted inside it."""

    path: str
    group: int
    row: int
    column: str
    number: int

    @property
    def name(self) -> str:
        return f"{self.number:06}"

    @property
    def place(self) -> str:
        return f"{self.path}#{self.number}"

    @property
    def folder(self) -> str:
        return os.path.dirname(self.path)

    @property
    def label(self) -> str:
        found = _labels_of(self.path, self.group, version_of(self.path))
        return found[self.row] if found else ""

    def record(self) -> Any:
        return _rows_of(self.path, self.group, None).slice(self.row, 1)

    def _cell(self) -> tuple[bytes | None, str]:
        value = _rows_of(self.path, self.group, self.column)[self.column][self.row].as_py()
        return (value.get("bytes"), value.get("path") or "") if isinstance(value, Mapping) else (value, "")


@dataclass(frozen=True, slots=True)
class DatasetRow(_Row):
    """One row of a Dataset whose format is Arrow, so that nothing is decoded."""

    dataset: Any
    row: int
    column: str

    @property
    def name(self) -> str:
        return f"{self.row:06}"

    @property
    def place(self) -> str:
        return f"{self.dataset._fingerprint}#{self.row}"

    def record(self) -> Any:
        return self.dataset[self.row : self.row + 1]


class TableSource:
    """Accepts the path or URL of a .parquet, .arrow or .feather file."""

    def accepts(self, source: Any) -> bool:
        return suffix_of(source) in (".parquet", ".arrow", ".feather")

    def items(self, source: Any) -> Iterator[Item]:
        path = str(source)
        pyarrow = extra("pyarrow", "parquet")
        hints = hints_of(path)
        try:
            schema, groups = _layout(path)
        except pyarrow.ArrowInvalid as error:
            yield Item(f"{path}#", path, error=f"the table cannot be read: {error}")
            return
        column, number = image_column(schema, path), 0
        for group, rows in enumerate(groups):
            for row in range(rows):
                key = f"{path}#{number}"
                yield Item(key, key, TableRow(path, group, row, column, number), -1, *hints[1:])
                number += 1


class DatasetSource:
    """Accepts a datasets.Dataset or DatasetDict. Inputs are row numbers, as `Dataset.select` takes them."""

    def accepts(self, source: Any) -> bool:
        return type(source).__module__.partition(".")[0] == "datasets"

    def items(self, source: Any) -> Iterator[Item]:
        if isinstance(source, Mapping):
            for split, dataset in source.items():
                for item in self.items(dataset):
                    yield Item(f"{split}{item.key}", (split, item.input), item.opener, mtime_ns=0)
            return
        if not hasattr(source, "with_format") or not hasattr(source, "__len__"):
            hint = "Load it without streaming=True, or give the Parquet files themselves."
            raise UnsupportedInput(f"A streamed dataset cannot be read at random: {type(source).__name__}\n{hint}")
        rows = source.with_format("arrow")
        column = image_column(source.features.arrow_schema, "the dataset")
        for number in range(len(source)):
            yield Item(f"[{number}]", number, DatasetRow(rows, number, column), mtime_ns=0)


def image_column(schema: Any, where: str) -> str:
    """The column that holds the images. UnsupportedInput when there is none."""
    types = extra("pyarrow", "parquet").types
    told = features(schema).items()
    marked = [name for name, feature in told if isinstance(feature, dict) and feature.get("_type") == "Image"]
    structs = [
        field.name
        for field in schema
        if types.is_struct(field.type)
        and {"bytes", "path"} <= {field.type.field(k).name for k in range(field.type.num_fields)}
    ]
    binary = [field.name for field in schema if types.is_binary(field.type) or types.is_large_binary(field.type)]
    usual = [name for name in USUAL if name in binary]
    for name in marked + structs + usual + binary:
        if name in schema.names:
            return str(name)
    hint = "An image column is binary, or a struct of bytes and path."
    raise UnsupportedInput(f"No image column in {where}: {', '.join(schema.names)}\n{hint}")


@lru_cache(maxsize=4)
def _labels_of(path: str, group: int, version: int) -> list[str]:
    column = label_column(_layout(path)[0].names)
    return labels(_rows_of(path, group, column)) if column else []


def _layout(path: str) -> tuple[Any, list[int]]:
    """The schema, and the number of rows in each row group."""
    if suffix_of(path) != ".parquet":
        table = _rows_of(path, 0, None)
        return table.schema, [table.num_rows]
    with open_binary(path) as file:
        found = extra("pyarrow.parquet", "parquet").ParquetFile(file)
        rows = [found.metadata.row_group(group).num_rows for group in range(found.metadata.num_row_groups)]
        return found.schema_arrow, rows


def _rows_of(path: str, group: int, column: str | None) -> Any:
    """One row group as a pyarrow.Table: all columns, or one. The last few stay in memory for the next rows."""
    with _reading:  # or every thread would decode the same row group at once
        return _read_rows(path, group, column, version_of(path))


@lru_cache(maxsize=4)
def _read_rows(path: str, group: int, column: str | None, version: int) -> Any:
    pyarrow = extra("pyarrow", "parquet")
    if suffix_of(path) == ".parquet":
        with open_binary(path) as file:
            columns = None if column is None else [column]
            return extra("pyarrow.parquet", "parquet").ParquetFile(file).read_row_group(group, columns)
    ipc = extra("pyarrow.ipc", "parquet")
    source = pyarrow.memory_map(path) if not is_url(path) else open_binary(path)
    try:
        return ipc.open_file(source).read_all()
    except pyarrow.ArrowInvalid:
        source.seek(0)
        return ipc.open_stream(source).read_all()


def _extension_of(data: bytes) -> str:
    """The usual extension of encoded image bytes by their first bytes; "bin" when unknown."""
    signs = {b"\xff\xd8": "jpg", b"\x89PNG": "png", b"GIF8": "gif", b"RIFF": "webp", b"BM": "bmp", b"II*": "tif"}
    return next((extension for sign, extension in signs.items() if data.startswith(sign)), "bin")
