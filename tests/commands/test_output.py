"""Where commands write: `-o`, `-`, encodings that lack characters, full disks and closed streams."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

PROMPT = """\
template: "Question: {text}\\nAnswer Type:{label}"
labels: [Person, Location]
demonstrations:
  - {text: "Who wrote the opéra ?", label: Person}
  - {text: "Where is the park 公園 ?", label: Location}
queries:
  - {text: "Where ? 😀", label: Location}
"""
DATA = "text,label\nwhere é,a\nwho,b\nwhen,a\nwhose,b\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "p.yaml").write_text(PROMPT, encoding="utf-8")
    (tmp_path / "d.csv").write_text(DATA, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*arguments: str, redirect: str = "", **environment: str) -> subprocess.CompletedProcess[bytes]:
    words = " ".join(f"'{word}'" for word in (sys.executable, "-m", "icldiag", *arguments))
    return subprocess.run(
        ["bash", "-c", f"{words} {redirect}"], capture_output=True, env={**os.environ, **environment}, timeout=600
    )


ASCII = {"LC_ALL": "C", "PYTHONIOENCODING": "ascii"}


def test_a_terminal_without_the_characters_is_shown_escapes(folder: Path) -> None:
    done = run("check", "p.yaml", **ASCII)
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"\\xb6" in done.stdout  # the sign of a line break


@pytest.mark.parametrize("form", ["json", "md", "html"])
def test_a_report_is_utf8_whatever_the_terminal_is(folder: Path, form: str) -> None:
    arguments = ("report", "p.yaml", "--only", "prediction", "--format", form)
    printed = run(*arguments, **ASCII)
    assert printed.returncode == 0, printed.stderr
    assert "Where ? 😀" in printed.stdout.decode("utf-8")
    assert "Where ? 😀" in run(*arguments, "-o", "-", **ASCII).stdout.decode("utf-8")


def test_a_made_prompt_goes_to_stdout_with_a_dash(folder: Path) -> None:
    done = run("new", "d.csv", "-o", "-", **ASCII)
    assert done.returncode == 0, done.stderr
    assert "where é" in done.stdout.decode("utf-8")
    assert sorted(path.name for path in folder.iterdir() if path.is_file()) == ["d.csv", "p.yaml"]


def test_what_is_no_regular_file_needs_no_force(folder: Path) -> None:
    os.mkfifo(folder / "pipe")
    assert run("new", "d.csv", "-o", "/dev/null").returncode == 0
    assert stat.S_ISCHR(Path(os.devnull).stat().st_mode)
    assert b"where" in run("new", "d.csv", "-o", "pipe", redirect="& cat pipe; wait").stdout
    assert stat.S_ISFIFO((folder / "pipe").stat().st_mode)
    (folder / "there.yaml").write_text("mine")
    done = run("new", "d.csv", "-o", "there.yaml")
    assert b"overwrite it with --force" in done.stderr
    assert (folder / "there.yaml").read_text() == "mine"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("report", "p.yaml", "--format", "csv", "-o", "-"), b"--format csv writes several files; name their folder"),
        (("sweep", "p.yaml", "-o", "-"), b"a sweep writes several files; name their folder with -o"),
        (("new", "d.csv", "-o", "none/p.yaml"), b"there is no such folder"),
        (("new", "d.csv", "-o", "."), b"it is a folder; choose another place"),
    ],
)
def test_a_place_that_will_not_do_is_one_sentence(folder: Path, arguments: tuple[str, ...], words: bytes) -> None:
    done = run(*arguments)
    assert done.returncode != 0
    assert words in done.stderr.splitlines()[-1]
    assert b"Traceback" not in done.stderr


@pytest.mark.parametrize("command", [("check", "p.yaml"), ("new", "d.csv"), ("doctor",), ("report", "--print-schema")])
def test_a_full_disk_is_one_sentence(folder: Path, command: tuple[str, ...]) -> None:
    done = run(*command, redirect="> /dev/full")
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == (
        b"icldiag: cannot write to standard output: No space left on device; send it elsewhere"
    )


def test_closed_streams(folder: Path) -> None:
    done = run("new", "d.csv", redirect=">&-")
    assert (done.returncode, done.stderr.splitlines()[-1]) == (
        1,
        b"icldiag: standard output is closed; name a file with -o",
    )
    done = run("new", "d.csv", redirect="2>&-")
    assert done.returncode == 0
    assert done.stdout.startswith(b"#")  # nothing but the prompt file
    assert run("check", "none.yaml", redirect="2>&-").stdout == b""


def test_a_reader_of_stdout_that_has_gone_is_no_error_to_talk_about(folder: Path) -> None:
    done = run("report", "--print-schema", redirect="| head -c 1")
    assert done.stderr == b""


def test_a_reader_of_stderr_that_has_gone_loses_no_report(folder: Path) -> None:
    run("report", "p.yaml", "--only", "prediction", "-o", "r.json", redirect="2> >(true)")
    assert len(json.loads((folder / "r.json").read_text(encoding="utf-8"))["prediction"]["queries"]) == 1
