"""The distributed engine: the stages as Ray tasks over files in a work folder. Needs the extra `ray`.

Its tables are equal, bit for bit, to those of the local engine, for any number of workers and shards.
"""

from oneofeach.engines.ray.engine import Ray
from oneofeach.engines.ray.export import Export

__all__ = ["Export", "Ray"]
