"""The node "Load Unique Images (from Folder)": duplicates are found on the files, and only survivors are loaded."""

from __future__ import annotations

from typing import Any

from comfy_api.latest import io

from oneofeach.apps.comfy.host import Bar, blocked, listed
from oneofeach.apps.comfy.schema import folder_inputs, image_list, known, mask_list, report_output, text_list
from oneofeach.apps.comfy.values import threshold_fault, threshold_of

ALIASES = ["load folder", "load dataset", "load images", "deduplicate", "unique images", "one of each"]
NO_MASKS = "No masks are in the folder: put NAME-masklabel.png or NAME.mask beside the images"


class OneOfEachLoadUniqueImages(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="OneOfEachLoadUniqueImages",
            display_name="Load Unique Images (from Folder)",
            category="image",
            description="Finds duplicates on the files of a folder and loads only the images that stay, upright, with "
            "their captions, masks and names. Far faster, and with far less memory, than loading everything first.",
            inputs=folder_inputs(
                "Caption of the image that stays: its own, the longest of its group, or its tags followed by the "
                "new ones of its duplicates. Files are not changed.",
                after={"captions": _repeats_input()},
            ),
            outputs=[
                image_list("images", "The images that stay, upright."),
                text_list("texts", "Their captions, from .txt, .caption or .json; empty where there is none."),
                mask_list("masks", "Their masks, from -masklabel.png or .mask; all ones where there is none."),
                text_list("names", "Their file names, relative to the folder."),
                text_list("removed_names", "File names of the duplicates, relative to the folder."),
                report_output(),
            ],
            **known(io.Schema, search_aliases=ALIASES),
        )

    @classmethod
    def validate_inputs(cls, similarity_threshold: Any = None) -> bool | str:
        return threshold_fault(similarity_threshold)

    @classmethod
    def fingerprint_inputs(cls, folder: Any = "", path: Any = "", recursive: Any = True, **_: Any) -> Any:
        from oneofeach.apps.comfy.places import state_of

        return state_of(folder or "", path or "", recursive is not False)

    @classmethod
    def execute(
        cls,
        folder: str,
        similarity_threshold: float = 0.95,
        keep: str = "highest resolution",
        captions: str = "keep own",
        repeats: str = "apply",
        recursive: bool = True,
        path: str = "",
    ) -> io.NodeOutput:
        from oneofeach.apps.comfy import folders, places

        root = places.chosen(folder, path)
        found = folders.found_in(root, recursive, threshold_of(similarity_threshold), keep, captions)
        folders.check_memory(found)
        loaded = folders.load(found, Bar())
        if not loaded.rows:
            raise places.no_images(root)
        times = [folders.repeats_of(found.items[row].key) if repeats == "apply" else 1 for row in loaded.rows]
        images, texts, masks, names = (_repeated(values, times) for values in folders.aligned(found, loaded))
        return io.NodeOutput(
            images,
            texts,
            masks if loaded.any_mask else blocked(NO_MASKS),
            names,
            listed(found.removed_names),
            folders.report(found, loaded, times),
        )


def _repeats_input() -> io.Combo.Input:
    return io.Combo.Input(
        "repeats",
        options=["apply", "ignore"],
        default="apply",
        optional=True,
        tooltip="apply: images from a folder named like 10_cat come out 10 times, after duplicates went.",
    )


def _repeated(values: list[Any], times: list[int]) -> list[Any]:
    return [value for value, count in zip(values, times, strict=True) for _ in range(count)]
