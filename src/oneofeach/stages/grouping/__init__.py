"""Pairs and an order of preference in, Groups out: who stays, and for whom each of the others goes.

Keeper-first is the definition of "duplicate" that removal rests on; components exist for exploring only.
"""

from __future__ import annotations

from oneofeach.stages.grouping.components import components
from oneofeach.stages.grouping.keeper_first import keeper_first

__all__ = ["components", "keeper_first"]
