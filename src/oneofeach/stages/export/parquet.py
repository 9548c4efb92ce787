"""Units → Parquet. Rows that come from tables keep all their columns; other units get image, name, caption, companions.

Readable by anything that reads Parquet; `datasets.load_dataset` finds images and splits by itself in the form "hf".
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from oneofeach.errors import UnsupportedInput
from oneofeach.plugins import extra
from oneofeach.stages.export.units import Unit, plain

FILE_BYTES = 500 << 20
GROUP_ROWS = 100  # what one reading of an image decompresses
SPLIT = re.compile(r"([A-Za-z_]\w*)\[|(?:.*[/\\])?([A-Za-z_]\w*)-\d+-of-\d+\.(?:parquet|arrow)#")
STRING, BINARY = {"dtype": "string", "_type": "Value"}, {"dtype": "binary", "_type": "Value"}
FEATURES = {
    "image": {"_type": "Image"},
    "name": STRING,
    "caption": STRING,
    "companions": {"feature": {"extension": STRING, "data": BINARY}, "_type": "List"},
}


def write_parquet(units: Sequence[Unit], root: Path) -> list[str]:
    """part-00000.parquet, ...; the written name of each unit, as "part-00000.parquet#row"."""
    return _write_files(units, root, "part-{:05}.parquet")


def write_hf(units: Sequence[Unit], root: Path) -> list[str]:
    """data/train-00000-of-00001.parquet, ...: one set of files per split, as a dataset on the Hub has them."""
    (root / "data").mkdir()
    by_split: dict[str, list[Unit]] = {}
    for unit in units:
        by_split.setdefault(_split(unit), []).append(unit)
    written: dict[int, str] = {}
    for split, members in by_split.items():
        names = _write_files(members, root / "data", split + "-{:05}.part")
        files = list(dict.fromkeys(name.partition("#")[0] for name in names))
        final = {file: f"{split}-{number:05}-of-{len(files):05}.parquet" for number, file in enumerate(files)}
        for file, name in final.items():
            (root / "data" / file).rename(root / "data" / name)
        for unit, (file, _, row) in zip(members, (name.partition("#") for name in names), strict=True):
            written[unit.row] = f"data/{final[file]}#{row}"
    return [written[unit.row] for unit in units]


def _split(unit: Unit) -> str:
    """The split that the key of a row begins with, of a DatasetDict or of a file named as on the Hub; else "train"."""
    found = SPLIT.match(unit.item.key)
    return next(name for name in found.groups() if name) if found else "train"


def _write_files(units: Sequence[Unit], root: Path, pattern: str) -> list[str]:
    pq = extra("pyarrow.parquet", "parquet")
    written: list[str] = []
    writer, file, rows, size = None, "", 0, 0
    try:
        for table in _tables(units):
            if writer is None or size >= FILE_BYTES:
                if writer:
                    writer.close()
                    file, rows, size = "", 0, 0
                file = pattern.format(len({name.partition("#")[0] for name in written}))
                writer = pq.ParquetWriter(root / file, table.schema)
            if not table.schema.equals(writer.schema):
                hint = "Export them one by one, or as --format webdataset."
                raise UnsupportedInput(f"Tables with different columns cannot become one\n{hint}")
            writer.write_table(table)
            written += [f"{file}#{rows + row}" for row in range(table.num_rows)]
            rows, size = rows + table.num_rows, size + table.nbytes
    finally:
        if writer:
            writer.close()
    return written


def _tables(units: Sequence[Unit]) -> Iterator[Any]:
    """Tables of GROUP_ROWS rows."""
    pyarrow = extra("pyarrow", "parquet")
    from_tables = bool(units) and all(hasattr(unit.item.source, "record") for unit in units)
    for start in range(0, len(units), GROUP_ROWS):
        part = units[start : start + GROUP_ROWS]
        if from_tables:
            yield pyarrow.concat_tables([_record(unit) for unit in part]).combine_chunks()
        else:
            yield pyarrow.Table.from_pylist([_row(unit) for unit in part], _schema(pyarrow))


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
    return pyarrow.schema(columns, {"huggingface": json.dumps({"info": {"features": FEATURES}})})
