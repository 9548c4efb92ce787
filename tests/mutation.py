"""Changes one thing at a time in a module and counts how many of the changes its tests notice.

Run as a program, from the root of the repository: python tests/mutation.py MODULE.py [PART/PARTS] TEST... The process
imports what is slow once and forks for every mutant; the fork sees the changed source instead of the file and runs the
tests. With 2/3 every third mutant is made, from the second on.
Mutants: comparisons turned, conditions negated, and/or swapped, constants changed, arithmetic turned, statements,
keyword arguments and decorators dropped, results replaced by None.
"""

from __future__ import annotations

import ast
import copy
import gc
import importlib.abc
import importlib.machinery
import importlib.util
import os
import signal
import sys
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from types import CodeType

import hypothesis  # noqa: F401
import numpy as np  # noqa: F401
import playwright.sync_api  # noqa: F401
import pytest
from PIL import Image  # noqa: F401

PLUGINS = ("cacheprovider", "xdist", "anyio", "unraisableexception")  # that would only take time
QUIET = ("-x", "-q", "--assert=plain", "-W", "ignore::pytest.PytestWarning", *(f"-pno:{name}" for name in PLUGINS))
PATIENCE = 5  # times as long as without a change a mutant may take: an endless loop counts as noticed
TURNED: dict[type[ast.AST], type[ast.AST]] = {
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.And: ast.Or,
    ast.Or: ast.And,
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.BitOr: ast.BitAnd,
    ast.BitAnd: ast.BitOr,
    ast.Mult: ast.FloorDiv,
}


def mutants(tree: ast.Module) -> Iterator[tuple[str, ast.Module]]:
    """Every changed tree, with what was changed."""
    for number, node in enumerate(ast.walk(tree)):
        for variant in range(len(list(_changes(node)))):
            changed = copy.deepcopy(tree)
            target = next(n for k, n in enumerate(ast.walk(changed)) if k == number)
            before = ast.unparse(target).splitlines()[0] if not isinstance(target, (ast.Module, ast.arguments)) else ""
            what, change = list(_changes(target))[variant]
            change()
            yield f"line {getattr(target, 'lineno', 0)}: {what}: {before[:90]}", ast.fix_missing_locations(changed)


def _changes(node: ast.AST) -> Iterator[tuple[str, object]]:  # noqa: C901  one clause for each kind of change
    if isinstance(node, ast.Compare):
        for place, operator in enumerate(node.ops):
            yield "turned", lambda p=place, o=operator: node.ops.__setitem__(p, TURNED[type(o)]())
    if isinstance(node, ast.BoolOp) or (isinstance(node, ast.BinOp) and type(node.op) in TURNED and not _types(node)):
        yield "swapped", lambda: setattr(node, "op", TURNED[type(node.op)]())
    if isinstance(node, (ast.If, ast.While, ast.IfExp)):
        yield "negated", lambda: setattr(node, "test", ast.UnaryOp(ast.Not(), node.test))
    if isinstance(node, ast.comprehension):
        for place, test in enumerate(node.ifs):
            yield "negated", lambda p=place, t=test: node.ifs.__setitem__(p, ast.UnaryOp(ast.Not(), t))
    if isinstance(node, ast.Constant) and type(node.value) in (bool, int, str) and not getattr(node, "spared", False):
        new = {bool: lambda v: not v, int: lambda v: v + 1, str: lambda v: v + "XX"}[type(node.value)](node.value)
        yield f"constant {new!r}", lambda: setattr(node, "value", new)
    if isinstance(node, ast.Return) and node.value is not None and not _is_none(node.value):
        yield "None instead", lambda: setattr(node, "value", ast.Constant(None))
    if isinstance(node, ast.Call) and node.keywords:
        for place in range(len(node.keywords)):
            yield f"without {node.keywords[place].arg}", lambda p=place: node.keywords.pop(p)
    for body in ("body", "orelse", "finalbody"):
        statements = getattr(node, body, None)
        if isinstance(statements, list) and not isinstance(node, (ast.Module, ast.ClassDef)):
            for place, statement in enumerate(statements):
                if isinstance(statement, (ast.Expr, ast.Assign, ast.AugAssign, ast.Raise)) and not _is_text(statement):
                    yield (
                        "dropped " + ast.unparse(statement)[:60],
                        lambda s=statements, p=place: s.__setitem__(p, ast.Pass()),
                    )


def _is_none(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


def _is_text(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)


def _types(node: ast.BinOp) -> bool:
    """Whether it is a union of types."""
    return getattr(node, "spared", False) or (isinstance(node.op, ast.BitOr) and _is_none(node.right))


def _spare(tree: ast.Module) -> None:
    """Leave docstrings and annotations alone: no test can tell."""
    for node in ast.walk(tree):
        spared: list[ast.AST] = []
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            spared.append(node.value)
        if isinstance(node, (ast.FunctionDef, ast.AnnAssign, ast.arg)):
            notes = [getattr(node, "returns", None), getattr(node, "annotation", None)]
            spared += [part for note in notes if note for part in ast.walk(note)]
        for part in spared:
            part.spared = True  # type: ignore[attr-defined]


class Changed(importlib.machinery.SourceFileLoader, importlib.abc.MetaPathFinder):
    """Loads the module under test from a changed tree instead of from its file."""

    def __init__(self, name: str, tree: ast.Module, path: str) -> None:
        super().__init__(name, path)
        self._tree = tree

    def find_spec(self, name: str, path: object, target: object = None) -> object:
        return importlib.util.spec_from_loader(name, self, origin=self.path) if name == self.name else None

    def get_code(self, fullname: str) -> CodeType:
        return compile(self._tree, self.path, "exec")


def noticed(name: str, path: str, tree: ast.Module, tests: list[str], seconds: float = 100.0) -> bool:
    """Whether a test fails, in a process of its own."""
    child = os.fork()
    if not child:
        signal.alarm(int(PATIENCE * seconds) + 2)
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, 1)
        os.dup2(nowhere, 2)
        sys.meta_path.insert(0, Changed(name, tree, path))
        code = 3
        try:
            code = int(pytest.main([*QUIET, *tests]))
        finally:
            os._exit(code)
    return os.waitpid(child, 0)[1] != 0


def _prepare(name: str) -> None:
    """Import for all forks what does not import the module under test."""
    sys.dont_write_bytecode = False
    importlib.import_module("oneofeach.flow")
    if name in sys.modules:
        for loaded in [module for module in sys.modules if module.startswith("oneofeach")]:
            del sys.modules[loaded]
    gc.freeze()


def main(path: str, tests: list[str]) -> None:
    part, parts = map(int, tests.pop(0).split("/")) if "/" in tests[0] and tests[0][0].isdigit() else (1, 1)
    name = ".".join(Path(path).with_suffix("").parts[1:])
    tree = ast.parse(Path(path).read_text())
    _spare(tree)
    _prepare(name)
    began = time.monotonic()
    if noticed(name, path, tree, tests):
        sys.exit("The tests fail without any change.")
    seconds = time.monotonic() - began
    survivors, count = [], 0
    for what, changed in islice(mutants(tree), part - 1, None, parts):
        count += 1
        if not noticed(name, path, changed, tests, seconds):
            survivors.append(what)
            print(f"survived  {what}", flush=True)
    print(f"{path}: {count - len(survivors)} of {count} mutants noticed, {1 - len(survivors) / count:.1%}")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
