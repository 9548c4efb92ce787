"""Contents met in a run → their descriptions: equal bytes are decoded once, whichever thread meets them first."""

from __future__ import annotations

from collections.abc import Callable
from threading import Condition

from oneofeach.tables import Description

REMEMBERED = 10_000  # contents of a run; one that comes again later than that is decoded again


class Claim:
    """A content that one thread describes; others wait for it."""

    __slots__ = ("error", "found")

    def __init__(self) -> None:
        self.found: Description | None = None
        self.error: BaseException | None = None


class Seen:
    """The claims of a run. Who makes one settles it, or gives it up, before waiting for any other.

    stored: finds a description of an earlier run by content.
    """

    def __init__(self, stored: Callable[[bytes], Description | None] | None = None) -> None:
        self._changed = Condition()
        self._claims: dict[bytes, Claim] = {}
        self._stored = stored

    def claim(self, content: bytes) -> tuple[Claim, bool]:
        """The claim to this content, and whether the caller is the one who has to settle it."""
        with self._changed:
            if content in self._claims:
                return self._claims[content], False
            if len(self._claims) >= REMEMBERED:
                del self._claims[next(iter(self._claims))]
            claim = self._claims[content] = Claim()
            return claim, True

    def settle(self, claim: Claim, found: Description) -> None:
        with self._changed:
            claim.found = found
            self._changed.notify_all()

    def give_up(self, claims: list[Claim], error: BaseException) -> None:
        """Whoever waits for one of them that is not settled gets the error."""
        with self._changed:
            for claim in claims:
                claim.error = error
            self._changed.notify_all()

    def wait(self, claim: Claim) -> Description:
        """The description, as soon as it is there."""
        if claim.found is None:
            with self._changed:
                self._changed.wait_for(lambda: claim.found or claim.error)
        if claim.found is None:
            raise claim.error or AssertionError
        return claim.found

    def __reduce__(self) -> tuple[type[Seen], tuple[()]]:
        """Another process remembers for itself."""
        return Seen, ()

    @property
    def asks(self) -> bool:
        """Whether there is an earlier run to ask about."""
        return self._stored is not None

    def before(self, content: bytes) -> Description | None:
        """What an earlier run knew of this content."""
        return self._stored(content) if self._stored else None
