"""An outcome → a Parquet table with one row per image, in input order; the columns are those of the CSV, typed.

Needs the extra `parquet`. What is empty in the CSV is null here.
"""

from __future__ import annotations

from io import TextIOWrapper
from typing import IO, Any, cast

from oneofeach.plugins import extra
from oneofeach.stages.report.csv_table import COLUMNS, rows_of
from oneofeach.tables import Outcome

TYPES = {"similarity": "float64", "width": "int32", "height": "int32", "bytes": "int64"}
AT_ONCE = 50_000  # rows of one row group


def write_parquet(outcome: Outcome, file: IO[str], _: object) -> None:
    """Write below the text layer of the file: Parquet is bytes."""
    pyarrow, parquet = extra("pyarrow", "parquet"), extra("pyarrow.parquet", "parquet")
    schema = pyarrow.schema([(name, getattr(pyarrow, TYPES.get(name, "string"))()) for name in COLUMNS])
    with parquet.ParquetWriter(cast(TextIOWrapper, file).buffer, schema) as writer:
        part: list[dict[str, Any]] = []
        for row in rows_of(outcome):
            part.append({name: _value(name, row.get(name)) for name in COLUMNS})
            if len(part) == AT_ONCE:
                writer.write_table(pyarrow.Table.from_pylist(part, schema))
                part = []
        writer.write_table(pyarrow.Table.from_pylist(part, schema))


def _value(name: str, value: Any) -> Any:
    if value in ("", None):
        return None
    if isinstance(value, str):  # a file name may hold what no encoding can carry
        return float(value) if name == "similarity" else value.encode("utf-8", "backslashreplace").decode()
    return value
