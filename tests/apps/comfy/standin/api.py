"""`comfy_api.latest.io` with the real parameter names of either profile; an unknown keyword is a TypeError."""

from __future__ import annotations

import inspect
from collections import Counter
from dataclasses import field, make_dataclass
from enum import Enum
from types import SimpleNamespace
from typing import Any

COMMON = {"display_name": None, "optional": False, "tooltip": None, "lazy": None}
WIDGET = {"default": None, "socketless": None}
FORCE = {"force_input": None}
LATER = {"extra_dict": None, "raw_link": None, "advanced": None}
NUMBER = {"min": None, "max": None, "step": None, "display_mode": None}
INPUTS: dict[str, tuple[str, dict[str, Any]]] = {
    "Boolean": ("BOOLEAN", {"label_on": None, "label_off": None, **WIDGET, **FORCE}),
    "Float": ("FLOAT", {**NUMBER, "round": None, **WIDGET, **FORCE}),
    "String": ("STRING", {"multiline": False, "placeholder": None, "dynamic_prompts": None, **WIDGET, **FORCE}),
    "Combo": ("COMBO", {"options": None, **WIDGET}),
    "Image": ("IMAGE", {}),
    "Mask": ("MASK", {}),
}
SENT_AS = {"display_mode": "display", "dynamic_prompts": "dynamicPrompts", "force_input": "forceInput"}
UNSENT = ("optional", "extra_dict")
SCHEMA: dict[str, Any] = {
    "node_id": None,
    "display_name": None,
    "category": "sd",
    "inputs": list,
    "outputs": list,
    "hidden": list,
    "description": "",
    "is_input_list": False,
    "is_output_node": False,
    "is_deprecated": False,
    "is_experimental": False,
    "is_api_node": False,
    "not_idempotent": False,
    "enable_expand": False,
}
SCHEMA_LATER = {
    "search_aliases": list,
    "is_dev_only": False,
    "price_badge": None,
    "accept_all_inputs": False,
    "essentials_category": None,
    "has_intermediate_output": False,
}


class Hidden(str, Enum):
    unique_id = "UNIQUE_ID"
    prompt = "PROMPT"
    extra_pnginfo = "EXTRA_PNGINFO"
    dynprompt = "DYNPROMPT"


def _with_signature(name: str, positional: str | None, options: dict[str, Any]) -> type:
    """A class whose constructor takes exactly these parameters, visible to `inspect.signature`."""
    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    given = [inspect.Parameter(positional, kind)] if positional else []
    signature = inspect.Signature([*given, *(inspect.Parameter(key, kind, default=options[key]) for key in options)])

    def __init__(self: Any, *args: Any, **kwargs: Any) -> None:
        bound = signature.bind(*args, **kwargs)
        bound.apply_defaults()
        vars(self).update(bound.arguments)

    return type(name, (), {"__init__": __init__, "__signature__": signature})


def _input(io_type: str, options: dict[str, Any], new: bool) -> type:
    cls = _with_signature("Input", "id", {**COMMON, **options, **(LATER if new else {})})

    def as_dict(self: Any) -> dict[str, Any]:
        sent = {SENT_AS.get(key, key): value for key, value in vars(self).items() if key not in ("id", *UNSENT)}
        if io_type == "COMBO":
            sent["multiselect"] = False
        return {key: value for key, value in sent.items() if value is not None}

    cls.as_dict, cls.io_type = as_dict, io_type  # type: ignore[attr-defined]
    return cls


def _output(io_type: str) -> type:
    options = {"id": None, "display_name": None, "tooltip": None, "is_output_list": False}
    cls = _with_signature("Output", None, options)
    cls.io_type = io_type  # type: ignore[attr-defined]
    return cls


def _schema(new: bool) -> type:
    defaults = {**SCHEMA, **(SCHEMA_LATER if new else {})}
    fields = [(key, Any, field(default_factory=list) if value is list else value) for key, value in defaults.items()]
    fields[0] = ("node_id", str)  # type: ignore[call-overload]

    def validate(self: Any) -> None:
        inputs, outputs = [i.id for i in self.inputs], [o.id for o in self.outputs]
        issues = [_repeated(kind, ids) for kind, ids in (("Input", inputs), ("Output", outputs))]
        both = set(inputs) & set(outputs)
        if both and not new:
            issues.append(f"Ids must be unique between inputs and outputs, but {both} are not.")
        if any(issues):
            raise ValueError("\n".join(filter(None, issues)))

    def finalize(self: Any) -> None:
        if self.is_output_node:
            self.hidden += [h for h in (Hidden.prompt, Hidden.extra_pnginfo) if h not in self.hidden]
        for position, output in enumerate(self.outputs):
            output.id = output.id or f"_{position}_{output.io_type}_"
            output.display_name = output.display_name or (output.id if new else None) or output.io_type

    return make_dataclass("Schema", fields, namespace={"validate": validate, "finalize": finalize})


def _repeated(kind: str, ids: list[str]) -> str:
    twice = [name for name, count in Counter(ids).items() if count > 1]
    return f"{kind} ids must be unique, but {twice} are not." if twice else ""


class NodeOutput:
    def __init__(self, *args: Any, ui: Any = None, expand: Any = None, block_execution: str | None = None) -> None:
        self.args, self.ui, self.expand, self.block_execution = args, ui, expand, block_execution


def _node() -> type:
    class ComfyNode:
        hidden: Any = None

        @classmethod
        def define_schema(cls) -> Any:
            raise NotImplementedError

        @classmethod
        def execute(cls, **kwargs: Any) -> Any:
            raise NotImplementedError

        @classmethod
        def validate_inputs(cls, **kwargs: Any) -> Any:
            raise NotImplementedError

        @classmethod
        def fingerprint_inputs(cls, **kwargs: Any) -> Any:
            raise NotImplementedError

        @classmethod
        def GET_SCHEMA(cls) -> Any:
            schema = cls.define_schema()
            schema.finalize()
            schema.validate()
            return schema

        @classmethod
        def GET_NODE_INFO_V1(cls) -> dict[str, Any]:
            return _info(cls.GET_SCHEMA())

    return ComfyNode


def _info(schema: Any) -> dict[str, Any]:
    """What the server tells a client about a node: /object_info."""
    inputs: dict[str, Any] = {"required": {}}
    for item in schema.inputs:
        group = inputs.setdefault("optional" if item.optional else "required", {})
        group[item.id] = (item.io_type, item.as_dict())
    if schema.hidden:
        inputs["hidden"] = {hidden.name: (hidden.value,) for hidden in schema.hidden}
    return {
        "input": inputs,
        "input_order": {group: list(items) for group, items in inputs.items()},
        "output": [output.io_type for output in schema.outputs],
        "output_is_list": [output.is_output_list for output in schema.outputs],
        "output_name": [output.display_name for output in schema.outputs],
        "output_tooltips": [output.tooltip for output in schema.outputs],
        "name": schema.node_id,
        "display_name": schema.display_name,
        "category": schema.category,
        "description": schema.description,
        "output_node": schema.is_output_node,
    }


class ComfyExtension:
    async def on_load(self) -> None: ...

    async def get_node_list(self) -> list[type]:
        raise NotImplementedError


def make_io(profile: str) -> tuple[SimpleNamespace, type]:
    """(`io`, `ComfyExtension`) of a profile."""
    new = profile == "new"
    io = SimpleNamespace(ComfyNode=_node(), Schema=_schema(new), NodeOutput=NodeOutput, Hidden=Hidden)
    for name, (io_type, options) in INPUTS.items():
        parts = {"Input": _input(io_type, options, new), "io_type": io_type}
        if name != "Combo":
            parts["Output"] = _output(io_type)
        setattr(io, name, type(name, (), parts))
    return io, type("ComfyExtension", (ComfyExtension,), {})
