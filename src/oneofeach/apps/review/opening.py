"""A catalog and its pairs → a review that is ready to be served."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from oneofeach.apps.review import memory, thumbnails
from oneofeach.apps.review.ahead import Ahead
from oneofeach.apps.review.answers import Answers
from oneofeach.apps.review.applying import Applying
from oneofeach.apps.review.cards import Cards
from oneofeach.apps.review.events import Events
from oneofeach.apps.review.memory import Memory
from oneofeach.apps.review.pictures import Pictures
from oneofeach.apps.review.security import Door, Guard
from oneofeach.apps.review.server import Running, application
from oneofeach.apps.review.session import Session
from oneofeach.apps.review.thumbnails import Thumbnails
from oneofeach.index import Index
from oneofeach.tables import Catalog, Pairs


@dataclass
class Opened:
    """A review on its port; `run` serves it until it is stopped."""

    session: Session
    pictures: Pictures
    thumbnails: Thumbnails
    ahead: Ahead
    applying: Applying
    events: Events
    door: Door
    app: Guard
    running: Running

    @property
    def port(self) -> int:
        return self.running.port

    def link(self) -> str:
        """A link that opens the page once."""
        return self.running.link(self.door.token())

    def run(self) -> None:
        """Serve until interrupted; what is being applied is finished first."""
        try:
            self.running.run()
        finally:
            self.close()

    def close(self) -> None:
        """Finish what is being applied, and close the stores."""
        self.applying.wait()
        self.running.close()
        self.ahead.close()
        self.thumbnails.close()
        self.session.close()

    def stop(self) -> None:
        self.running.stop()


def open_review(
    catalog: Catalog,
    pairs: Pairs,
    *,
    threshold: float | None = None,
    keep: str | None = None,
    places: Sequence[str] = (),
    port: int = 0,
    store: str | None = None,
    thumbnail_store: str | None = None,
    journals: str = "",
    destination: str = "",
    index: Index | None = None,
    read_only: bool = False,
    say: Callable[[str], None] = lambda line: None,
) -> Opened:
    """threshold, keep: where to begin; None: where the person stopped. places: what the source is called.

    store, thumbnail_store: files for decisions and thumbnails; None: the user's own. journals: a folder for them.
    destination: a folder that is not there yet, for exports; empty: none are offered.
    index: told what was decided and kept. say: prints a line.
    Refused when the port is taken or a store cannot be opened.
    """
    session = Session(
        catalog,
        pairs,
        Memory(store or memory.default_path()),
        threshold=threshold,
        keep=keep,
        places=places,
        read_only=read_only,
        index=index,
        say=say,
    )
    small = Thumbnails(thumbnail_store or thumbnails.default_path())
    pictures = Pictures(catalog, small)
    ahead = Ahead(session, pictures.thumbnail)
    pictures.seen = ahead.seen
    events = Events()
    applying = Applying(session, events.publish, journals, destination, index)
    door = Door(lambda token: say(f"A new link, good for one browser: {running.link(token)}"))
    answers = Answers(session, Cards(session, pictures), applying, events, ", ".join(places))
    app = application(answers, pictures, events, door)
    running = Running(ahead.resting(app), events, port)
    return Opened(session, pictures, small, ahead, applying, events, door, app, running)
