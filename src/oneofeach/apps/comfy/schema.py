"""Inputs that several nodes share, and what the installed ComfyUI lets a node declare.

An argument that an older ComfyUI does not know makes its whole pack fail, so newer ones are only passed where known.
"""

from __future__ import annotations

from collections.abc import Mapping
from inspect import signature
from typing import Any

from comfy_api.latest import io

from oneofeach.errors import OneOfEachError


class Options(dict[str, str]):
    """What an input offers → what the library calls it. Older ComfyUI lets other values through; they are an error."""

    def __init__(self, name: str, offered: Mapping[str, str]) -> None:
        super().__init__(offered)
        self._name = name

    def __missing__(self, value: str) -> str:
        raise OneOfEachError(f"Value not in list: {self._name}: {value!r} not in {list(self)}\nChoose one of the list.")


KEEP = Options(
    "keep",
    {
        "highest resolution": "highest-resolution,least-compressed,first",
        "sharpest": "sharpest,highest-resolution,first",
        "longest caption": "longest-caption,highest-resolution,least-compressed,first",
        "first": "first",
        "last": "last",
    },
)
"""What the `keep` input offers → the library's keep rules."""

CAPTIONS = Options("captions", {"keep own": "own", "longest": "longest", "merge tags": "merge-tags"})
"""What the `captions` input offers → the library's caption rules."""

LIBRARY_DEFAULT = "highest resolution"


def known(cls: type, **options: Any) -> dict[str, Any]:
    """Those options that the class's constructor has a parameter for."""
    parameters = signature(cls).parameters
    return {name: value for name, value in options.items() if name in parameters}


def threshold_input() -> io.Float.Input:
    return io.Float.Input(
        "similarity_threshold",
        default=0.95,
        min=0.0,
        max=1.0,
        step=0.005,
        tooltip="How alike two images must be to count as duplicates: at or above this number they do. "
        "1.0 only the most alike, lower finds more.",
    )


def keep_input() -> io.Combo.Input:
    return io.Combo.Input(
        "keep",
        options=list(KEEP),
        default=LIBRARY_DEFAULT,
        optional=True,
        tooltip="Which image of a group of duplicates stays. Ties go to the earlier one.",
    )


def captions_input(tooltip: str) -> io.Combo.Input:
    return io.Combo.Input("captions", options=list(CAPTIONS), default="keep own", optional=True, tooltip=tooltip)


def folder_inputs(captions: str, after: Mapping[str, Any]) -> list[Any]:
    """The inputs of a node that reads a folder. captions: a tooltip. after: one more input, by the id it follows."""
    from oneofeach.apps.comfy.places import input_folders

    shared = [
        io.Combo.Input("folder", options=input_folders(), tooltip="A folder inside ComfyUI's input folder."),
        threshold_input(),
        keep_input(),
        captions_input(captions),
        io.Boolean.Input(
            "recursive", default=True, optional=True, tooltip="Look into the folders inside the folder too."
        ),
        io.String.Input(
            "path",
            default="",
            optional=True,
            tooltip="Used instead of folder when filled in. It must lie inside ComfyUI's input or output folder.",
            **known(io.String.Input, advanced=True),
        ),
    ]
    return [each for one in shared for each in (one, after.get(one.id)) if each is not None]


def image_list(name: str, tooltip: str, id: str | None = None) -> io.Image.Output:
    return io.Image.Output(id or name, display_name=name, tooltip=tooltip, is_output_list=True)


def text_list(name: str, tooltip: str, id: str | None = None) -> io.String.Output:
    return io.String.Output(id or name, display_name=name, tooltip=tooltip, is_output_list=True)


def mask_list(name: str, tooltip: str, id: str | None = None) -> io.Mask.Output:
    return io.Mask.Output(id or name, display_name=name, tooltip=tooltip, is_output_list=True)


def text(name: str, tooltip: str, id: str | None = None) -> io.String.Output:
    return io.String.Output(id or name, display_name=name, tooltip=tooltip)


def report_output() -> io.String.Output:
    return text("report", "What was kept and removed, and why. Connect it to Preview as Text.")
