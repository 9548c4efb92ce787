"""Validation and execution of API-format workflows, as a real server answers over HTTP."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from standin.host import InterruptProcessingException

CONVERSIONS = {"INT": int, "FLOAT": float, "STRING": str, "BOOLEAN": bool}
Prompt = Mapping[str, Any]


class ExecutionBlocker:
    def __init__(self, message: str | None) -> None:
        self.message = message


@dataclass
class Reply:
    """What a client learns: status is refused, success, error or interrupted."""

    status: str
    errors: dict[str, list[str]] = field(default_factory=dict)
    outputs: dict[str, Any] = field(default_factory=dict)
    exception: str = ""
    cached: list[str] = field(default_factory=list)
    blocked: list[str] = field(default_factory=list)


def is_link(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 2 and isinstance(value[0], str) and isinstance(value[1], int)


def overrides(node: Any, name: str) -> bool:
    """Whether the node defines this optional method itself."""
    return any(name in cls.__dict__ for cls in node.__mro__ if cls.__name__ not in ("ComfyNode", "object"))


def locked(node: Any, hidden: dict[str, Any]) -> Any:
    """A copy of the class whose attributes cannot be set: nodes are stateless."""

    class Locked(type(node)):  # type: ignore[misc]
        def __setattr__(cls, name: str, value: Any) -> None:
            raise AttributeError(f"Cannot modify class attribute '{name}' on locked class '{cls.__name__}'")

    return Locked(node.__name__, (node,), {"hidden": type("HiddenHolder", (), hidden)()})


def call_over_lists(node: Any, name: str, inputs: Mapping[str, Sequence[Any]], hidden: dict[str, Any]) -> list[Any]:
    """Call a node's method once with whole lists, or once per item with the last item of short lists repeated."""
    function = getattr(locked(node, hidden), name)
    if node.GET_SCHEMA().is_input_list:
        calls = [dict(inputs)]
    else:
        count = max((len(values) for values in inputs.values()), default=0)
        calls = [{key: v[i if len(v) > i else -1] for key, v in inputs.items()} for i in range(count)]
        calls = calls or [{}]
    return [_call(function, call, node.GET_SCHEMA().is_input_list) for call in calls]


def _call(function: Any, inputs: Mapping[str, Any], as_lists: bool) -> Any:
    for value in inputs.values():
        for item in value if as_lists else [value]:
            if isinstance(item, ExecutionBlocker):
                return item
    return function(**inputs)


class Server:
    """Runs the nodes it is given; caches results between runs like a real one."""

    def __init__(self, nodes: Sequence[Any]) -> None:
        self.nodes = {node.GET_SCHEMA().node_id: node for node in nodes}
        self.cache: dict[Any, tuple[list[list[Any]], dict[str, Any]]] = {}

    def object_info(self, node_id: str) -> dict[str, Any]:
        info: dict[str, Any] = self.nodes[node_id].GET_NODE_INFO_V1()
        return info

    def submit(self, prompt: Prompt) -> Reply:
        outputs = [key for key, node in prompt.items() if self._schema(node).is_output_node]
        if not outputs:
            return Reply("refused", {"": ["Prompt has no outputs: "]})
        errors: dict[str, list[str]] = {}
        good = [key for key in outputs if self._validate(prompt, key, errors)]
        return self._run(prompt, good, Reply("success", errors)) if good else Reply("refused", errors)

    def _schema(self, node: Mapping[str, Any]) -> Any:
        return self.nodes[node["class_type"]].GET_SCHEMA()

    def _validate(self, prompt: Prompt, key: str, errors: dict[str, list[str]]) -> bool:
        node, given, found = self.nodes[prompt[key]["class_type"]], prompt[key]["inputs"], []
        own = inspect.getfullargspec(node.validate_inputs).args if overrides(node, "validate_inputs") else []
        sound = True
        for item in node.GET_SCHEMA().inputs:
            if is_link(given.get(item.id)):
                sound &= self._validate(prompt, given[item.id][0], errors)
            elif item.id in given:
                found += self._check(item, given, item.id in own)
            elif not item.optional:
                found.append(f"Required input is missing: {item.id}")
        if own:
            found += self._custom(node, own, given)
        if found:
            errors[key] = found
        return sound and not found

    def _check(self, item: Any, given: dict[str, Any], own: bool) -> list[str]:
        """Convert a constant in place, then hold it against the limits unless the node checks it itself."""
        info, value = item.as_dict(), given[item.id]
        try:
            value = given[item.id] = CONVERSIONS.get(item.io_type, lambda same: same)(value)
        except (TypeError, ValueError) as error:
            return [f"Failed to convert an input value to a {item.io_type} value: {item.id}, {value}, {error}"]
        if own:
            return []
        if "min" in info and value < info["min"]:
            return [f"Value {value} smaller than min of {info['min']}: {item.id}"]
        if "max" in info and value > info["max"]:
            return [f"Value {value} bigger than max of {info['max']}: {item.id}"]
        if item.io_type == "COMBO" and value not in info["options"]:
            options = info["options"] if len(info["options"]) <= 20 else f"(list of length {len(info['options'])})"
            return [f"Value not in list: {item.id}: {value!r} not in {options}"]
        return []

    def _custom(self, node: Any, own: Sequence[str], given: Mapping[str, Any]) -> list[str]:
        constants = {key: values for key, values in self._constants(node, given).items() if key in own}
        answers = call_over_lists(node, "validate_inputs", constants, {})
        text = "Custom validation failed for node: {}{}"
        return [
            text.format(key, "" if answer is False else f" - {answer}")
            for key in constants
            for answer in answers
            if answer is not True
        ]

    @staticmethod
    def _constants(node: Any, given: Mapping[str, Any]) -> dict[str, Sequence[Any]]:
        known = {item.id for item in node.GET_SCHEMA().inputs}
        return {
            key: (None,) if is_link(value) else [value]
            for key, value in given.items()
            if is_link(value) or key in known
        }

    def _run(self, prompt: Prompt, outputs: Sequence[str], reply: Reply) -> Reply:
        done: dict[str, tuple[Any, list[list[Any]]]] = {}
        try:
            for key in outputs:
                self._execute(prompt, key, done, reply)
        except InterruptProcessingException:
            reply.status = "interrupted"
        except _Failed as failure:
            reply.status, reply.exception = "error", str(failure)
        return reply

    def _execute(self, prompt: Prompt, key: str, done: dict[str, Any], reply: Reply) -> None:
        if key in done:
            return
        node, given = self.nodes[prompt[key]["class_type"]], prompt[key]["inputs"]
        for value in given.values():
            if is_link(value):
                self._execute(prompt, value[0], done, reply)
        signature = self._signature(node, given, done)
        if signature in self.cache:
            results, ui = self.cache[signature]
            reply.cached.append(key)
        else:
            results, ui = self._results(node, key, self._inputs(node, given, done), reply)
            self.cache[signature] = results, ui
        if ui:
            reply.outputs[key] = ui
        done[key] = signature, results

    def _inputs(self, node: Any, given: Mapping[str, Any], done: Mapping[str, Any]) -> dict[str, Sequence[Any]]:
        links = {key: done[value[0]][1][value[1]] for key, value in given.items() if is_link(value)}
        return {**self._constants(node, given), **links}

    def _signature(self, node: Any, given: Mapping[str, Any], done: Mapping[str, Any]) -> Any:
        changed: Any = False
        if overrides(node, "fingerprint_inputs"):
            try:
                changed = call_over_lists(node, "fingerprint_inputs", self._constants(node, given), {})
            except Exception:
                changed = float("nan")
        fingerprint = object() if changed != changed or "nan" in str(changed) else repr(changed)
        inputs = {key: (done[v[0]][0], v[1]) if is_link(v) else repr(v) for key, v in given.items()}
        return node.__name__, fingerprint, tuple(sorted(inputs.items(), key=lambda entry: entry[0]))

    def _results(self, node: Any, key: str, inputs: Mapping[str, Sequence[Any]], reply: Reply) -> Any:
        try:
            answers = call_over_lists(node, "execute", inputs, {"unique_id": key})
        except InterruptProcessingException:
            raise
        except Exception as error:
            raise _Failed(f"{key}: {type(error).__name__}: {error}") from error
        return self._merge(node.GET_SCHEMA().outputs, answers, key, reply)

    @staticmethod
    def _merge(outputs: Sequence[Any], answers: Sequence[Any], key: str, reply: Reply) -> Any:
        """List outputs are concatenated, others collected; a blocked call blocks every output silently."""
        rows: list[Sequence[Any]] = []
        uis = []
        for answer in answers:
            if isinstance(answer, ExecutionBlocker):
                reply.blocked.append(f"{key}: {answer.message}" if answer.message else key)
                rows.append([ExecutionBlocker(None)] * len(outputs))
                continue
            rows.append(answer.args)
            if answer.ui is not None:
                uis.append(answer.ui)
        results: list[list[Any]] = []
        for position, output in enumerate(outputs):
            column = [row[position] for row in rows if row]
            spread = [value if output.is_output_list and isinstance(value, list) else [value] for value in column]
            results.append([item for values in spread for item in values])
        return results, {name: [item for ui in uis for item in ui[name]] for name in (uis[0] if uis else {})}


class _Failed(Exception):
    pass
