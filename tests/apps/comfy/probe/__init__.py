"""Nodes that only tests use, beside ours in a real ComfyUI or the stand-in: sources of lists, and sinks that tell."""

from __future__ import annotations

import json

import numpy as np
import torch
from comfy_api.latest import ComfyExtension, io


def picture(seed, width=96, height=64, channels=3):
    """A smooth random color picture, float32 [height, width, channels] in 0..1; same seed, same picture at any size."""
    waves = np.random.default_rng(seed).uniform(-1, 1, (12, 4 + channels))
    y, x = np.mgrid[0 : 1 : height * 1j, 0 : 1 : width * 1j]
    total = np.zeros((height, width, channels))
    for fx, fy, phase, power, *color in waves:
        wave = np.sin(2 * np.pi * (4 * fx * x + 4 * fy * y + phase)) * (0.3 + abs(power))
        total += wave[..., None] * np.array(color)
    return (0.5 + total / 8).clip(0, 1).astype(np.float32)


def tensors(entry):
    """The image, and its mask, of one entry: {"seed", "w", "h", "c", "batch", "dtype", "nan", "shape", "none"}."""
    if entry.get("none"):
        return None, None
    if "shape" in entry:
        return torch.from_numpy(np.zeros(entry["shape"], np.float32)), None
    width, height, batch = entry.get("w", 96), entry.get("h", 64), entry.get("batch", 1)
    stack = [picture(entry["seed"] + b, width, height, entry.get("c", 3)) for b in range(batch)]
    image = np.stack(stack) if stack else np.zeros((0, height, width, 3), np.float32)
    if entry.get("nan"):
        image[:, :2, :2] = np.nan
    image = image.astype(entry.get("dtype", "float32"))
    return torch.from_numpy(image), torch.from_numpy(np.full((batch, height, width), entry["seed"] / 1000, np.float32))


class ProbeImages(io.ComfyNode):
    """Lists from JSON; texts and names are those of the entries that have one."""

    @classmethod
    def define_schema(cls):
        return io.Schema(
            node_id="ProbeImages",
            display_name="Probe Images",
            category="probe",
            inputs=[io.String.Input("entries", default="[]")],
            outputs=[
                io.Image.Output("images", display_name="images", is_output_list=True),
                io.String.Output("texts", display_name="texts", is_output_list=True),
                io.Mask.Output("masks", display_name="masks", is_output_list=True),
                io.String.Output("names", display_name="names", is_output_list=True),
            ],
        )

    @classmethod
    def execute(cls, entries):
        entries = json.loads(entries)
        pairs = [tensors(entry) for entry in entries]
        texts = [entry["text"] for entry in entries if "text" in entry]
        names = [entry["name"] for entry in entries if "name" in entry]
        return io.NodeOutput([image for image, _ in pairs], texts, [mask for _, mask in pairs], names)


class ProbeNumbers(io.ComfyNode):
    """A list of numbers, NaN included, for a linked input."""

    @classmethod
    def define_schema(cls):
        return io.Schema(
            node_id="ProbeNumbers",
            display_name="Probe Numbers",
            category="probe",
            inputs=[io.String.Input("numbers", default="0.95")],
            outputs=[io.Float.Output("values", display_name="values", is_output_list=True)],
        )

    @classmethod
    def execute(cls, numbers):
        return io.NodeOutput([float(number) for number in numbers.split()])


def tell(value):
    """What a test wants to know of a value that went through nodes."""
    if hasattr(value, "shape"):
        array = value.numpy().astype(np.float64)
        return {"shape": list(array.shape), "sum": round(float(np.nansum(array)), 2)}
    return value


class ProbeShow(io.ComfyNode):
    """Shows whole lists: shapes and sums of tensors, strings as they are."""

    @classmethod
    def define_schema(cls):
        return io.Schema(
            node_id="ProbeShow",
            display_name="Probe Show",
            category="probe",
            is_input_list=True,
            is_output_node=True,
            inputs=[
                io.Image.Input("images", optional=True),
                io.String.Input("texts", optional=True, force_input=True),
                io.Mask.Input("masks", optional=True),
            ],
            outputs=[],
        )

    @classmethod
    def execute(cls, images=(), texts=(), masks=()):
        shown = {"images": images, "texts": texts, "masks": masks}
        return io.NodeOutput(ui={key: [tell(value) for value in values] for key, values in shown.items()})


class ProbeEach(io.ComfyNode):
    """A plain consumer: is called once per item of the lists it is given."""

    @classmethod
    def define_schema(cls):
        return io.Schema(
            node_id="ProbeEach",
            display_name="Probe Each",
            category="probe",
            is_output_node=True,
            inputs=[io.Image.Input("image"), io.String.Input("text", optional=True, force_input=True)],
            outputs=[],
        )

    @classmethod
    def execute(cls, image, text=""):
        return io.NodeOutput(ui={"seen": [[tell(image), text]]})


class Extension(ComfyExtension):
    async def get_node_list(self):
        return [ProbeImages, ProbeNumbers, ProbeShow, ProbeEach]


async def comfy_entrypoint():
    return Extension()
