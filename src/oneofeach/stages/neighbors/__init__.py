"""Fingerprints in, every pair of rows within a Hamming radius out: exact and sorted."""

from __future__ import annotations

from oneofeach.stages.neighbors.bounded import Bounded, bounded, each_once
from oneofeach.stages.neighbors.identical import identical
from oneofeach.stages.neighbors.join import neighbors

__all__ = ["Bounded", "bounded", "each_once", "identical", "neighbors"]
