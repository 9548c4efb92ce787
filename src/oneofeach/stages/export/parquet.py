"""Units → a Parquet file. Rows of tables keep all their columns; others get image, name, caption, companions.

Readable by anything that reads Parquet; `datasets.load_dataset` finds images and splits by itself in the form "hf".
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from oneofeach.errors import UnsupportedInput
from oneofeach.plugins import extra
from oneofeach.stages.export.naming import plain
from oneofeach.stages.export.units import Unit
from oneofeach.tables import Item

GROUP_ROWS = 100  # what one reading of an image decompresses
SPLIT = re.compile(r"([A-Za-z_]\w*)\[|(?:.*[/\\])?([A-Za-z_]\w*)-\d+-of-\d+\.(?:parquet|arrow)#")
HF = b"huggingface"  # of the metadata of a schema
STRING, BINARY = {"dtype": "string", "_type": "Value"}, {"dtype": "binary", "_type": "Value"}
FEATURES = {
    "image": {"_type": "Image"},
    "name": STRING,
    "caption": STRING,
    "companions": {"feature": {"extension": STRING, "data": BINARY}, "_type": "List"},
}


def write_table(units: Sequence[Unit], path: Path, whole: bool) -> None:
    """One file. whole: all units of the dataset are rows of tables, and keep their columns.

    UnsupportedInput when their tables have different columns.
    """
    pq = extra("pyarrow.parquet", "parquet")
    with ExitStack() as stack:
        writer = None
        for table in _tables(units, whole):
            if writer is None:
                writer = stack.enter_context(pq.ParquetWriter(path, table.schema))
            if not table.schema.equals(writer.schema):
                hint = "Export them one by one, or as --format webdataset."
                raise UnsupportedInput(f"Tables with different columns cannot become one\n{hint}")
            writer.write_table(table)


def split_of(item: Item) -> str:
    """The split that the key of a row begins with, of a DatasetDict or of a file named as on the Hub; else "train"."""
    found = SPLIT.match(item.key)
    return next(name for name in found.groups() if name) if found else "train"


def is_row(item: Item) -> bool:
    """Does it come from a table?"""
    return hasattr(item.source, "record")


def _tables(units: Sequence[Unit], whole: bool) -> Iterator[Any]:
    """Tables of GROUP_ROWS rows."""
    pyarrow = extra("pyarrow", "parquet")
    for start in range(0, len(units), GROUP_ROWS):
        part = units[start : start + GROUP_ROWS]
        if whole:
            rows = pyarrow.concat_tables([_record(unit) for unit in part]).combine_chunks()
            yield _with_images(rows, part[0].item.source.column)
        else:
            yield pyarrow.Table.from_pylist([_row(unit) for unit in part], _schema(pyarrow))


def _with_images(rows: Any, column: str) -> Any:
    """The same; `datasets` is told that the column holds images, where the table says nothing of its features."""
    said = rows.schema.metadata or {}
    if HF in said:
        return rows
    return rows.replace_schema_metadata({**said, HF: _features({column: FEATURES["image"]})})


def _features(features: dict[str, Any]) -> str:
    return json.dumps({"info": {"features": features}})


def _record(unit: Unit) -> Any:
    unit.read()  # refuses what has changed since the scan
    return unit.item.source.record()


def _row(unit: Unit) -> dict[str, Any]:
    companions = unit.companions()
    return {
        "image": {"bytes": unit.read(), "path": plain(f"{unit.name}.{unit.extension}".rpartition("/")[2])},
        "name": plain(unit.name),
        "caption": unit.caption(companions),
        "companions": [{"extension": plain(ending), "data": data} for ending, data in sorted(companions.items())],
    }


def _schema(pyarrow: Any) -> Any:
    string, binary = pyarrow.string(), pyarrow.binary()
    companion = pyarrow.struct([("extension", string), ("data", binary)])
    columns = [
        ("image", pyarrow.struct([("bytes", binary), ("path", string)])),
        ("name", string),
        ("caption", string),
        ("companions", pyarrow.list_(companion)),
    ]
    return pyarrow.schema(columns, {HF: _features(FEATURES)})
