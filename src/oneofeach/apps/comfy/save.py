"""The node "Save Image-Text Dataset (original names)": images, captions and masks into one folder."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from comfy_api.latest import io

from oneofeach.apps.comfy.host import Bar
from oneofeach.apps.comfy.schema import known, report_output, text
from oneofeach.apps.comfy.values import single

ALIASES = ["save dataset", "save captions", "save folder", "save images and text", "kohya", "one of each"]


class OneOfEachSaveDataset(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="OneOfEachSaveDataset",
            display_name="Save Image-Text Dataset (original names)",
            category="image",
            description="Saves images as PNG with their captions and masks under their original names. "
            "Never overwrites a file it did not write itself.",
            is_input_list=True,
            is_output_node=True,
            inputs=[
                io.Image.Input("images", tooltip="Images to save: a list, or batches."),
                io.String.Input("folder_name", default="dataset", tooltip="A folder inside ComfyUI's output folder."),
                io.String.Input("texts", optional=True, force_input=True, tooltip="Captions, one per image."),
                io.Mask.Input("masks", optional=True, tooltip="Masks, one per image; saved as NAME-masklabel.png."),
                io.String.Input(
                    "names",
                    optional=True,
                    force_input=True,
                    tooltip="File names, one per image; the ending is dropped.",
                ),
                io.Combo.Input(
                    "mode",
                    options=["new folder", "replace", "add"],
                    default="new folder",
                    optional=True,
                    tooltip="new folder: dataset_2, dataset_3 ... when the folder holds something. replace: removes "
                    "what this node saved there before, and nothing else. add: name clashes get _2.",
                ),
                io.Combo.Input(
                    "caption_extension",
                    options=[".txt", ".caption"],
                    default=".txt",
                    optional=True,
                    tooltip="Ending of the caption files.",
                ),
            ],
            outputs=[text("folder", "The folder that was written."), report_output()],
            **known(io.Schema, search_aliases=ALIASES),
        )

    @classmethod
    def execute(
        cls,
        images: Sequence[Any],
        folder_name: Any = "dataset",
        texts: Sequence[Any] | None = None,
        masks: Sequence[Any] | None = None,
        names: Sequence[Any] | None = None,
        mode: Any = "new folder",
        caption_extension: Any = ".txt",
    ) -> io.NodeOutput:
        from oneofeach.apps.comfy import lists
        from oneofeach.apps.comfy.dataset import Dataset
        from oneofeach.apps.comfy.places import in_output

        frames = lists.frames_of(images)
        captions = lists.aligned(texts, "captions", frames)
        layers = lists.aligned_masks(masks, frames)
        stems = lists.aligned(names, "names", frames)
        bar = Bar()
        with Dataset.opened(in_output(str(single(folder_name))), single(mode), single(caption_extension)) as dataset:
            for row, image in enumerate(frames.images):
                bar("save", row, len(frames))
                dataset.save(
                    image,
                    str(stems[row]) if stems else f"image_{row + 1:05d}",
                    str(captions[row]) if captions else "",
                    layers[row] if layers else None,
                )
        bar("save", 1, 1)
        return io.NodeOutput(dataset.folder, dataset.report())
