"""What was seen, decided and done, in one SQLite file: descriptions and pairs, keyed by content.

Whatever is stored here can be computed again, except decisions and what was kept: losing the file costs time only.
"""

from __future__ import annotations

from oneofeach.index.index import Index, default_path, users_own
from oneofeach.index.store import IndexRenewed, renewing

__all__ = ["Index", "IndexRenewed", "default_path", "renewing", "users_own"]
