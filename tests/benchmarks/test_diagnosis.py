"""The table of a whole diagnosis."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks import diagnosis
from benchmarks.work import make_prompt


def test_every_analysis_is_timed_and_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    prompt = make_prompt("short")
    few = replace(prompt, queries=prompt.queries[:6], examples=prompt.examples[:6])
    monkeypatch.setattr(diagnosis, "make_prompt", lambda length: few)
    diagnosis.main("bundled", "short", "cpu", "float32", rounds=1, json_file=tmp_path / "found.json")
    found = json.loads((tmp_path / "found.json").read_text(encoding="utf-8"))
    rows = {row["analysis"]: row for row in found["rows"]}
    assert list(rows) == [diagnosis.PLAIN, *diagnosis.ANALYSES]
    assert all(row["seconds"] >= 0 for row in rows.values())
    assert rows["prediction"]["passes"] in (2, 3)  # the demonstrations, and the queries after them, by length
    assert rows["extraction"]["passes"] == 0  # it was read with the answers
    assert rows["saliency"]["passes"] == 1
    assert rows["saliency"]["transfers"] is None  # there is no GPU
    printed = capsys.readouterr().out
    assert all(f"| {name} |" in printed for name in rows)
    assert "demonstrations of" in printed
