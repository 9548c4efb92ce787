"""What a run kept → its index: noted with the plan, valid once a step of it is done, taken back with the last one.

An image is kept by a run when it was in its catalog and no step of its plan removes it. One whose step was refused or
failed is still there and not kept: the plan had chosen another one to stay, and that choice stands.
"""

from __future__ import annotations

import os

import numpy as np

from oneofeach.index import Index
from oneofeach.stages.acting import journals as journaling
from oneofeach.stages.acting.files import path_of
from oneofeach.stages.acting.journal import Journal
from oneofeach.stages.acting.perform import Progress, perform
from oneofeach.stages.acting.plans import Plan
from oneofeach.tables import Outcome


def note_plan(index: Index, result: Outcome, plan: Plan) -> None:
    """Note what this plan leaves in place: for as long as nothing of it is done, it is no more than a note."""
    if not plan.steps:
        return
    items, going = result.catalog.items, {step.file.path for step in plan.removals}
    stays = result.assignment.kept.copy()
    for row in np.flatnonzero(result.assignment.removed).tolist():
        stays[row] = path_of(items[row]) not in going
    contents = result.catalog.facts["content"][stays]
    index.runs.planned(plan.id, map(bytes, contents[contents.any(axis=1)]))


def perform_and_note(
    plan: Plan, outcome: Outcome | None, index: Index | None, folder: str, progress: Progress | None
) -> Journal:
    """`perform`, and what it keeps is remembered, also when it is cut short.

    outcome: what the plan was made of; None when only captions change. folder: of the journals.
    """
    if index and outcome:
        note_plan(index, outcome, plan)
    try:
        return perform(plan, folder, progress=progress)
    finally:
        if index:
            note_applied(index, plan, folder)


def note_applied(index: Index, plan: Plan, folder: str = "") -> None:
    """Remember what was kept by all that was done of a plan, as its journals say; nothing when nothing was.

    folder: of the journals; by default the user's own.
    """
    done = [journal for journal in journaling.of_plan(plan.id, folder) if journal.done_units]
    if done:
        index.mark_kept(set[bytes]().union(*map(journaling.kept, done)))
        index.runs.applied(plan.id)


def note_undone(index: Index, journal: Journal) -> None:
    """Take back what only the undone steps stood for, and with the last step all that the run kept."""
    index.forget_kept(journaling.let_go(journal))
    folder = os.path.dirname(os.path.abspath(journal.path))
    if journal.plan and not any(other.done_units for other in journaling.of_plan(journal.plan, folder)):
        index.runs.taken_back(journal.plan)
