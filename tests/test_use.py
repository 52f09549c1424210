"""docs/use.md, from top to bottom: its commands and its Python."""

from __future__ import annotations

import csv
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from icldiag.cli import main
from icldiag.samples import samples_folder

PAGE = Path(__file__).parents[1] / "docs" / "use.md"


def test_the_page_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tmp_path)
    shutil.copytree(samples_folder(), tmp_path / "sample_prompts")
    names: dict[str, Any] = {}
    for kind, cell in re.findall(r"^```(sh|python)\n(.*?)^```", PAGE.read_text(), re.DOTALL | re.MULTILINE):
        if kind == "python":
            exec(compile(cell, str(PAGE), "exec"), names)
            continue
        for line in cell.splitlines():
            monkeypatch.setattr("sys.argv", line.split())
            with pytest.raises(SystemExit) as caught:
                main()
            assert not caught.value.code, capsys.readouterr().err
    with Path("labelled.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0])[-4:] == [f"predicted_p_{name}" for name in names["classifier"]._scorer.prompt.label_names]
    assert len(rows) == len(names["texts"])
    assert Path("chosen.tsv").read_text().splitlines()[0].endswith("topic\ttopic_p")
    assert "{text}" in Path("prompt.txt").read_text()
    client, own = capsys.readouterr().out.splitlines()[-1].split()
    assert client == own
