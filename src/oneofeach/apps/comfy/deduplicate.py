"""The node "Image Deduplication": images in, one of each out, with its caption, mask and name beside it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from comfy_api.latest import io

from oneofeach.apps.comfy.host import blocked, listed, watched
from oneofeach.apps.comfy.schema import (
    CAPTIONS,
    captions_input,
    image_list,
    keep_input,
    known,
    mask_list,
    report_output,
    text_list,
    threshold_input,
)
from oneofeach.apps.comfy.values import single, threshold_fault, threshold_of

if TYPE_CHECKING:
    from oneofeach.apps.comfy.decide import Verdict

ALIASES = ["deduplicate", "remove duplicates", "near duplicate", "similar", "dataset", "one of each"]
UNCONNECTED = {
    "texts": "No captions come in: connect the texts input",
    "masks": "No masks come in: connect the masks input",
    "names": "No names come in: connect the names input",
}


class OneOfEachImageDeduplication(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="OneOfEachImageDeduplication",
            display_name="Image Deduplication",
            category="image/batch",
            description="Keeps one of each image. Finds exact copies and very similar images (resized, recompressed, "
            "recolored a little) and keeps captions, masks and names aligned with the images that stay.",
            is_input_list=True,
            is_output_node=True,
            inputs=[
                io.Image.Input("images", tooltip="Images to compare: a list, or batches, which are flattened."),
                threshold_input(),
                io.String.Input(
                    "texts",
                    optional=True,
                    force_input=True,
                    tooltip="Captions: one per image, or one per item of images.",
                ),
                io.Mask.Input("masks", optional=True, tooltip="Masks: one per image, or one per item of images."),
                io.String.Input(
                    "names",
                    optional=True,
                    force_input=True,
                    tooltip="File names: one per image, or one per item of images. Shown in the report and the panel.",
                ),
                keep_input(),
                captions_input(
                    "Caption of the image that stays: its own, the longest of its group, or its tags "
                    "followed by the new ones of its duplicates."
                ),
                io.Combo.Input(
                    "compare",
                    options=["all", "neighbours"],
                    default="all",
                    optional=True,
                    tooltip="all: every image with every other. neighbours: only with the last kept one, for frames "
                    "of a video.",
                ),
                io.Combo.Input(
                    "repeats",
                    options=["collapse", "keep"],
                    default="collapse",
                    optional=True,
                    tooltip="keep: images that are equal in pixels, caption and name are training repeats; they are "
                    "judged once and all stay.",
                    **known(io.Combo.Input, advanced=True),
                ),
                io.String.Input(
                    "decisions",
                    default="{}",
                    optional=True,
                    socketless=True,
                    tooltip="Choices made in the panel, as JSON. The panel writes it; an API workflow may.",
                ),
            ],
            outputs=[
                image_list("unique_images", "The images that stay, in input order, their values untouched."),
                text_list("texts", "Captions of the images that stay.", "out_texts"),
                mask_list("masks", "Masks of the images that stay.", "out_masks"),
                text_list("names", "Names of the images that stay.", "out_names"),
                image_list("removed_images", "The images that go, in input order."),
                text_list("removed_texts", "Captions of the images that go."),
                image_list("groups", "A contact sheet of every group of duplicates, at most 200."),
                report_output(),
            ],
            **known(io.Schema, search_aliases=ALIASES),
        )

    @classmethod
    def validate_inputs(cls, similarity_threshold: Any = None) -> bool | str:
        return threshold_fault(similarity_threshold)

    @classmethod
    def execute(
        cls,
        images: Sequence[Any],
        similarity_threshold: Any = 0.95,
        texts: Sequence[Any] | None = None,
        masks: Sequence[Any] | None = None,
        names: Sequence[Any] | None = None,
        keep: Any = "highest resolution",
        captions: Any = "keep own",
        compare: Any = "all",
        repeats: Any = "collapse",
        decisions: Any = "{}",
    ) -> io.NodeOutput:
        from oneofeach.apps.comfy import choices, decide, lists
        from oneofeach.apps.comfy.panel import payload
        from oneofeach.apps.comfy.report import whole
        from oneofeach.apps.comfy.sheets import sheets

        threshold = threshold_of(similarity_threshold)
        chosen = choices.decisions_of(str(single(decisions)))
        frames = lists.frames_of(images)
        extras = {
            "texts": lists.aligned(texts, "captions", frames),
            "masks": lists.aligned_masks(masks, frames),
            "names": lists.aligned(names, "names", frames),
        }
        labels = list(zip(extras["texts"] or [""] * len(frames), extras["names"] or [""] * len(frames), strict=True))

        def work(progress: Callable[[str, int, int], None]) -> Verdict:
            comparison = decide.compared(
                frames.images, threshold, single(keep), extras["texts"], single(compare) == "neighbours", progress
            )
            return decide.decided(comparison, threshold, frames.images, labels, single(repeats) == "keep", chosen)

        verdict = watched(work)
        survivors, merged = _captions(verdict, extras["texts"], single(captions))
        report = whole(verdict, extras, single(keep), single(repeats), merged)
        return io.NodeOutput(
            *_outputs(verdict, frames.images, {**extras, "texts": survivors}, extras["texts"]),
            listed(sheets(verdict, extras["names"])),
            report,
            ui=payload(verdict, report, extras["names"], survivors),
        )


def _captions(verdict: Verdict, texts: list[Any] | None, rule: str) -> tuple[list[Any] | None, int]:
    """Captions with what duplicates add to those that stay, and how many that changed."""
    if texts is None or CAPTIONS[rule] == "own":
        return texts, 0
    from oneofeach.stages.acting.captions import caption_rule

    heirs: dict[int, list[str]] = {}
    for rows in verdict.groups:
        for row in rows:
            heir = None if verdict.kept[row] else verdict.stand_in(row)
            if heir is not None:
                heirs.setdefault(heir, []).append(str(texts[row]))
    merge, result = caption_rule(CAPTIONS[rule]), list(texts)
    for heir, others in heirs.items():
        result[heir] = merge(str(texts[heir]), others)
    return result, sum(before != after for before, after in zip(texts, result, strict=True))


def _outputs(verdict: Verdict, images: list[Any], kept: dict[str, Any], texts: list[Any] | None) -> list[Any]:
    """The aligned outputs, then what was removed."""
    stay = [row for row in range(len(images)) if verdict.kept[row]]
    gone = [row for row in range(len(images)) if not verdict.kept[row]]
    aligned = [
        blocked(UNCONNECTED[name]) if kept[name] is None else [kept[name][row] for row in stay] for name in UNCONNECTED
    ]
    removed_texts = [texts[row] for row in gone] if texts else None
    return [[images[row] for row in stay], *aligned, listed([images[row] for row in gone]), listed(removed_texts)]
