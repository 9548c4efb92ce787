"""What the page asks and orders, as functions from checked fields to plain objects. Anything unexpected is refused."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict
from functools import partial
from typing import Any

import numpy as np

from oneofeach import __version__
from oneofeach.apps.review.applying import Applying, Wanted
from oneofeach.apps.review.cards import Cards, text
from oneofeach.apps.review.events import Events
from oneofeach.apps.review.session import Session
from oneofeach.apps.review.views import FILTERS
from oneofeach.errors import OneOfEachError
from oneofeach.stages.acting.captions import RULES as CAPTION_RULES
from oneofeach.stages.acting.captions import caption_rule
from oneofeach.stages.preference import NAMES, parse
from oneofeach.tables import Floats

BINS = 100
PAGE = 50  # cards in one answer
LONGEST = 100_000  # characters of a caption
TABS = 64  # pages whose last order is remembered

Fields = dict[str, Any]
Answer = Callable[[Fields], dict[str, Any]]


class Wrong(OneOfEachError):
    """A field that the page would never send."""

    def __init__(self, name: str) -> None:
        super().__init__(f"Unexpected value: {name}\nReload the page.")


class Answers:
    """Everything the page can ask of one session. questions change nothing; orders do."""

    def __init__(self, session: Session, cards: Cards, applying: Applying, events: Events, title: str) -> None:
        self._session, self._cards, self._applying, self._events, self._title = session, cards, applying, events, title
        self._histogram = histogram(session.pairs.similarity, session.pairs.floor)
        self._last: dict[str, tuple[int, dict[str, Any]]] = {}
        self._by = ""
        self.questions: Mapping[str, Answer] = {
            "session": lambda fields: self.status(),
            "cards": self.page,
            "card": self.card,
            "look": self.look,
            "sample": self.sample,
            "captions": self.captions,
            "skipped": lambda fields: self.skipped(),
        }
        orders: Mapping[str, Answer] = {
            "decide": self.decide,
            "undo": self.undo,
            "cut": self.cut,
            "caption": self.caption,
            "state": self.state,
            "accept": self.accept,
            "plan": self.plan,
            "apply": self.apply,
            "take-back": lambda fields: self.take_back(),
        }
        self.orders = {name: partial(self._once, order) for name, order in orders.items()}

    def _once(self, order: Answer, fields: Fields) -> dict[str, Any]:
        """An order is done once: when the answer was lost on its way, the page sends it again and gets it again."""
        page, turn = _text(fields, "page")[:40], _number(fields, "turn", 0)
        with self._session.lock:
            done, answer = self._last.get(page, (0, {}))
            if turn and turn == done:
                return answer
            self._by = page
            answer = order(fields)
            if turn:
                self._last.pop(page, None)
                self._last[page] = turn, answer
                if len(self._last) > TABS:
                    del self._last[next(iter(self._last))]
            return answer

    def boot(self) -> dict[str, Any]:
        """Everything for the first picture, so that it needs no second question."""
        with self._session.lock:
            state = self._session.state
            view = state.get("filter", "all") if state.get("filter") in FILTERS else "all"
            query = str(state.get("query", ""))
            place = self._place(view, query, self._stopped())
            fixed = {
                "title": self._title,
                "version": __version__,
                "rules": list(NAMES),
                "actions": self._applying.actions,
                "caption_rules": list(CAPTION_RULES),
                "histogram": self._histogram,
                "floor": self._session.pairs.floor,
            }
            mode = state.get("mode") if state.get("mode") in ("stream", "overview") else "stream"
            return {**fixed, **self.status(), "mode": mode, "filter": view, "query": query, **place}

    def _stopped(self) -> int | None:
        """The card where the person stopped."""
        anchor = self._session.state.get("anchor")
        if not isinstance(anchor, list):
            return None
        row = self._session.names.find(bytes.fromhex(anchor[0]), anchor[1], {})
        return self._session.number_of(row) if row >= 0 else None

    def _place(self, view: str, query: str, number: int | None) -> dict[str, Any]:
        """Where a card is in a list, else the first open group, with the page around it."""
        numbers = self._session.views.numbers(view, query)
        found = np.flatnonzero(numbers == number) if number is not None else numbers[:0]
        found = found if len(found) else np.flatnonzero(numbers >= 0)
        at = int(found[0]) if len(found) else max(0, len(numbers) - 1)
        return {"at": at, "page": self._cards.page(view, query, at - at % PAGE, PAGE)}

    def _looking(self, fields: Fields) -> dict[str, Any]:
        """The place of what a page looks at: the card that shows its row now."""
        row = _number(fields, "row", -1)
        number = self._session.number_of(row) if 0 <= row < len(self._session.catalog) else None
        return self._place(_view(fields), _text(fields, "query"), number)

    def status(self) -> dict[str, Any]:
        """Numbers that change with every decision."""
        session = self._session
        with session.lock:
            removed = session.groups.removed
            return {
                "revision": session.revision,
                "threshold": session.threshold,
                "keep": session.keep,
                "read_only": session.read_only,
                "counts": {
                    "seen": len(session.catalog) - int(session.catalog.reference.sum()),
                    "kept": int(session.groups.kept.sum()),
                    "removed": int(removed.sum()),
                    "skipped": len(session.catalog.errors),
                    "gone": int(session.gone.sum()),
                    "open": len(session.deck.keepers),
                    "decided": session.views.count_decided,
                    "bytes": int(session.catalog.facts["bytes"][removed].sum()),
                },
                "can_undo": bool(session.undoable),
                "proposal": asdict(session.proposal()),
                "applied": self._applying.summary(),
            }

    def page(self, fields: Fields) -> dict[str, Any]:
        start, count = _number(fields, "start", 0), min(_number(fields, "count", PAGE), PAGE)
        return self._cards.page(_view(fields), _text(fields, "query"), max(0, start), max(0, count))

    def card(self, fields: Fields) -> dict[str, Any]:
        return self._cards.card(_number(fields, "number"))

    def look(self, fields: Fields) -> dict[str, Any]:
        """A list anew, where the page looks, with the numbers."""
        with self._session.lock:
            return {**self._looking(fields), "status": self.status()}

    def captions(self, fields: Fields) -> dict[str, Any]:
        """What the caption of the one that stays would read under each rule."""
        with self._session.lock:
            shown = self._session.shown(_number(fields, "number"))
            keeper = int(shown.rows[np.argmax(shown.stays)])
            mine = self._cards.caption(keeper)
            others = [self._cards.caption(row) for row in shown.rows[~shown.stays].tolist()]
            rules = {name: text(caption_rule(name)(mine, [one for one in others if one])) for name in CAPTION_RULES}
            return {"row": keeper, "caption": text(mine), "rules": rules}

    def skipped(self) -> dict[str, Any]:
        errors, items = self._session.catalog.errors, self._session.catalog.items
        return {"skipped": [[text(items[row].key), text(errors[row])] for row in sorted(errors)[:1000]]}

    def decide(self, fields: Fields) -> dict[str, Any]:
        with self._session.lock:
            number = self._session.decide(
                _number(fields, "number"), _text(fields, "version"), _text(fields, "action"), _number(fields, "row", -1)
            )
            return self._changed({"card": self._cards.card(number)})

    def undo(self, fields: Fields) -> dict[str, Any]:
        with self._session.lock:
            undone = bool(self._session.undoable)
            number = self._session.undo()
            view, query = _view(fields), _text(fields, "query")
            place = self._looking(fields) if number is None else self._place(view, query, number)
            return self._changed({"undone": undone, **place})

    def cut(self, fields: Fields) -> dict[str, Any]:
        with self._session.lock:
            keep = fields.get("keep")
            if keep is not None:
                parse(_text(fields, "keep"))
            self._session.cut(fields.get("threshold"), keep)
            return self._changed(self._looking(fields))

    def caption(self, fields: Fields) -> dict[str, Any]:
        self._session.caption(_number(fields, "row"), _text(fields, "text"))
        return self._changed({})

    def state(self, fields: Fields) -> dict[str, Any]:
        """Remember mode, list and card: where the next run begins."""
        with self._session.lock:
            changes: dict[str, Any] = {"filter": _view(fields), "query": _text(fields, "query")}
            changes["mode"] = "overview" if fields.get("mode") == "overview" else "stream"
            if "number" in fields:
                content, key = self._session.names.of(int(self._session.shown(_number(fields, "number")).rows[-1]))
                changes["anchor"] = [content.hex(), key]
            self._session.save_state(**changes)
            return {}

    def sample(self, fields: Fields) -> dict[str, Any]:
        with self._session.lock:
            ticket, total, numbers = self._session.sample(_view(fields), _text(fields, "query"))
            return {"ticket": ticket, "total": total, "cards": [self._cards.card(number) for number in numbers]}

    def accept(self, fields: Fields) -> dict[str, Any]:
        with self._session.lock:
            rule = f"tier {_view(fields)}, search {_text(fields, 'query')!r}"
            accepted = self._session.accept_all(_text(fields, "ticket"), rule)
            return self._changed({"accepted": accepted, **self._looking(fields)})

    def plan(self, fields: Fields) -> dict[str, Any]:
        action, captions = _text(fields, "action", "quarantine"), _text(fields, "captions", "own")
        return self._applying.plan(Wanted(action, captions, fields.get("decided_only") is not False))

    def apply(self, fields: Fields) -> dict[str, Any]:
        self._applying.start(_text(fields, "id"))
        return {"status": self.status()}

    def take_back(self) -> dict[str, Any]:
        self._applying.start_back()
        return {"status": self.status()}

    def _changed(self, answer: dict[str, Any]) -> dict[str, Any]:
        """Add the new numbers, and tell the other pages."""
        self._events.publish({"type": "changed", "by": self._by})
        return {**answer, "status": self.status()}


def histogram(similarity: Floats, floor: float) -> list[int]:
    """How many pairs there are at each similarity, in equal steps from the floor to 1.0."""
    counts, _ = np.histogram(similarity, bins=BINS, range=(min(floor, 0.999), 1.0))
    return [int(count) for count in counts]


def _number(fields: Fields, name: str, default: int | None = None) -> int:
    value = fields.get(name, default)
    if isinstance(value, str) and value.removeprefix("-").isdecimal() and len(value) < 19:
        return int(value)
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 1 << 62:
        return value
    raise Wrong(name)


def _text(fields: Fields, name: str, default: str = "") -> str:
    value = fields.get(name, default)
    if not isinstance(value, str) or len(value) > LONGEST:
        raise Wrong(name)
    try:
        value.encode("utf-8")
    except UnicodeEncodeError:
        raise Wrong(name) from None
    return value


def _view(fields: Fields) -> str:
    view = _text(fields, "filter", "all")
    if view not in FILTERS:
        raise Wrong("filter")
    return view
