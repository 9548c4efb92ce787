"""Columns ↔ Parquet parts. Fixed-width records are stored as raw bytes, so that what is read is what was written.

Every part carries its own counts in its footer: whoever finds a part knows what it holds without reading it.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from oneofeach.engines.ray.store import Store
from oneofeach.plugins import extra
from oneofeach.tables import Rows

Column = npt.NDArray[Any] | list[str] | Any  # or a column of an Arrow table, taken over as it is
Columns = Mapping[str, Column]
Counts = dict[str, float]

GROUP = 1024
"""Rows that are read together: about a megabyte of descriptors."""
WIDE_GROUP = 1 << 17
"""Rows that are read together where rows are narrow."""
RAW = {"bits", "descriptor", "digest", "of", "search"}
"""Columns that no compression makes smaller."""


class Writer:
    """Collects batches of columns; `data()` is the finished part."""

    def __init__(self, group: int = GROUP, text: bool = False) -> None:
        self._group, self._text, self._buffer = group, text, io.BytesIO()
        self._writer: Any = None

    def add(self, columns: Columns) -> None:
        pyarrow, parquet = extra("pyarrow", "ray"), extra("pyarrow.parquet", "ray")
        table = pyarrow.table({name: _to_arrow(values, self._text) for name, values in columns.items()})
        if self._writer is None:
            packing = {name: "NONE" if name in RAW else "ZSTD" for name in columns}
            told = [name for name in columns if name not in RAW]
            self._writer = parquet.ParquetWriter(
                self._buffer, table.schema, compression=packing, use_dictionary=False, write_statistics=told
            )
        self._writer.write_table(table, row_group_size=self._group)

    def data(self, counts: Counts) -> memoryview:
        self._writer.add_key_value_metadata({"oneofeach": json.dumps(counts)})
        self._writer.close()
        return self._buffer.getbuffer()


def encoded(columns: Columns, counts: Counts, group: int = GROUP, text: bool = False) -> memoryview:
    """A part of one batch. text: strings as text for others to read, not as the exact bytes of file names."""
    writer = Writer(group, text)
    writer.add(columns)
    return writer.data(counts)


def counts_of(store: Store, name: str) -> Counts | None:
    """The counts in a part's footer; None when there is no such part."""
    try:
        with store.open(name) as file:
            metadata = extra("pyarrow.parquet", "ray").read_metadata(file).metadata
    except FileNotFoundError:
        return None
    counts: Counts = json.loads(metadata[b"oneofeach"])
    return counts


def read(store: Store, name: str, *columns: str) -> list[Any]:
    """The columns of a whole part, as `array_of` gives them."""
    with store.open(name) as file:
        table = extra("pyarrow.parquet", "ray").read_table(file, columns=list(columns))
    return [array_of(table[column]) for column in columns]


def streamed(store: Store, name: str, column: str) -> Iterator[str]:
    """The strings of a column, held in memory by the group."""
    with store.open(name) as file:
        part = extra("pyarrow.parquet", "ray").ParquetFile(file)
        for group in range(part.metadata.num_row_groups):
            yield from array_of(part.read_row_group(group, columns=[column])[column])


def read_slice(store: Store, name: str, start: int, stop: int, *columns: str) -> list[Any]:
    """Rows start..stop of a part: only the row groups that hold them are read."""
    table = sliced(store, name, start, stop, *columns)
    return [array_of(table[column]) for column in columns]


def sliced(store: Store, name: str, start: int, stop: int, *columns: str) -> Any:
    """The same as an Arrow table."""
    with store.open(name) as file:
        part = extra("pyarrow.parquet", "ray").ParquetFile(file)
        ends = np.cumsum([part.metadata.row_group(group).num_rows for group in range(part.metadata.num_row_groups)])
        first, last = int(np.searchsorted(ends, start, side="right")), int(np.searchsorted(ends, stop))
        table = part.read_row_groups(list(range(first, min(last + 1, len(ends)))), columns=list(columns))
    return table.slice(start - (int(ends[first - 1]) if first else 0), stop - start)


def read_rows(store: Store, name: str, rows: Rows, *columns: str) -> list[Any]:
    """Some rows of a part, ascending: only the row groups that hold them are read."""
    with store.open(name) as file:
        part = extra("pyarrow.parquet", "ray").ParquetFile(file)
        sizes = [part.metadata.row_group(group).num_rows for group in range(part.metadata.num_row_groups)]
        starts = np.concatenate([[0], np.cumsum(sizes)])
        of = np.searchsorted(starts, rows, side="right") - 1
        groups = np.unique(of)
        table = part.read_row_groups(groups.tolist(), columns=list(columns))
    before = np.zeros(len(starts), np.int64)
    before[groups] = np.cumsum(np.concatenate([[0], np.diff(starts)[groups]]))[:-1]
    taken = table.take(before[of] + rows - starts[of])
    return [array_of(taken[column]) for column in columns]


def read_range(store: Store, name: str, by: str, low: int, high: int, *columns: str) -> list[Any]:
    """Rows whose column `by`, in which the part is sorted, is low <= value < high."""
    with store.open(name) as file:
        part = extra("pyarrow.parquet", "ray").ParquetFile(file)
        at = part.schema_arrow.get_field_index(by)
        groups = [g for g in range(part.metadata.num_row_groups) if _overlaps(part.metadata, g, at, low, high)]
        table = part.read_row_groups(groups, columns=list(dict.fromkeys([by, *columns])))
    values = array_of(table[by])
    inside = slice(*np.searchsorted(values, [low, high]))
    return [array_of(table[column])[inside] for column in columns]


def _overlaps(metadata: Any, group: int, at: int, low: int, high: int) -> bool:
    statistics = metadata.row_group(group).column(at).statistics
    return statistics is None or not statistics.has_min_max or (statistics.max >= low and statistics.min < high)


def concatenated(batches: Sequence[list[Any]], empty: list[Any]) -> list[Any]:
    """Columns of several reads, one after the other; `empty` when there were none."""
    columns = list(zip(*batches, strict=True))
    return [_joined(column) for column in columns] if columns else empty


def _joined(column: Sequence[Any]) -> Any:
    return [value for part in column for value in part] if isinstance(column[0], list) else np.concatenate(column)


def spans(offsets: Rows, low: int, high: int) -> Iterator[tuple[int, int, int]]:
    """(part, start, stop) of the parts that hold the rows low..high; start and stop count inside the part.

    offsets: int64[parts + 1], the first row of every part, then the number of rows.
    """
    for part in range(int(np.searchsorted(offsets, low, side="right")) - 1, len(offsets) - 1):
        start, stop = int(offsets[part]), int(offsets[part + 1])
        if start >= high:
            return
        if start < stop:
            yield part, max(low - start, 0), min(high, stop) - start


def _to_arrow(values: Column, text: bool) -> Any:
    pyarrow = extra("pyarrow", "ray")
    if isinstance(values, list) and text:
        return pyarrow.array(
            [one.encode("utf-8", "surrogateescape").decode(errors="replace") for one in values], pyarrow.string()
        )
    if isinstance(values, (pyarrow.Array, pyarrow.ChunkedArray)):
        return values
    if isinstance(values, list):  # file names need not be valid text
        return pyarrow.array([text.encode("utf-8", "surrogateescape") for text in values], pyarrow.binary())
    if values.ndim == 1 and values.dtype.names is None:
        return pyarrow.array(values)
    width = values.dtype.itemsize * int(np.prod(values.shape[1:]))
    raw = pyarrow.py_buffer(np.ascontiguousarray(values))
    return pyarrow.Array.from_buffers(pyarrow.binary(width), len(values), [None, raw])


def array_of(column: Any) -> Any:
    """A list of str, an array [n], or uint8[n, width] for raw records."""
    types = extra("pyarrow", "ray").types
    values = column.combine_chunks() if column.num_chunks != 1 else column.chunk(0)
    if types.is_binary(values.type):
        return [value.decode("utf-8", "surrogateescape") for value in values.to_pylist()]
    if not types.is_fixed_size_binary(values.type):
        return values.to_numpy(zero_copy_only=False)
    width = values.type.byte_width
    raw = np.frombuffer(values.buffers()[1] or b"", np.uint8, len(values) * width, values.offset * width)
    return raw.reshape(len(values), width)
