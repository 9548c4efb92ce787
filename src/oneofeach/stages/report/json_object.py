"""An outcome → the object that `find --json` prints. A change that breaks readers raises SCHEMA_VERSION."""

from __future__ import annotations

import json
from typing import IO, Any

from oneofeach.tables import Group, Outcome

SCHEMA_VERSION = 1


def json_object(outcome: Outcome) -> dict[str, Any]:
    """{schema_version, sources, against, similarity_threshold, keep, fingerprint, orientations, counts, groups,
    skipped, notes}."""
    items = outcome.catalog.items
    return {
        "schema_version": SCHEMA_VERSION,
        "sources": outcome.catalog.sources,
        "against": outcome.catalog.against,
        "similarity_threshold": outcome.similarity_threshold,
        "keep": outcome.keep,
        "fingerprint": outcome.catalog.fingerprint,
        "orientations": outcome.pairs.orientations,
        "counts": outcome.counts,
        "groups": [_group(outcome, group) for group in outcome.groups],
        "skipped": [{"key": key, "reason": reason} for key, reason in outcome.skipped],
        "notes": [{"key": items[row].key, "note": note} for row, note in sorted(outcome.catalog.notes.items())],
    }


def write_json(outcome: Outcome, file: IO[str], _: object) -> None:
    json.dump(json_object(outcome), file, indent=2)
    file.write("\n")


def _group(outcome: Outcome, group: Group) -> dict[str, Any]:
    facts = outcome.catalog.facts[group.row]
    size = {name: int(facts[name]) for name in ("width", "height", "bytes")}
    duplicates = [
        {"key": one.key, "similarity": one.similarity, "evidence": one.evidence, "reason": one.reason}
        for one in group.duplicates
    ]
    return {"keeper": {"key": group.key, **size}, "reason": group.reason, "duplicates": duplicates}
