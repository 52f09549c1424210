"""The table of repairs: what is counted, and that demonstrations, queries and examples do not overlap."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.repairs import QUERIES, gains, measure, prompt_of, table
from tests.conftest import Tiny, tiny_tokenizer


def test_a_family_without_gain_on_the_selection_part_leaves_the_prompt_as_it_is() -> None:
    trials = [
        {"name": "order 2 1", "family": "order", "selection": 0.05, "gain": -0.02},
        {"name": "batch calibration", "family": "calibration", "selection": 0.0, "gain": 0.03},
        {"name": "order 1 3 2", "family": "order", "selection": -0.1, "gain": 0.2},
    ]
    row = {"task": "trec", "seed": 0, "before": 0.5, "selected_on": 20, "confirmed": False, "trials": trials}
    found = gains(row)
    assert found["batch calibration"] == 0.03
    assert found["best calibration"] == 0.0
    assert found["best order"] == found["best of all"] == -0.02
    assert found["best of all, if confirmed"] == 0.0
    assert found["what the selection part promised"] == 0.05
    other = {**row, "seed": 1, "before": 0.6}
    lines = list(table([row, other]))
    assert "| prompts | 2 | 2 |" in lines
    assert "| accuracy before | 55.0 ± 7.1 | 55.0 ± 7.1 |" in lines
    assert "| best order | -2.0 ± 0.0 | -2.0 ± 0.0 |" in lines


def test_prompts_are_drawn_without_overlap(tmp_path: Path, tiny: Tiny) -> None:
    folder = tmp_path / "trec"
    folder.mkdir()
    for part, count in (("train", 60), ("test", QUERIES + 10)):
        rows = [{"text": f"Who {part} {i} ?", "label": ("Person", "Number")[i % 2]} for i in range(count)]
        (folder / f"{part}.jsonl").write_text("\n".join(map(json.dumps, rows)))
    prompt = prompt_of("trec", tmp_path, 3, tiny_tokenizer(), 50)
    assert sorted(example.label or 0 for example in prompt.demonstrations) == [0, 1]
    assert len(prompt.queries) == len(set(prompt.queries)) == QUERIES
    assert len(prompt.examples) == 50
    assert not set(prompt.demonstrations) & set(prompt.examples)
    assert (
        prompt_of("trec", tmp_path, 3, tiny_tokenizer(), 50)
        == prompt
        != prompt_of("trec", tmp_path, 4, tiny_tokenizer(), 50)
    )
    row = measure("trec", tmp_path, 3, tiny(), budget=3, examples=50)
    assert [trial["family"] for trial in row["trials"]] == ["calibration"] * 3
    assert row["before"] == pytest.approx(0.5, abs=0.5)
