"""The node "Clean Image Folder": paths only. Reports, copies the unique images, or moves duplicates aside."""

from __future__ import annotations

from typing import Any

from comfy_api.latest import io

from oneofeach.apps.comfy.host import Bar, listed
from oneofeach.apps.comfy.schema import folder_inputs, known, report_output, text, text_list
from oneofeach.apps.comfy.values import threshold_fault, threshold_of

ALIASES = ["clean folder", "remove duplicates", "deduplicate", "find duplicates", "dataset", "one of each"]
REPORT, COPY, MOVE = "report only", "copy unique to output", "move duplicates aside"


class OneOfEachCleanFolder(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="OneOfEachCleanFolder",
            display_name="Clean Image Folder",
            category="image",
            description="Finds the duplicates in a folder without loading it into memory, and reports them, copies the "
            "unique images, or moves the duplicates aside. Captions, masks and caches travel along. Never deletes.",
            is_output_node=True,
            inputs=folder_inputs(
                "Caption of the image that stays. Changed captions are written into copies only, never into the "
                "folder itself.",
                after={"similarity_threshold": _action_input(), "recursive": _target_input()},
            ),
            outputs=[
                text_list("kept_names", "File names of the images that stay, relative to the folder."),
                text_list("removed_names", "File names of the duplicates, relative to the folder."),
                text("folder", "The target folder with the reports.", "out_folder"),
                report_output(),
            ],
            **known(io.Schema, search_aliases=ALIASES),
        )

    @classmethod
    def validate_inputs(cls, similarity_threshold: Any = None) -> bool | str:
        return threshold_fault(similarity_threshold)

    @classmethod
    def fingerprint_inputs(
        cls, folder: Any = "", path: Any = "", recursive: Any = True, action: Any = REPORT, **_: Any
    ) -> Any:
        from oneofeach.apps.comfy.places import state_of

        if action != REPORT:
            return float("nan")
        return state_of(folder or "", path or "", recursive is not False)

    @classmethod
    def execute(
        cls,
        folder: str,
        similarity_threshold: float = 0.95,
        action: str = REPORT,
        keep: str = "highest resolution",
        captions: str = "keep own",
        recursive: bool = True,
        target: str = "oneofeach",
        path: str = "",
    ) -> io.NodeOutput:
        from oneofeach.apps.comfy import cleaning, folders, places

        root, place = places.chosen(folder, path), places.in_output(target)
        found = folders.found_in(root, recursive, threshold_of(similarity_threshold), keep, captions)
        place = cleaning.prepared(place, fresh=action != REPORT)
        said: list[str] = []
        if action == COPY:
            said = cleaning.copy_unique(found, place, Bar())
        elif action == MOVE:
            said = cleaning.move_duplicates(found, root, place, Bar())
        cleaning.save_reports(found, place)
        names = [folders.name_of(found.items[row]) for row in found.kept]
        report = cleaning.report(found, said)
        return io.NodeOutput(listed(names), listed(found.removed_names), place, report)


def _action_input() -> io.Combo.Input:
    return io.Combo.Input(
        "action",
        options=[REPORT, COPY, MOVE],
        default=REPORT,
        optional=True,
        tooltip="report only: nothing is changed. copy: the images that stay, to the target. "
        "move: duplicates go to the target, with a list to undo it.",
    )


def _target_input() -> io.String.Input:
    return io.String.Input(
        "target", default="oneofeach", optional=True, tooltip="A folder inside ComfyUI's output folder."
    )
