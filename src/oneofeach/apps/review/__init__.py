"""The review page: a person sees each group side by side and decides what stays. Read session.py first.

session.py holds what is being reviewed, regroup.py turns decisions and a threshold into groups, server.py is the door
for the browser, page/ is what it loads. Files of the user change only at "apply".
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from oneofeach.flow import Result

__all__ = ["review"]


def review(result: Result, *, port: int = 0, read_only: bool = False, open_browser: bool = True) -> None:
    """Serve the review page of a result until interrupted; the link is printed.

    Pairs are matched again down to 0.80 when the result has only those above its threshold; nothing is decoded.
    MissingExtra when the extra "review" is not installed.
    """
    from oneofeach.apps.review.serving import serve
    from oneofeach.matching import FLOOR, match

    pairs = result.pairs
    if pairs.floor > FLOOR:
        pairs = match(result.catalog, floor=FLOOR, orientations=pairs.orientations)
    choice = {"threshold": result.similarity_threshold, "keep": result.keep}
    serve(result.catalog, pairs, **choice, port=port, read_only=read_only, open_browser=open_browser)
