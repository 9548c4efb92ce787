"""The evidence of one pair → words a person understands."""

from __future__ import annotations

import numpy as np


def words(evidence: np.void) -> str:
    """Why a pair is alike, from its EVIDENCE record."""
    return f"{evidence['distance']} bits of the fingerprint differ, verified {evidence['verified']:.4f}"
