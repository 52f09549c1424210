"""Do the tests notice a change to the code? python tools/mutants.py FILE TESTS... [--most 40 --seed 0 --seconds 300]

One change at a time (a comparison, an operator, a number, a condition), the tests in a process of its own that begins
with the heavy imports done. What no test notices is printed; docs/reliability.md has what was found.
"""

from __future__ import annotations

import ast
import copy
import importlib.machinery
import importlib.util
import os
import random
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import CodeType, ModuleType
from typing import Annotated, Any

import typer

ROOT = Path(__file__).parents[1]
_MOST_SECONDS = 600  # of one run: a change may make a loop endless, which counts as noticed
_SWAPS: dict[type[ast.AST], type[ast.AST]] = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.In: ast.NotIn, ast.NotIn: ast.In, ast.And: ast.Or, ast.Or: ast.And,
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult, ast.FloorDiv: ast.Mult,
    ast.BitAnd: ast.BitOr, ast.BitOr: ast.BitAnd,
}  # fmt: skip


def places(node: ast.AST) -> Iterator[ast.AST]:
    """Where the code can be changed: all but types, names and texts."""
    for name, value in ast.iter_fields(node):
        if name in ("annotation", "returns", "type_params", "decorator_list"):
            continue
        for child in value if isinstance(value, list) else [value]:
            if not isinstance(child, ast.AST):
                continue
            if isinstance(child, ast.Compare | ast.BoolOp | ast.BinOp | ast.AugAssign):
                operator = child.ops[0] if isinstance(child, ast.Compare) else child.op
                if type(operator) in _SWAPS:
                    yield child
            elif isinstance(child, ast.UnaryOp) or (
                isinstance(child, ast.Constant) and isinstance(child.value, int | float)
            ):
                yield child
            if not (isinstance(child, ast.If) and ast.unparse(child.test) == "TYPE_CHECKING"):
                yield from places(child)


def changed(tree: ast.Module, number: int) -> tuple[ast.Module, str]:
    """The code with one place changed, and what was done."""
    made = copy.deepcopy(tree)
    node: Any = list(places(made))[number]
    before, line = ast.unparse(node), node.lineno
    if isinstance(node, ast.Constant):
        node.value = not node.value if isinstance(node.value, bool) else node.value + 1
    elif isinstance(node, ast.UnaryOp):
        if isinstance(node.op, ast.Not):
            node.op, node.operand = ast.Not(), ast.UnaryOp(ast.Not(), node.operand)
        else:
            node.op = ast.UAdd()
    elif isinstance(node, ast.Compare):
        node.ops[0] = _SWAPS[type(node.ops[0])]()  # type: ignore[call-overload]
    else:
        node.op = _SWAPS[type(node.op)]()
    return ast.fix_missing_locations(made), f"line {line}: {before}  ->  {ast.unparse(node)}"


class _Mutated(importlib.machinery.SourceFileLoader):
    def __init__(self, name: str, path: str, code: CodeType) -> None:
        super().__init__(name, path)
        self.code = code

    def get_code(self, fullname: str) -> CodeType:
        return self.code


class _Finder:
    """Finds one module, as it was changed."""

    def __init__(self, name: str, path: Path, code: CodeType) -> None:
        self.name, self.loader = name, _Mutated(name, str(path), code)

    def find_spec(self, name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> Any:
        return importlib.util.spec_from_loader(name, self.loader) if name == self.name else None


def noticed(name: str, path: Path, tree: ast.Module, tests: list[str]) -> bool:
    """Whether the tests fail on this code."""
    child = os.fork()
    if child == 0:
        signal.alarm(_MOST_SECONDS)
        quiet = os.open(os.devnull, os.O_WRONLY)
        os.dup2(quiet, 1)
        os.dup2(quiet, 2)
        sys.meta_path.insert(0, _Finder(name, path, compile(tree, str(path), "exec")))  # type: ignore[arg-type]
        import pytest

        os._exit(int(pytest.main([*tests, "-x", "-q", "-n", "0", "-p", "no:cacheprovider"])))
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) != 0


def main(
    file: Path,
    tests: list[str],
    most: Annotated[int, typer.Option(help="Changes, drawn by --seed.")] = 40,
    seed: int = 0,
    seconds: Annotated[float, typer.Option(help="Begin no change after so many.")] = 1e9,
) -> None:
    """Change FILE, run TESTS, print what no test notices."""
    import torch  # noqa: F401 - once, for all
    import transformers  # noqa: F401

    name = ".".join(file.resolve().relative_to(ROOT).with_suffix("").parts)
    tree, began = ast.parse(file.read_text(encoding="utf-8")), time.monotonic()
    if noticed(name, file, tree, tests):
        raise SystemExit("the tests fail on the code as it is")
    count = len(list(places(tree)))
    chosen = sorted(random.Random(seed).sample(range(count), min(most, count)))
    tried = survived = 0
    for number in chosen:
        if time.monotonic() - began > seconds:
            break
        made, told = changed(tree, number)
        tried += 1
        if not noticed(name, file, made, tests):
            survived += 1
            print(f"{file}: {told}", flush=True)
    print(f"{file}: {tried} of {count} changes, {survived} not noticed, {time.monotonic() - began:.0f} s", flush=True)


if __name__ == "__main__":
    typer.run(main)
