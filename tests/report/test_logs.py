"""Two logs of the harness against each other, by hand."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from icldiag.cli import app
from icldiag.errors import PromptError
from icldiag.report.logs import log_difference
from tests.prompt.lm_eval.logs import CHOICES, context, row, scores, write


def log(folder: Path, answers: list[int], golds: list[int], texts: str = "abcdefgh") -> Path:
    rows = []
    folder.mkdir()
    for number, (answer, gold) in enumerate(zip(answers, golds, strict=True)):
        text = f"film {texts[number]}"
        requests = [(context(text), f" {choice}") for choice in CHOICES]
        given = [[score, False] for score in scores(answer)]
        rows.append(row(number, requests, given, gold, doc={"text": text}, acc=float(answer == gold)))
    return write(folder, rows)


def test_mended_and_broken_by_hand(tmp_path: Path) -> None:
    golds = [0, 0, 0, 1, 1, 2, 2, 2]
    a = log(tmp_path / "a", [0, 1, 1, 1, 0, 0, 0, 2], golds)  # right: 0, 3, 7
    b = log(tmp_path / "b", [0, 0, 0, 1, 1, 2, 1, 0], golds)  # right: 0 to 5; 6 is wrong otherwise
    reading = log_difference(a, b).parts[0].reading
    assert "Of 8 documents, 3 are answered right in a, 6 in b; 6 answers differ, 4 fixed and 1 broken" in reading
    assert "p = 0.38" in reading  # 2 (1 + 5) / 2^5
    done = CliRunner().invoke(app, ["diff", str(a), str(b)])
    assert done.exit_code == 0
    assert "McNemar" in done.output


def test_logs_of_other_documents_are_refused(tmp_path: Path) -> None:
    a = log(tmp_path / "a", [0, 1], [0, 0])
    with pytest.raises(PromptError, match="document '0' is another one than in"):
        log_difference(a, log(tmp_path / "b", [0, 1], [0, 0], texts="xy"))
