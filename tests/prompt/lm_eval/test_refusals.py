"""What of a harness's log cannot be a prompt is refused by name, or left for what the text shows."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from icldiag.prompt.lm_eval.convert import import_log
from tests.prompt.lm_eval.logs import (
    CHOICES,
    CONFIG,
    context,
    row,
    scores,
    write,
    write_results,
)
from tests.prompt.lm_eval.test_convert import check, complaint, rows

REQUESTS = [(context("x"), f" {word}") for word in CHOICES]


THREE = [[score, False] for score in scores(0)]


@pytest.mark.parametrize(
    ("made", "words"),
    [
        ([row(0, [("", )], [-1.0], "x")], "loglikelihood_rolling"),
        ([row(0, [(context("x"), " great")], [[-1.0, True]], " great")], "a loglikelihood task scores one"),
        ([row(0, [(context("x"), " a"), (context("y"), " a")], THREE[:2], 0)], "winogrande"),
        ([row(0, [(*REQUESTS[0], {"visual": []}), (*REQUESTS[1], {"visual": []})], THREE[:2], 0)], "images or sound"),
        ([row(n, [(context("x"), f" {n}{a}") for a in "abc"], THREE, 0) for n in range(3)], "as in hellaswag"),
        ([row(n, [(context(f"x{n}"), {})], ["7"], f"{n} apples") for n in range(9)], "free text, as in gsm8k"),
        ([row(0, [(context("x", []), f" {word}") for word in CHOICES], THREE, 0)], "it must be few-shot"),
        ([row(0, REQUESTS, THREE, "5")], "the target '5' is none of the answers"),
        ([row(0, REQUESTS, ["a", "b", "c"], 0)], "no log-likelihoods"),
        ([row(0, REQUESTS, THREE, 0), row(1, [(context("x"), {})], ["a"], "a")], "two kinds of task"),
        ([{"text": "x"}], "logs with --log_samples; 'doc_id' is missing"),
        ([{**row(0, REQUESTS, THREE, 0), "arguments": {"a": {}}}], "'arguments' has another shape"),
        ([{**row(0, REQUESTS, THREE, 0), "filtered_resps": []}], "'filtered_resps' has another shape"),
        ([], "no samples; write one with lm_eval --log_samples"),
        ([row(0, [(context("x"), {})], ["a"], "good")], "are none of the targets (good)"),
        ([row(n, [(context("x") + " " * n, f" {word}") for word in CHOICES], THREE, 0) for n in range(2)],
         "some contexts end with a space"),
        ([row(0, [(f"{{text}} a: positive\n{{text}} {t}:", f" {w}") for w in CHOICES], THREE, 0, doc={"t": t})
          for t in ("b",)], "itself holds {text}"),
    ],
)  # fmt: skip
def test_what_cannot_be_imported_is_refused_by_name(tmp_path: Path, made: list[dict[str, Any]], words: str) -> None:
    assert words in complaint(write(tmp_path, made))


def test_a_wrong_results_file(tmp_path: Path) -> None:
    path = write(tmp_path, rows())
    other = tmp_path / "other.json"
    other.write_text("{}")
    assert "has no 'configs'" in complaint(path, results=other)
    other.write_text("{")
    assert "not valid JSON" in complaint(path, results=other)
    other.write_text(json.dumps({"configs": {"a": CONFIG, "b": CONFIG}}))
    assert "it has the tasks a, b" in complaint(path, results=other)
    other.write_text(json.dumps({"configs": {"film": CONFIG, "films": CONFIG, "lms": CONFIG}}))
    assert import_log(path, other).prompt.name == "films"


def test_a_configuration_that_does_not_fit_is_left_for_what_the_text_shows(tmp_path: Path) -> None:
    path = write(tmp_path, rows())
    write_results(path, {"doc_to_text": "def doc_to_text(doc):\n    return doc", "fewshot_delimiter": "\n---\n"})
    found = import_log(path)
    check(found)
    assert found.inferred


def test_broken_files(tmp_path: Path) -> None:
    path = tmp_path / "samples.jsonl"
    path.write_text('[{"doc_id": 1,\n}')
    assert "not valid JSON" in complaint(path)
    path.write_text('["doc_id"]')
    assert "expected a list of objects" in complaint(path)
    assert "no such file" in complaint(tmp_path / "none.jsonl")
