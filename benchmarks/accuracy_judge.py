"""What was described in, shares of copies found and of look-alikes accepted out, for every method at every setting."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from accuracy_data import Dataset
from accuracy_methods import FLOOR, OURS, PEERS, distances, similarities

from oneofeach.kernels import hamming
from oneofeach.stages.neighbors import each_once, neighbors
from oneofeach.tables import Bytes, Floats, Rows

NAME = "oneofeach-1"
TIERS = ("core A", "tier A", "tier B", "tier C")
SAMPLE = 60_000  # unrelated pairs that are measured whatever their similarity
Tables = dict[str, Bytes]


@dataclass(frozen=True)
class Curve:
    """A method at its settings, loosest last: a similarity of ours, a distance of a peer's.

    recall: percent float64[s, 4] of TIERS; changes: percent float64[s, changes]; labels: percent float64[s, labels];
    unrelated: pairs int64[s].
    """

    settings: Floats
    recall: Floats
    changes: Floats
    labels: Floats
    unrelated: Rows

    @property
    def negatives(self) -> Floats:
        """Mean over the labels, float64[s]."""
        return np.asarray(self.labels.mean(axis=1))

    def at(self, setting: float) -> int:
        return int(np.flatnonzero(np.isclose(self.settings, setting))[0])


@dataclass(frozen=True)
class Judged:
    curves: dict[str, Curve]
    labels: list[str]
    label_pairs: list[int]
    unrelated_pairs: int
    copies: int
    ahead: list[str]  # settings of peers that no setting of ours matches in every respect


def judged(given: Dataset, tables: dict[int, Tables]) -> Judged:
    """tables: by job, as accuracy.py names them."""
    rows = [row for row in given.attacked if row not in given.flat]
    parts = [tables[job] for job in sorted((job for job in tables if job < 0), reverse=True)]
    pool = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    labels = sorted({label for _, _, label in given.negatives})
    pairs = {one: np.array([(a, b) for a, b, label in given.negatives if label == one]) for one in labels}
    i, j = _unrelated(given)
    settings = np.round(np.arange(1.0, -1e-9, -0.005), 3)
    curves = {NAME: _curve(given, rows, tables, pool, pairs, _accepted_ours(pool, given, settings, i, j), settings)}
    for name, (bits, _) in PEERS.items():
        counts = np.bincount(_distances(pool[name], i, j), minlength=bits + 1).cumsum()
        steps = np.arange(bits + 1, dtype=np.float64)
        curves[name] = _curve(given, rows, tables, pool, pairs, counts, steps, name)
    sizes = [len(pairs[label]) for label in labels]
    ahead = [point for name in PEERS for point in _ahead(name, curves[name], curves[NAME])]
    return Judged(curves, labels, sizes, len(i), len(rows), ahead)


def _curve(
    given: Dataset, rows: list[int], tables: dict[int, Tables], pool: Tables, pairs: dict[str, Rows],
    unrelated: Rows, settings: Floats, peer: str = "",
) -> Curve:  # fmt: skip
    def measured(table: Tables, i: Rows, j: Rows) -> Floats:
        return distances(table, peer, i, j).astype(float) if peer else similarities(table, i, j)

    count = len(given.changes)
    found = np.array([measured(tables[row], np.zeros(count, int), np.arange(1, count + 1)) for row in rows])
    accept: Callable[[Floats], Floats] = lambda values: _shares(values, settings, bool(peer))  # noqa: E731
    tier = np.array([change.tier for change in given.changes])
    core = np.array([change.core for change in given.changes])
    groups = [core, tier == "A", tier == "B", tier == "C"]
    return Curve(
        settings,
        np.stack([accept(found[:, group].ravel()) for group in groups], axis=1),
        np.stack([accept(column) for column in found.T], axis=1),
        np.stack([accept(measured(pool, *pairs[label].T)) for label in sorted(pairs)], axis=1),
        unrelated,
    )


def _shares(values: Floats, settings: Floats, distance: bool) -> Floats:
    """Percent of the values that each setting accepts."""
    ranked = np.sort(values)
    if distance:
        return 100 * np.searchsorted(ranked, settings, side="right") / len(values)
    return 100 * (len(values) - np.searchsorted(ranked, settings, side="left")) / len(values)


def _unrelated(given: Dataset) -> tuple[Rows, Rows]:
    source = np.unique(given.sources, return_inverse=True)[1]
    i, j = np.triu_indices(len(source), 1)
    apart = source[i] != source[j]
    return i[apart], j[apart]


def _distances(rows: Bytes, i: Rows, j: Rows) -> Rows:
    step = 1 << 18
    return np.concatenate([hamming(rows[i[k : k + step]], rows[j[k : k + step]]) for k in range(0, len(i), step)])


def _accepted_ours(pool: Tables, given: Dataset, settings: Floats, i: Rows, j: Rows) -> Rows:
    """Of the unrelated pairs (i, j), how many are at or above each similarity; below FLOOR estimated from a sample."""
    of, keys = OURS.keys(pool["bits"])
    left, right, _ = neighbors(keys, OURS.radius(FLOOR))
    one, other = each_once(of[left], of[right], len(pool["bits"]))
    source = np.unique(given.sources, return_inverse=True)[1]
    apart = source[one] != source[other]
    near = similarities(pool, one[apart], other[apart], FLOOR)
    chosen = np.sort(np.random.default_rng(0).choice(len(i), min(SAMPLE, len(i)), replace=False))
    far = similarities(pool, i[chosen], j[chosen])
    far, every = far[far < FLOOR], np.count_nonzero(near >= FLOOR)
    rest = (len(i) - every) / max(1, len(far))
    counts = [
        np.count_nonzero(near >= t) if t >= FLOOR else every + rest * np.count_nonzero(far >= t) for t in settings
    ]
    return np.rint(counts).astype(np.int64)


def _ahead(name: str, peer: Curve, ours: Curve) -> list[str]:
    """Settings at which a peer finds more of a tier than we do wherever we accept no more than it."""
    found = []
    for k, setting in enumerate(peer.settings):
        allowed = (ours.unrelated <= peer.unrelated[k]) & (ours.negatives <= peer.negatives[k])
        enough = (ours.recall[:, 1:] >= peer.recall[k, 1:]).all(axis=1)
        if not (allowed & enough).any():
            found.append(f"{name} ≤ {setting:.0f}")
    return found
