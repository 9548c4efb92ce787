"""What the page asks and orders, as functions from checked fields to plain objects. Anything unexpected is refused."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict
from functools import partial
from typing import Any

import numpy as np

from oneofeach import __version__
from oneofeach.apps.review.applying import Applying, Wanted
from oneofeach.apps.review.bulk import Bulk
from oneofeach.apps.review.cards import Cards, text
from oneofeach.apps.review.events import Events
from oneofeach.apps.review.fields import Fields, number_in, text_in, view_in
from oneofeach.apps.review.places import PAGE, Places
from oneofeach.apps.review.session import Session
from oneofeach.apps.review.turns import Turns
from oneofeach.apps.review.views import FILTERS
from oneofeach.stages.acting.captions import RULES as CAPTION_RULES
from oneofeach.stages.acting.captions import caption_rule
from oneofeach.stages.preference import NAMES, parse
from oneofeach.tables import Floats

BINS = 100

Answer = Callable[[Fields], dict[str, Any]]


class Answers:
    """Everything the page can ask of one session. questions change nothing; orders do."""

    def __init__(self, session: Session, cards: Cards, applying: Applying, events: Events, title: str) -> None:
        self._session, self._cards, self._applying, self._events, self._title = session, cards, applying, events, title
        self._bulk = Bulk(session)
        self._histogram = histogram(session.pairs.similarity, session.pairs.floor)
        self._places, self._turns = Places(session, cards), Turns()
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
        with self._session.lock:
            self._by = text_in(fields, "page")[:40]
            return self._turns.once(self._by, number_in(fields, "turn", 0), lambda: order(fields))

    def boot(self) -> dict[str, Any]:
        """Everything for the first picture, so that it needs no second question."""
        with self._session.lock:
            state = self._session.state
            view = state.get("filter", "all") if state.get("filter") in FILTERS else "all"
            query = str(state.get("query", ""))
            place = self._places.stopped(view, query)
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

    def status(self) -> dict[str, Any]:
        """Numbers that change with every decision."""
        session = self._session
        with session.lock:
            now = session.standing
            return {
                "revision": session.revision,
                "threshold": now.threshold,
                "keep": now.keep,
                "read_only": session.read_only,
                "counts": {
                    **asdict(now.tally),
                    "seen": len(session.catalog) - int(session.catalog.reference.sum()),
                    "skipped": len(session.catalog.errors),
                    "gone": int(now.gone.sum()),
                    "open": len(now.deck.keepers),
                    "decided": session.views.count_decided,
                },
                "can_undo": bool(session.undoable),
                "proposal": asdict(session.proposal()),
                "applied": self._applying.summary(),
            }

    def page(self, fields: Fields) -> dict[str, Any]:
        start, count = number_in(fields, "start", 0), min(number_in(fields, "count", PAGE), PAGE)
        return self._cards.page(view_in(fields), text_in(fields, "query"), max(0, start), max(0, count))

    def card(self, fields: Fields) -> dict[str, Any]:
        return self._cards.card(number_in(fields, "number"))

    def look(self, fields: Fields) -> dict[str, Any]:
        """A list anew, where the page looks, with the numbers."""
        with self._session.lock:
            return {**self._places.looking(fields), "status": self.status()}

    def captions(self, fields: Fields) -> dict[str, Any]:
        """What the caption of the one that stays would read under each rule."""
        with self._session.lock:
            shown = self._session.shown(number_in(fields, "number"))
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
            card, row = number_in(fields, "number"), number_in(fields, "row", -1)
            number = self._session.decide(card, text_in(fields, "version"), text_in(fields, "action"), row)
            return self._changed({"card": self._cards.card(number)})

    def undo(self, fields: Fields) -> dict[str, Any]:
        with self._session.lock:
            undone = bool(self._session.undoable)
            number = self._session.undo()
            view, query = view_in(fields), text_in(fields, "query")
            place = self._places.looking(fields) if number is None else self._places.of(view, query, number)
            return self._changed({"undone": undone, **place})

    def cut(self, fields: Fields) -> dict[str, Any]:
        with self._session.lock:
            keep = fields.get("keep")
            if keep is not None:
                parse(text_in(fields, "keep"))
            self._session.cut(fields.get("threshold"), keep)
            return self._changed(self._places.looking(fields))

    def caption(self, fields: Fields) -> dict[str, Any]:
        self._session.caption(number_in(fields, "row"), text_in(fields, "text"))
        return self._changed({})

    def state(self, fields: Fields) -> dict[str, Any]:
        """Remember mode, list and card: where the next run begins."""
        with self._session.lock:
            changes: dict[str, Any] = {"filter": view_in(fields), "query": text_in(fields, "query")}
            changes["mode"] = "overview" if fields.get("mode") == "overview" else "stream"
            if "number" in fields:
                content, key = self._session.names.of(int(self._session.shown(number_in(fields, "number")).rows[-1]))
                changes["anchor"] = [content.hex(), key]
            self._session.save_state(**changes)
            return {}

    def sample(self, fields: Fields) -> dict[str, Any]:
        with self._session.lock:
            ticket, total, numbers = self._bulk.sample(view_in(fields), text_in(fields, "query"))
            return {"ticket": ticket, "total": total, "cards": [self._cards.card(number) for number in numbers]}

    def accept(self, fields: Fields) -> dict[str, Any]:
        with self._session.lock:
            rule = f"tier {view_in(fields)}, search {text_in(fields, 'query')!r}"
            accepted = self._bulk.accept(text_in(fields, "ticket"), rule)
            return self._changed({"accepted": accepted, **self._places.looking(fields)})

    def plan(self, fields: Fields) -> dict[str, Any]:
        action, captions = text_in(fields, "action", "quarantine"), text_in(fields, "captions", "own")
        return self._applying.plan(Wanted(action, captions, fields.get("decided_only") is not False))

    def apply(self, fields: Fields) -> dict[str, Any]:
        self._applying.start(text_in(fields, "id"))
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
