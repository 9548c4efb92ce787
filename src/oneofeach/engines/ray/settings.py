"""What a job is: the choices that its parts depend on. A work folder holds one job, and refuses another."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from oneofeach import plugins
from oneofeach.engines.ray.store import Store
from oneofeach.matching import LISTED, LISTED_PER_ROW
from oneofeach.plugins import Fingerprint
from oneofeach.tables import Rows

SUFFIX = ".parquet"
SMALLEST_BLOCK, LARGEST_BLOCK = 4_000_000, 20_000_000  # blocks of 2 million take twice as long per pair of rows


@dataclass(frozen=True)
class Settings:
    """root: the work folder. floor: pairs below this similarity are not kept.

    own_shards: the shards after these hold images that the others are only compared with; -1: there are none.
    shard_rows: images per scan task, where the source can be cut.
    block_rows: rows whose keys are joined at once; 0: by size.
    hot_pairs: candidates that one match task may write out before its work is split.
    listed_pairs: candidates that are all listed; of more, those of two dense rows are not. 0: by size.
    dense_row: neighbors that make a row dense.
    verify_pairs: pairs whose similarity one task measures.
    driver_edges: pairs that the driver groups by itself; above it, in rounds on the cluster.
    """

    root: str
    fingerprint: str
    floor: float
    own_shards: int = -1
    shard_rows: int = 512
    block_rows: int = 0
    hot_pairs: int = 50_000_000
    listed_pairs: int = 0
    dense_row: int = 1024
    verify_pairs: int = 50_000
    driver_edges: int = 50_000_000

    @property
    def store(self) -> Store:
        return Store(self.root)

    @property
    def folder(self) -> str:
        """Where the parts are that depend on the floor."""
        return f"match-{self.floor:.4f}"

    @property
    def method(self) -> Fingerprint:
        made: Fingerprint = plugins.load("fingerprints", self.fingerprint)()
        return made

    def offsets(self) -> Rows:
        """int64[shards + 1]: the first row of every shard, then the number of rows. Once the scan is closed."""
        return _offsets(self.root)

    @property
    def rows(self) -> int:
        return int(self.offsets()[-1])

    @property
    def own(self) -> int:
        """The first row that others are only compared with."""
        return int(self.offsets()[self.own_shards])

    @property
    def listed(self) -> int:
        return self.listed_pairs or max(LISTED, LISTED_PER_ROW * self.own)

    @property
    def in_block(self) -> int:
        return self.block_rows or block_rows(self.rows)

    @property
    def blocks(self) -> int:
        return -(-self.rows // self.in_block)

    @property
    def own_blocks(self) -> range:
        """Blocks that hold own rows."""
        return range(-(-self.own // self.in_block))

    def block(self, number: int) -> tuple[int, int]:
        """First row of a block, and the row after its last."""
        return number * self.in_block, min((number + 1) * self.in_block, self.rows)


def block_rows(rows: int) -> int:
    """Rows per block, for so many in all: small blocks must be read more often, large ones need more memory."""
    return min(max(rows // 256, SMALLEST_BLOCK), LARGEST_BLOCK)


@lru_cache(maxsize=4)
def _offsets(root: str) -> Rows:
    rows = [part["rows"] for part in Store(root).read_json("scan.json")["parts"].values()]
    return np.concatenate([[0], np.cumsum(rows, dtype=np.int64)]).astype(np.int64)


def scan_part(shard: int) -> str:
    return f"scan/{shard:08}{SUFFIX}"
