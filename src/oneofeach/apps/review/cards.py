"""A card → the object that the page draws: pictures by number, facts, evidence, reasons. Text is always printable."""

from __future__ import annotations

import os
from functools import lru_cache
from typing import Any

import numpy as np

from oneofeach.apps.review.choices import NEAR, OPEN, Shown
from oneofeach.apps.review.deck import TIERS
from oneofeach.apps.review.pictures import Pictures
from oneofeach.apps.review.session import Session
from oneofeach.stages.similarity import words
from oneofeach.stages.sources.captions import caption_of
from oneofeach.tables import Mask, Rows

MOST = 60  # images of one card that are sent; the rest is counted
PHRASES = {
    "highest-resolution": "higher resolution",
    "least-compressed": "less compressed",
    "largest-file": "larger file",
    "sharpest": "sharper",
    "oldest": "older",
    "newest": "newer",
    "first": "equal by all rules, and it comes first",
    "last": "it comes last",
    "shortest-name": "shorter name",
    "longest-caption": "longer caption",
}


class Cards:
    """Draws the cards of one session."""

    def __init__(self, session: Session, pictures: Pictures) -> None:
        self._session, self._pictures = session, pictures
        self._caption = lru_cache(maxsize=4096)(lambda row: caption_of(session.catalog.items[row]))

    def page(self, filter: str, query: str, start: int, count: int) -> dict[str, Any]:
        """`count` cards of a list from `start` on, and how many there are."""
        with self._session.lock:
            numbers = self._session.views.numbers(filter, query)
            cards = [self.card(number) for number in numbers[start : start + count].tolist()]
            return {"revision": self._session.revision, "total": len(numbers), "start": start, "cards": cards}

    def card(self, number: int) -> dict[str, Any]:
        """One card. Stale when there is none of that number."""
        session = self._session
        with session.lock:
            shown = session.shown(number)
            keeper = int(shown.rows[np.argmax(shown.stays)])
            kind = "settled" if shown.kind == OPEN and len(shown.rows) < 2 else shown.kind
            return {
                "number": number,
                "version": shown.version,
                "kind": kind,
                "count": len(shown.rows),
                "tier": self._tier(shown),
                "reason": self._reason(shown, keeper),
                "images": self._images(shown.rows[:MOST], shown.stays, keeper),
            }

    def _tier(self, shown: Shown) -> str:
        deck = self._session.standing.deck
        at = int(np.searchsorted(deck.keepers, shown.number))
        return TIERS[int(deck.tier[at])] if shown.kind == OPEN and len(shown.rows) > 1 else ""

    def _reason(self, shown: Shown, keeper: int) -> str:
        """Why the suggested one stays, against its strongest rival."""
        if shown.kind == NEAR:
            return "just below the threshold: both stay unless you choose one"
        others = shown.rows[shown.rows != keeper]
        if not len(others) or shown.kind != OPEN:
            return ""
        values, _, rule = self._session.standing.ranking.reason(keeper, int(others[0])).rpartition(" (")
        return text(f"{PHRASES.get(rule[:-1], rule[:-1])}: {values}")

    def _images(self, rows: Rows, stays: Mask, keeper: int) -> list[dict[str, Any]]:
        measured, against = self._session.standing.measured, np.full(len(rows), keeper)
        pairs, similarity = measured.position(rows, against).tolist(), measured.similarity(rows, against).tolist()
        return [
            self._image(row, bool(stay)) | self._against(row, keeper, *found)
            for row, stay, *found in zip(rows.tolist(), stays, pairs, similarity, strict=False)
        ]

    def _image(self, row: int, stays: bool) -> dict[str, Any]:
        session = self._session
        facts, key = session.catalog.facts[row], session.catalog.items[row].key
        return {
            "row": row,
            "tag": self._pictures.tag(row),
            "name": text(os.path.basename(key)),
            "folder": text(os.path.dirname(key)),
            "stays": stays,
            "gone": bool(session.standing.gone[row]),
            "width": int(facts["width"]),
            "height": int(facts["height"]),
            "bytes": int(facts["bytes"]),
            "format": facts["format"].decode(),
            "quality": round(float(facts["quality"])),
            "sharpness": round(float(facts["sharpness"]), 2),
            "date": int(facts["mtime_ns"]) // 1_000_000,
            "frames": int(facts["frames"]),
            "note": session.catalog.notes.get(row, ""),
            "caption": text(self.caption(row)),
        }

    def caption(self, row: int) -> str:
        """The caption as it was written here, else as it is on disk."""
        written = self._session.captions.get(row)
        return written[1] if written else self._caption(row)

    def _against(self, row: int, keeper: int, pair: int, similarity: float) -> dict[str, Any]:
        """How this image compares with the one that stays."""
        session = self._session
        if row == keeper:
            return {"similarity": 1.0, "evidence": "", "align": None}
        if session.catalog.same_bytes(row, keeper):
            return {"similarity": 1.0, "evidence": "identical files", "align": None}
        if pair < 0:
            floor = session.pairs.floor
            known = "identical picture" if similarity == 1.0 else "" if similarity else f"less alike than {floor:g}"
            return {"similarity": similarity, "evidence": known, "align": None}
        record = session.pairs.evidence[pair]
        return {"similarity": similarity, "evidence": words(record), "align": self._align(pair, keeper)}

    def _align(self, pair: int, keeper: int) -> dict[str, Any] | None:
        """How the other image lies over the keeper; None when nothing was measured or nothing is needed."""
        session, record = self._session, self._session.pairs.evidence[pair]
        affine = [float(value) for value in record["affine"]]
        if not any(affine):
            affine = [1.0, 0.0, 0.0, 0.0, 1.0, 0.0]
        keeper_first = bool(session.pairs.same[keeper] == session.pairs.i[pair])
        orientation = int(record["orientation"]) or 1
        if orientation == 1 and affine == [1.0, 0.0, 0.0, 0.0, 1.0, 0.0]:
            return None
        return {"orientation": orientation, "affine": affine, "keeper_first": keeper_first}


def text(value: str) -> str:
    """What no encoding can carry, as escapes: file names may hold anything."""
    return value.encode("utf-8", "backslashreplace").decode("utf-8")
