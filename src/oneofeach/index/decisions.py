"""Decisions of a person, kept in the index: these two are no duplicates, this one always stays.

In and out: contents (SHA-256), each with a name for the reader. As JSON they move to another machine.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import combinations
from typing import Any

from oneofeach.errors import Refused
from oneofeach.index.store import Store, renewing
from oneofeach.tables import Decisions

SCHEMA_VERSION = 1
TABLES = "always_kept", "no_duplicates"

Named = tuple[bytes, str]
"""A content and the name it was seen under."""
Rows = Sequence[tuple[Any, ...]]


class DecisionStore:
    """The decisions in one index file."""

    def __init__(self, store: Store) -> None:
        self._store = store

    @renewing
    def load(self) -> Decisions:
        """All decisions, for a run to obey."""
        with self._store.reading() as connection:
            kept, apart = (self._store.sealed(connection, name) for name in TABLES)
        return Decisions(frozenset(row[:2] for row in apart), frozenset(content for content, _ in kept))

    def keep(self, images: Iterable[Named]) -> None:
        """These always stay, duplicates or not."""
        self._change(kept=list(images))

    def set_apart(self, images: Iterable[Named]) -> None:
        """No two of these are duplicates. Refused for images of the same bytes: nothing can tell them apart."""
        rows = []
        for a, b in combinations(images, 2):
            if a[0] == b[0]:
                raise Refused(f"{a[1]} and {b[1]} have the same bytes\nUse `--protect` to keep a copy where it is.")
            (one, one_name), (other, other_name) = sorted((a, b))
            rows.append((one, other, one_name, other_name))
        self._change(apart=rows)

    @renewing
    def forget(self, contents: Sequence[bytes]) -> int:
        """Take back every decision that names one of these contents. How many there were."""
        count = 0
        with self._store.changing(*TABLES) as connection:
            for content in contents:
                count += connection.execute("DELETE FROM always_kept WHERE content = ?", (content,)).rowcount
                found = connection.execute("DELETE FROM no_duplicates WHERE ? IN (one, other)", (content,))
                count += found.rowcount
        return count

    def revise(
        self,
        kept: Iterable[Named],
        apart: Iterable[tuple[Named, Named]],
        let_go: Iterable[bytes],
        rejoined: Iterable[tuple[bytes, bytes]],
    ) -> None:
        """Add some decisions and take back others, all of it or nothing. Pairs are of different contents."""
        rows = [(one, other, *names) for (one, other), names in (zip(*sorted(pair), strict=True) for pair in apart)]
        pairs = [tuple(sorted(pair)) for pair in rejoined]
        self._change(list(kept), rows, [(content,) for content in let_go], pairs)

    @renewing
    def _change(self, kept: Rows = (), apart: Rows = (), let_go: Rows = (), rejoined: Rows = ()) -> None:
        with self._store.changing(*TABLES) as connection:
            connection.executemany("DELETE FROM always_kept WHERE content = ?", let_go)
            connection.executemany("DELETE FROM no_duplicates WHERE one = ? AND other = ?", rejoined)
            connection.executemany("INSERT OR REPLACE INTO always_kept VALUES (?, ?)", kept)
            connection.executemany("INSERT OR REPLACE INTO no_duplicates VALUES (?, ?, ?, ?)", apart)

    @renewing
    def exported(self) -> dict[str, Any]:
        """All decisions as a JSON object, contents in hexadecimal."""
        with self._store.reading() as connection:
            kept, apart = (self._store.sealed(connection, name) for name in TABLES)
        return {
            "schema_version": SCHEMA_VERSION,
            "always_kept": [{"content": content.hex(), "name": name} for content, name in kept],
            "no_duplicates": [
                [{"content": one.hex(), "name": one_name}, {"content": other.hex(), "name": other_name}]
                for one, other, one_name, other_name in apart
            ],
        }

    def take_in(self, record: Any) -> int:
        """Add what `exported` wrote. How many decisions. Refused, and nothing added, when it is something else."""
        try:
            if record["schema_version"] != SCHEMA_VERSION:
                raise ValueError(f"schema_version {record['schema_version']}")
            kept = [_named(image) for image in record["always_kept"]]
            apart = [(_named(one), _named(other)) for one, other in record["no_duplicates"]]
        except (KeyError, TypeError, ValueError) as error:
            raise Refused(
                f"These are no decisions of version {SCHEMA_VERSION}: {error}\nWrite them with `decisions export`."
            ) from error
        self.keep(kept)
        for pair in apart:
            self.set_apart(pair)
        return len(kept) + len(apart)


def _named(image: Any) -> Named:
    content = bytes.fromhex(image["content"])
    if len(content) != 32:
        raise ValueError(f"content {image['content']}")
    return content, str(image["name"])
