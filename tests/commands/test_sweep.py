"""`icldiag sweep` as a command: what is printed and written, and exit codes."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from icldiag.cli import main
from tests.patience import LONG, eventually
from tests.sweeps.conftest import Write
from tests.sweeps.conftest import sweep_file as sweep_file


def call(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["icldiag", "sweep", *arguments])
    with pytest.raises(SystemExit) as caught:
        main()
    return int(caught.value.code or 0)


def test_a_sweep_prints_its_tables_and_writes_them(
    sweep_file: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path, out = str(sweep_file()), tmp_path / "out"
    assert call(monkeypatch, path, "-o", str(out), "--figure-type", "svg") == 0
    shown = capsys.readouterr()
    assert "Accuracy in percent" in shown.out
    assert re.search(r"6 of 6: .*, kind, 2-shot, seed 1: prediction, [\d.]+ s", shown.err)
    names = {file.name for file in out.iterdir()}
    assert {"sweep.html", "sweep.md", "tables.tex", "csv", "figures", "cells"} == names
    assert len(list((out / "cells").iterdir())) == 6
    assert call(monkeypatch, path, "-o", str(out), "--dry-run") == 0
    again = capsys.readouterr()
    assert "6 cells, 6 of them done" in again.err
    assert not again.out.strip()
    assert call(monkeypatch, path, "-o", str(out), "--again", "--dry-run") == 0
    assert len(capsys.readouterr().out.splitlines()) == 6
    assert len(list((out / "cells").iterdir())) == 6  # and nothing is removed


def test_tables_of_what_is_there(
    sweep_file: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert call(monkeypatch, str(sweep_file()), "-o", str(out), "--tables-only") == 0
    shown = capsys.readouterr()
    assert "0 cells, 6 not computed yet" in shown.out
    assert not list((out / "cells").iterdir())


def test_a_cell_that_fails_is_told_and_the_exit_code_says_so(
    sweep_file: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = sweep_file("[prediction, reweighting]", seeds="1")
    path.write_text(path.read_text().replace("per_class: 2", "per_class: 9"))
    assert call(monkeypatch, str(path), "-o", str(tmp_path / "out"), "--dry-run") == 0
    shown = capsys.readouterr()
    assert [line.rsplit(": ", 1)[-1] for line in shown.out.splitlines()] == ["prediction", "prediction"]
    assert "\n1 cell cannot be computed:\n- " in shown.err
    assert "seed 0: reweighting: re-weighting needs 9 labelled examples of 'Person'" in shown.err
    assert call(monkeypatch, str(path), "-o", str(tmp_path / "out")) == 1
    shown = capsys.readouterr()
    assert "1 cell could not be computed" in shown.out
    assert "icldiag: 1 of 3 cells have no result" in shown.err


def test_workers_without_a_cluster_are_refused(
    sweep_file: Write, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(monkeypatch, str(sweep_file()), "--workers", "2") == 2
    assert "--workers and --gpus-per-worker are for --ray" in capsys.readouterr().err


def obey_ctrl_c() -> None:
    """Also where these tests run in a shell's background, which has told its children to ignore it."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def test_ctrl_c_says_how_to_go_on(sweep_file: Write, tmp_path: Path) -> None:
    out = tmp_path / "out"
    command = [sys.executable, "-m", "icldiag", "sweep", str(sweep_file(seeds="300")), "-o", str(out)]
    with subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, preexec_fn=obey_ctrl_c
    ) as process:
        eventually(lambda: list((out / "cells").glob("*.json")))
        os.kill(process.pid, signal.SIGINT)
        _, told = process.communicate(timeout=LONG)
    assert process.returncode == 130
    assert told.splitlines()[-1] == f"icldiag: stopped; the finished cells are in {out}, the same command continues"
    assert "Traceback" not in told
    for file in (out / "cells").glob("*.json"):
        assert json.loads(file.read_text())["schema"] == "icldiag-sweep-cell/1"


def test_a_dry_run_names_what_repairs_lack(
    sweep_file: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """As the run does: the queries' labels are kept from the search, so only examples count."""
    path, out = sweep_file("[repairs]"), str(tmp_path / "out")
    path.write_text(path.read_text().replace("examples: 4", "examples: 3"))
    assert call(monkeypatch, str(path), "-o", out, "--dry-run") == 0
    foretold = capsys.readouterr().err.split("2 cells cannot be computed:\n- ")[1]
    assert "there are 6 in 'examples'" in foretold
    assert call(monkeypatch, str(path), "-o", out) == 1
    told = capsys.readouterr().out
    assert "".join(foretold.split()) in "".join(told.split())
