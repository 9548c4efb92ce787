"""What was decided elsewhere, with `keep` and `not-duplicates`, binds the review too: who stays by that, in any choice.

In: a catalog that carries Decisions, and choices of the page. Out: the same choices, and all that must stay do.
"""

from __future__ import annotations

from dataclasses import replace

from oneofeach.apps.review.verdicts import APART, MARKS, Decided, Mask
from oneofeach.errors import Refused
from oneofeach.tables import Catalog, Rows


class Remembered:
    """The decisions of a catalog, asked about one set of rows at a time."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog, self._decisions = catalog, catalog.decisions

    def staying(self, rows: Rows, stays: Mask) -> Mask:
        """bool[m]: who stays of `rows` when `stays` is chosen. One copy of a content that is always kept stays, and an
        image that is no duplicate of any that stays."""
        if not (self._decisions.kept or self._decisions.apart):
            return stays
        contents = [bytes(content) for content in self._catalog.facts["content"][rows]]
        staying: Mask = stays.copy()
        for place, content in enumerate(contents):
            held = {contents[other] for other in staying.nonzero()[0]}
            if not staying[place] and content not in held:
                staying[place] = content in self._decisions.kept or held <= self._decisions.apart_from(content)
        return staying

    def obeyed(self, one: Decided) -> Decided:
        """An older choice, as far as it can still hold."""
        staying = one.stays if one.kind == APART else self.staying(one.rows, one.stays)
        return one if (staying == one.stays).all() else replace(one, kind=MARKS, stays=staying)

    def check(self, rows: Rows, stays: Mask) -> None:
        """Refused when an image goes by this choice that has to stay."""
        for row in rows[self.staying(rows, stays) != stays].tolist():
            name = self._catalog.items[row].key
            raise Refused(
                f"{name} stays: so it was decided with `oneofeach keep` or `oneofeach not-duplicates`\n"
                "Keep it here too, or take that back with --forget and open the review again."
            )
