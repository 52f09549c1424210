"""docs/tutorial.md's outputs, by running it: python tools/tutorial.py [--write]

A cell of commands or of Python may be followed by `<!-- shown: FIRST ... AFTER -->` and a block of text: what its last
command, or the cell, prints from the line that begins with FIRST (or the start) up to the one that begins with AFTER
(or to the end). `pytest -m real` compares.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import textwrap
from pathlib import Path
from typing import Annotated, Any

import typer

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "tutorial.md"
_WIDTH = 120  # columns; what Python prints is not broken into lines
_CELL = re.compile(
    r"```(?P<kind>sh|python)\n(?P<code>.*?)```\n"
    r"(?:\n<!-- shown:(?P<first>.*?)\.\.\.(?P<after>.*?)-->\n```text\n(?P<text>.*?)```\n)?",
    re.DOTALL,
)


def made(page: str) -> str:
    """The page with what its cells print now."""
    names: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        shutil.copytree(ROOT / "sample_prompts", "sample_prompts")

        def run(cell: re.Match[str]) -> str:
            printed = _python(cell["code"], names) if cell["kind"] == "python" else _commands(cell["code"])
            if cell["text"] is None:
                return cell[0]
            text = _part(printed, cell["first"].strip(), cell["after"].strip())
            return cell[0].replace(f"```text\n{cell['text']}```", f"```text\n{text}```")

        return _CELL.sub(run, page)


def _python(code: str, names: dict[str, Any]) -> str:
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        exec(compile(code, str(PAGE), "exec"), names)
    return printed.getvalue()


def _commands(code: str) -> str:
    printed = ""
    for line in code.splitlines():
        words = shlex.split(line)
        if words[0] != "icldiag":
            raise SystemExit(f"{PAGE.name}: {line} is no command of icldiag")
        done = subprocess.run(
            [sys.executable, "-m", "icldiag", *words[1:]],
            env=os.environ | {"PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            encoding="utf-8",
        )
        if done.returncode:
            raise SystemExit(f"{PAGE.name}: {line} ended with {done.returncode}: {done.stderr}")
        printed = done.stdout
    return printed


def _part(printed: str, first: str, after: str) -> str:
    lines = printed.splitlines()
    start = _place(lines, first, 0) if first else 0
    stop = _place(lines, after, start + 1) if after else len(lines)
    shown: list[str] = []
    for line in lines[start:stop]:
        shown += textwrap.wrap(line, _WIDTH) if len(line) > _WIDTH else [line]
    return "\n".join(line.rstrip() for line in shown).rstrip() + "\n"


def _place(lines: list[str], beginning: str, least: int) -> int:
    for place, line in enumerate(lines[least:], least):
        if line.strip().startswith(beginning):
            return place
    raise SystemExit(f"{PAGE.name}: no line of the output begins with {beginning!r}: {lines[:20]}")


def main(write: Annotated[bool, typer.Option("--write", help="Into the page.")] = False) -> None:
    """Print the page, or write it."""
    page = made(PAGE.read_text(encoding="utf-8"))
    if write:
        PAGE.write_text(page, encoding="utf-8")
    else:
        print(page)


if __name__ == "__main__":
    typer.run(main)
