"""What a person decides on the page → the decisions in the index, which every other door obeys.

What stays by a choice made by hand is "always kept" there, and what was called apart are "no duplicates". Suggestions
that were accepted, one by one or many at once, are the answer of the keep rules anyway, and are not written there.
The page's own store is what counts: the index is told behind its back, and once more when the review is opened again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import combinations

from oneofeach.apps.review.memory import Names
from oneofeach.apps.review.verdicts import ALL, APART, BULK, KEEP, MARKS, Decided
from oneofeach.errors import OneOfEachError
from oneofeach.index import Index
from oneofeach.tables import Catalog, Decisions

BY_HAND = (KEEP, ALL, MARKS)
MOST = 1000  # images of one decision; half a million pairs

Pair = tuple[bytes, bytes]


@dataclass
class Said:
    """What decisions add up to: kept contents, and pairs of contents that are apart, with names for the reader."""

    kept: dict[bytes, str] = field(default_factory=dict)
    apart: dict[Pair, tuple[str, str]] = field(default_factory=dict)

    def hear(self, one: Decided, names: Names) -> None:
        """The last word about an image counts."""
        if one.kind == BULK or len(one.rows) > MOST:
            return
        named = [names.of(row) for row in one.rows.tolist()]
        for content, _ in named:
            self.kept.pop(content, None)
        if one.kind in BY_HAND:
            self.kept |= {content: name for (content, name), stays in zip(named, one.stays, strict=True) if stays}
        for (a, a_name), (b, b_name) in combinations(sorted(named), 2):
            if one.kind == APART and a != b:
                self.apart[a, b] = a_name, b_name
            else:
                self.apart.pop((a, b), None)


class Sharing:
    """Tells one index; without one it only listens. The session's lock guards it.

    say: is told, once, when the index cannot be written.
    """

    def __init__(
        self,
        catalog: Catalog,
        names: Names,
        decided: Iterable[Decided],
        index: Index | None,
        say: Callable[[str], None],
    ) -> None:
        self._names, self._index, self._say = names, index, say
        self._files = {bytes(content) for content in catalog.facts["content"] if content.any()} if index else set()
        self._heard = [one for one in decided if one.kind != BULK]
        self._said = self._all()
        self._worker = ThreadPoolExecutor(1, "oneofeach-sharing")
        own, known = self._said, catalog.decisions
        self.of_others = Decisions(known.apart - own.apart.keys(), known.kept - own.kept.keys())
        self._send(Said(dict.fromkeys(known.kept, ""), dict.fromkeys(known.apart, ("", ""))), own, takes_back=False)

    def hear(self, made: Iterable[Decided]) -> None:
        """Share new decisions."""
        before = Said(dict(self._said.kept), dict(self._said.apart))
        for one in made:
            if one.kind != BULK:
                self._heard.append(one)
                self._said.hear(one, self._names)
        self._send(before, self._said)

    def forget(self, decision: int) -> None:
        """A decision was undone: what was said before it counts again."""
        before, self._heard = self._said, [one for one in self._heard if one.decision != decision]
        self._said = self._all()
        self._send(before, self._said)

    def close(self) -> None:
        """Wait until all of it is written."""
        self._worker.shutdown()

    def _all(self) -> Said:
        said = Said()
        for one in self._heard:
            said.hear(one, self._names)
        return said

    def _send(self, before: Said, after: Said, takes_back: bool = True) -> None:
        if self._index is None:
            return
        kept = [(c, name) for c, name in after.kept.items() if c not in before.kept and c in self._files]
        apart = [
            ((a, names[0]), (b, names[1]))
            for (a, b), names in after.apart.items()
            if (a, b) not in before.apart and {a, b} <= self._files
        ]
        let_go = list(before.kept.keys() - after.kept.keys()) if takes_back else []
        rejoined = list(before.apart.keys() - after.apart.keys()) if takes_back else []
        if kept or apart or let_go or rejoined:
            self._worker.submit(self._write, self._index, kept, apart, let_go, rejoined)

    def _write(
        self,
        index: Index,
        kept: list[tuple[bytes, str]],
        apart: list[tuple[tuple[bytes, str], tuple[bytes, str]]],
        let_go: list[bytes],
        rejoined: list[Pair],
    ) -> None:
        try:
            index.decisions.revise(kept, apart, let_go, rejoined)
        except (OneOfEachError, OSError) as error:
            say, self._say = self._say, lambda line: None
            say(f"The index does not know yet what you decided; the next review tells it again: {error}")
