"""Folders for tests of acting: made from a table, looked at as a whole, and planned for without scanning them."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from oneofeach.stages.acting import plan as planning
from oneofeach.stages.acting.names import QUARANTINE
from oneofeach.stages.acting.plans import Plan, plan_from
from oneofeach.stages.acting.steps import Caption, File, Step
from oneofeach.stages.acting.witness import look
from oneofeach.stages.preference import rank
from oneofeach.stages.sources.folder import FolderSource
from oneofeach.tables import EVIDENCE, FACTS, Catalog, Groups, Outcome, Pairs

__all__ = ["Caption", "FolderSource", "contents", "make", "outcome", "plan", "planned", "snapshot", "step"]

Look = tuple[str, bytes, int, int]


def make(root: Path, files: Mapping[str, bytes | str]) -> Path:
    """Write the files below `root`, each with an mtime and a mode of its own."""
    for number, (name, content) in enumerate(files.items()):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        path.chmod((0o644, 0o600, 0o664)[number % 3])
        os.utime(path, ns=(10**18, 1_600_000_000_123_456_789 + number * 1_000_000_007))
    return root


def snapshot(root: Path) -> dict[str, Look]:
    """Every name below `root`, empty folders too: its kind, bytes or destination, mtime and mode."""
    found: dict[str, Look] = {}
    for folder, folders, files in os.walk(root):
        for name in files + [name for name in folders if os.path.islink(os.path.join(folder, name))]:
            path = os.path.join(folder, name)
            status = os.lstat(path)
            if os.path.islink(path):
                found[os.path.relpath(path, root)] = "link", os.fsencode(os.readlink(path)), 0, 0
            else:
                data = Path(path).read_bytes()
                found[os.path.relpath(path, root)] = "file", data, status.st_mtime_ns, status.st_mode
        if not files and not folders:
            found[os.path.relpath(folder, root)] = "folder", b"", 0, os.lstat(folder).st_mode
    return found


def contents(root: Path) -> dict[str, str]:
    """Name below `root` → text, for files outside the quarantine."""
    return {name: look[1].decode() for name, look in snapshot(root).items() if not name.startswith(QUARANTINE)}


def contents_names(root: Path) -> list[str]:
    """Names of all files below `root` outside the quarantine, sorted."""
    return sorted(name for name, look in snapshot(root).items() if look[0] == "file" and QUARANTINE not in name)


def step(root: Path, name: str, keeper: str, action: str = "quarantine", sidecars: Sequence[str] = ()) -> Step:
    """One step on files that exist, as a planner would write it."""

    def seen(relative: str) -> File:
        target = str(root / QUARANTINE / "t" / relative) if action == "quarantine" else ""
        return replace(look(str(root / relative)), target=target)

    files = tuple(seen(sidecar) for sidecar in sidecars)
    return Step(
        action, seen(name), look(str(root / keeper)), files, 0.97, "first", "position 1 over position 2 (first)"
    )


def plan(root: Path, *steps: Step, protect: Sequence[str] = (), name: str = "t") -> Plan:
    return Plan(name, steps[0].action if steps else "quarantine", (str(root),), tuple(protect), steps)


def outcome(root: Path, goes: Mapping[str, str], similarity: float = 0.97) -> Outcome:
    """What a scan of `root` that finds these duplicates (name → keeper) would hand to the planner."""
    items = list(FolderSource().items(str(root)))
    row = {item.key: number for number, item in enumerate(items)}
    facts = np.zeros(len(items), FACTS)
    for number, item in enumerate(items):
        if not item.error:
            seen = look(str(item.input))
            content = np.frombuffer(bytes.fromhex(seen.content), np.uint8)
            facts[number]["content"], facts[number]["bytes"] = content, seen.size
            facts[number]["mtime_ns"] = seen.mtime_ns
    errors = {number: item.error for number, item in enumerate(items) if item.error}
    nothing = np.zeros((len(items), 0), np.uint8)
    catalog = Catalog("none", items, facts, nothing, nothing, errors)
    keeper = np.arange(len(items), dtype=np.int64)
    keeper[list(errors)] = -1
    for name, kept in goes.items():
        keeper[row[name]] = row[kept]
    value = np.where(keeper == np.arange(len(items)), 1.0, similarity)
    none = np.zeros(0, np.int64)
    pairs = Pairs(0.9, none, none, np.zeros(0), np.zeros(0, EVIDENCE), np.arange(len(items)))
    groups = Groups(keeper, value, np.full(len(items), -1, np.int64))
    return Outcome(catalog, pairs, groups, rank(catalog, "first"), 0.95, "first", str)


def planned(root: Path, goes: Mapping[str, str], action: str = "quarantine", **choice: Any) -> Plan:
    """The plan for these duplicates of a folder."""
    return named(planning.plan(outcome(root, goes), action, **choice))


def named(plan: Plan, name: str = "t") -> Plan:
    """The same plan under an id of our own."""
    text = b"\n".join(plan.lines()).replace(plan.id.encode(), name.encode())
    return plan_from(text.splitlines())
