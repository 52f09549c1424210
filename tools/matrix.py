"""Build wheel and sdist, install the wheel in an empty environment, and use it outside of the checkout.

python tools/matrix.py [--python python3.12] [--installer uv] [--constraints constraints-lowest.txt]

`.ci/run` does it with Python 3.11 and the versions of constraints.txt. Others are run by hand: torch for them may take
gigabytes, which go again afterwards. docs/install.md has what was tried.
"""

from __future__ import annotations

import hashlib
import os
import pty
import re
import select
import subprocess
import sys
import tempfile
import time
import zipfile
from pathlib import Path
from typing import Annotated, Literal

import typer

ROOT = Path(__file__).parents[1]
_SECONDS = 600.0  # on a busy machine, for the app to show all answers


def build(folder: Path) -> Path:
    """The wheel, made from the sdist."""
    _run([sys.executable, "-m", "build", "--outdir", str(folder), str(ROOT)])
    (wheel,) = folder.glob("*.whl")
    return wheel


def check_readme(wheel: Path) -> None:
    """What an index shows of the wheel leads nowhere that only the repository has."""
    with zipfile.ZipFile(wheel) as opened:
        (name,) = (name for name in opened.namelist() if name.endswith(".dist-info/METADATA"))
        shown = opened.read(name).decode()
    links = re.findall(r"\]\((?!https?://)[^)]*\)", shown)
    if links or "\n# icldiag\n" not in shown:
        raise SystemExit(f"the wheel's README is missing, or has links of the repository: {links}")


def install(wheel: Path, place: Path, python: str, installer: str, constraints: Path | None) -> None:
    """Into an empty environment at `place`."""
    pinned = ["-c", str(constraints)] if constraints else []
    if installer == "uv":
        links = ["--find-links", os.environ["PIP_FIND_LINKS"]] if "PIP_FIND_LINKS" in os.environ else []
        _run(["uv", "venv", "--python", python, str(place)])
        _run(["uv", "pip", "install", "--python", str(place / "bin/python"), *links, *pinned, str(wheel)])
    else:
        _run([python, "-m", "venv", str(place)])
        _run([str(place / "bin/python"), "-m", "pip", "install", "-q", *pinned, str(wheel)])


def use(place: Path, folder: Path) -> None:
    """What a user does first, in `folder`; nothing that was installed may change by it."""
    icldiag = str(place / "bin/icldiag")
    code = "import icldiag.samples as s; print(s.samples_folder())"
    samples = Path(_run([str(place / "bin/python"), "-c", code], folder).strip())
    if not samples.is_relative_to(place):
        raise SystemExit(f"the samples are in {samples}, outside of what was installed")
    before = contents(samples.parent)
    data = str(samples / "news-examples.jsonl")
    for words in (
        ["--version"],
        ["doctor"],
        ["new", data, "-o", "own.yaml"],
        ["check", "own.yaml", "--model", "bundled"],
        ["check", "sentiment"],
        ["samples", "-o", "samples"],
        ["docs", "glossary"],
        ["report", "own.yaml", "--only", "prediction,overview", "--format", "html", "-o", "own.html"],
        ["predict", "own.yaml", data, "-o", "labels.csv"],
    ):
        _run([icldiag, *words], folder)
    open_app(icldiag, folder)
    if contents(samples.parent) != before:
        raise SystemExit("something in the installed package was changed by using it")


def open_app(icldiag: str, folder: Path) -> None:
    """The app without arguments, in a terminal of its own, until all answers are there; then q."""
    process, terminal = pty.fork()
    if process == 0:
        os.chdir(folder)
        os.execve(icldiag, [icldiag], os.environ | {"TERM": "xterm-256color", "COLUMNS": "120", "LINES": "40"})
    seen, end = b"", time.monotonic() + _SECONDS
    while b" right" not in seen:
        if time.monotonic() > end:
            raise SystemExit("the app has not shown its answers")
        if select.select([terminal], [], [], 1.0)[0]:
            seen += os.read(terminal, 1 << 16)
    os.write(terminal, b"q")
    while True:
        try:
            if not os.read(terminal, 1 << 16):
                break
        except OSError:  # the terminal's other end is closed
            break
    code = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
    if code:
        raise SystemExit(f"the app ended with {code}")


def contents(folder: Path) -> dict[Path, str]:
    """A digest of every file but bytecode."""
    files = (path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    return {path: hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def _run(words: list[str], folder: Path | None = None) -> str:
    print("+", *words, flush=True)
    done = subprocess.run(words, cwd=folder, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    if done.returncode:
        raise SystemExit(f"{words[0]} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return done.stdout


def main(
    python: Annotated[str, typer.Option(help="The Python to install into.")] = "python3.11",
    installer: Annotated[Literal["pip", "uv"], typer.Option()] = "pip",
    constraints: Annotated[Path | None, typer.Option(help="Versions to install.")] = ROOT / "constraints.txt",
    latest: Annotated[bool, typer.Option("--latest", help="Without constraints.")] = False,
) -> None:
    """Build, install, use."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        os.environ |= {
            "ICLDIAG_STATE": f"{place}/state",
            "ICLDIAG_CACHE": f"{place}/cache",
            "ICLDIAG_CONFIG": os.devnull,
        }
        wheel = build(folder / "dist")
        check_readme(wheel)
        install(wheel, folder / "venv", python, installer, None if latest else constraints)
        (folder / "work").mkdir()
        use(folder / "venv", folder / "work")
        print(f"{wheel.name} works: {python}, {installer}, {'latest versions' if latest else constraints}")


if __name__ == "__main__":
    typer.run(main)
