"""Commands that are stopped, and output that nobody reads."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.patience import LONG, eventually

PROMPT = """\
template: "Question: {text}\\nAnswer Type:{label}"
labels: [Person, Location]
demonstrations:
  - {text: "Who wrote it ?", label: Person}
  - {text: "Where is it ?", label: Location}
queries:
  - {text: "Where ?", label: Location}
"""
ICLDIAG = (sys.executable, "-m", "icldiag")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "p.yaml").write_text(PROMPT)
    (tmp_path / "d.csv").write_text("text,label\n" + "".join(f"where {i},{i % 2}\n" for i in range(3_000)))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize(
    "command", [("check", "p.yaml"), ("new", "d.csv", "-o", "-"), ("report", "--print-schema"), ("docs", "ci")]
)
def test_a_pipe_without_a_reader_ends_a_command_silently(
    folder: Path, command: tuple[str, ...], unbuffered: str
) -> None:
    reader, writer = os.pipe()
    os.close(reader)  # broken from the start, unlike one to `head`, which may take all
    environment = {**os.environ, "PYTHONUNBUFFERED": unbuffered}
    done = subprocess.run([*ICLDIAG, *command], stdout=writer, stderr=subprocess.PIPE, env=environment, timeout=600)
    os.close(writer)
    assert done.returncode == 141
    assert b"Error" not in done.stderr
    assert b"icldiag:" not in done.stderr


def test_a_repair_is_written_whoever_reads_along(folder: Path) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    command = [*ICLDIAG, "repair", "sentiment", "--budget", "2", "--take", "1", "-o", "mended.yaml"]
    done = subprocess.run(command, stdout=writer, stderr=subprocess.DEVNULL, timeout=600)
    os.close(writer)
    assert done.returncode == 141
    assert "calibration:" in (folder / "mended.yaml").read_text()


def test_what_was_tested_is_written_whoever_reads_along(folder: Path) -> None:
    """And the status is no failed requirement."""
    reader, writer = os.pipe()
    os.close(reader)
    command = [*ICLDIAG, "test", "p.yaml", "--max-lean", "99", "--junit", "j.xml", "--markdown", "m.md"]
    done = subprocess.run(command, stdout=writer, stderr=subprocess.DEVNULL, timeout=600)
    os.close(writer)
    assert done.returncode == 141
    assert "<testsuites" in (folder / "j.xml").read_text()
    assert "| passes |" in (folder / "m.md").read_text()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows ends processes without a signal")
@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_stopped_predict_says_that_it_can_go_on(folder: Path, number: int, code: int) -> None:
    command = [*ICLDIAG, "predict", "p.yaml", "d.csv", "-o", "out.csv"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        eventually((folder / "out.csv.part.json").exists)
        process.send_signal(number)
        _, told = process.communicate(timeout=LONG)
    assert process.returncode == code
    assert told.splitlines()[-1] == "icldiag: stopped; what is done is kept, and the same command continues"

    (folder / "d.csv").write_text((folder / "d.csv").read_text().replace("where 3,", "where else,", 1))
    again = subprocess.run(command, capture_output=True, text=True, timeout=600)
    assert (again.returncode, "is not as the interrupted run read it" in again.stderr) == (1, True)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows ends processes without a signal")
def test_sigterm_ends_any_command_with_a_word(folder: Path) -> None:
    command = [*ICLDIAG, "report", "p.yaml", "-o", "r.json"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        process.stderr.readline()  # it has begun
        process.terminate()
        told = process.stderr.read()
    assert process.returncode == 143
    assert told.splitlines()[-1].startswith("icldiag: stopped")
    assert not (folder / "r.json").exists()
