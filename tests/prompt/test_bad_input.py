"""Broken input of the readers of prompts, data and sweeps: one sentence with its place, in bearable time."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import pytest

from icldiag.errors import AnalysisError, PromptError
from icldiag.prompt.draw import Drawing, draw_prompt
from icldiag.prompt.lm_eval.convert import import_log
from icldiag.prompt.plain_text import import_text
from icldiag.prompt.read import read_prompt
from icldiag.prompt.rewrite import rewritten
from icldiag.prompt.tables import read_table
from icldiag.repair_output import chosen_query
from icldiag.report.settings import layers_from
from icldiag.sweeps.plan import read_plan
from tests.prompt.lm_eval.logs import AGES, write, write_results
from tests.prompt.lm_eval.test_convert import rows

DIGITS = "9" * 5000
DEEP = "[" * 5000
HEAD = "template: '{text} ={label}'\nlabels: [a, b]\n"
PROMPT = {
    "template": "{text} ={label}",
    "labels": ["a", "b"],
    "demonstrations": [{"text": "x", "label": "a"}],
    "queries": [{"text": "y"}],
}


def complaint(read: Callable[[], object]) -> str:
    with pytest.raises((PromptError, AnalysisError)) as caught:
        read()
    assert len(str(caught.value).splitlines()) == 1
    assert len(str(caught.value)) < 600
    return str(caught.value)


VALUES = (DIGITS, DEEP, '{"\\ud800": 1}', "NaN", "1e999", '"\\ud800"', '"' + "x" * 5000 + '"')


@pytest.mark.parametrize("value", VALUES, ids=range(len(VALUES)))
@pytest.mark.parametrize("field", [*PROMPT, "nosuch", "scoring", "calibration"])
def test_a_prompt_in_json(field: str, value: str, tmp_path: Path) -> None:
    path = tmp_path / "p.json"
    lines = [f'"{name}": {json.dumps(part)}' for name, part in PROMPT.items() if name != field]
    path.write_text("{" + ",\n".join([*lines, f'"{field}": {value}']) + "}")
    assert f"{path}:{len(lines) + 1}: " in complaint(lambda: read_prompt(path))


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        (f"limit: {DIGITS}", "limit: expected a whole number of fewer digits"),
        ("limit: 99999999999999999999", "limit: must be at most 9,223,372,036,854,775,807"),
        ("limit: 0", "limit: must be at least 1"),
        ("limit: 1.5", "limit: expected a whole number"),
        (f"seed: -{'9' * 30}", "seed: must be at least -9,223,372,036,854,775,807"),
        (f"text: {'x' * 5000}", "has no column 'xxx"),
        (f"label: {'x' * 5000}", "has no column 'xxx"),
    ],
)
def test_numbers_and_columns_out_of_range(fields: str, words: str, tmp_path: Path) -> None:
    (tmp_path / "q.csv").write_text("text,label\nx,a\n")
    path = tmp_path / "p.yaml"
    path.write_text(f"{HEAD}demonstrations: [{{text: x, label: a}}]\nqueries:\n  file: q.csv\n  {fields}\n")
    assert words in complaint(lambda: read_prompt(path))


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("seeds: [1]", "seeds: 1000000000000", "seeds: at most 10,000 seeds can be drawn"),
        ("seeds: [1]", f"seeds: {DIGITS}", "seeds: at most 10,000 seeds can be drawn"),
        ("seeds: [1]", f"seeds: [{DIGITS}]", "seeds[0]: expected a whole number of fewer digits"),
        ("seeds: [1]", f"seeds: [{', '.join(map(str, range(10_001)))}]", "at most 10,000 seeds"),
        ("seeds: [1]", 'seeds: "\x05"', ":2: the character U+0005"),
        ("seeds: [1]", "seeds: &a [*a]", ":2: the alias '*a' stands inside"),
        ("shots: 1", f"shots: {'9' * 30}", "shots: must be at most"),
        ("shots: 1", "shots: 5", "'a' has 1 text to draw 5 demonstrations from"),
        ("shots: 1", f"{'s' * 500}: 5", "there is no such field; remove it, or use one of"),
        ("prompt: p.json", f"prompt: {'x' * 300}", "there is no file"),
        ("prompt: p.json", 'prompt: "a\\0b"', "there is no file"),
    ],
)
def test_a_sweep(old: str, new: str, words: str, tmp_path: Path) -> None:
    (tmp_path / "p.json").write_text(json.dumps(PROMPT))
    text = "models: [bundled]\nseeds: [1]\nanalyses: [prediction]\nprompts:\n  one:\n    prompt: p.json\n    shots: 1\n"
    assert old in text
    path = tmp_path / "s.yaml"
    path.write_text(text.replace(old, new))
    assert words in complaint(lambda: read_plan(path))


TARGETS = ["[1+1j" + "+1j" * 5000 + "]", "[" * 3000 + "]" * 3000, "²", DIGITS, f"[{DIGITS}]", "[f'{x}']"]


@pytest.mark.parametrize("target", TARGETS, ids=range(len(TARGETS)))
def test_targets_of_samples(target: str, tmp_path: Path) -> None:
    made = rows(AGES[-1])
    for row in made:
        row["target"] = target
    assert "none of the answers" in complaint(lambda: import_log(write(tmp_path, made, AGES[-1])))


@pytest.mark.parametrize("value", [DIGITS, DEEP, '"\\ud800"'])
def test_samples_and_results(value: str, tmp_path: Path) -> None:
    for age in AGES:
        path = write(tmp_path, rows(age), age)
        results = write_results(path)
        results.write_text(f'{{"configs": {{"films": {{"num_fewshot": {value}}}}}}}')
        assert str(results) in complaint(lambda path=path: import_log(path))  # type: ignore[misc]
        results.unlink()
        text = path.read_text()
        path.write_text(text.replace('"doc_id": 0', f'"more": {value}, "doc_id": 0', 1))
        assert path.read_text() != text
        assert f"{path}:" in complaint(lambda path=path: import_log(path))  # type: ignore[misc]


@pytest.mark.parametrize("score", ["NaN", "x", None, [], "1" * 400], ids=range(5))
def test_scores_that_are_no_numbers(score: Any, tmp_path: Path) -> None:
    made = rows(AGES[-1])
    for row in made:
        row["filtered_resps"] = [[score, "False"] for _ in row["filtered_resps"]]
    assert "no log-likelihoods" in complaint(lambda: import_log(write(tmp_path, made, AGES[-1])))


def test_labels_of_many_digits(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("text,label\n" + "".join(f"t{n},{[DIGITS, '7'][n % 2]}\n" for n in range(8)))
    assert draw_prompt(read_table(path), Drawing(queries=1), "x").prompt.label_names == (DIGITS, "7")
    path.write_text("text,label\n" + "".join(f"t{n},{[10, 9][n % 2]}\n" for n in range(8)))
    assert draw_prompt(read_table(path), Drawing(queries=1), "x").prompt.label_names == ("9", "10")
    assert "has 4 texts" in complaint(lambda: draw_prompt(read_table(path), Drawing(shots=10**30), "x"))


def test_numbers_of_options() -> None:
    for text in ("0-" + DIGITS, DIGITS, "0-999999999999", "²", "0-99999999"):
        assert "layers" in complaint(lambda text=text: layers_from(text))  # type: ignore[misc]
    assert layers_from("0-2,5") == (0, 1, 2, 5)


def test_a_query_of_many_digits(tmp_path: Path) -> None:
    path = tmp_path / "p.json"
    path.write_text(json.dumps(PROMPT))
    assert "there are queries 1 to 1" in complaint(lambda: chosen_query(read_prompt(path), DIGITS))


def test_a_style_that_the_editor_does_not_know_is_written_in_full(tmp_path: Path) -> None:
    path = tmp_path / "p.yaml"
    shown = f"demonstrations: [{{text: {DIGITS}, label: b}}]\n"
    path.write_text("template: '{text} ={label}'\nlabels: {<<: ' x', b: ' b'}\nqueries: [{text: y}]\n" + shown)
    prompt = read_prompt(path)
    assert prompt.label_names == ("<<", "b")
    assert DIGITS in rewritten(prompt, prompt, tmp_path)[1]


def seconds_of(count: int, path: Path) -> float:
    pairs = [f"  - {{text: 'number {n}, with words', label: {'ab'[n % 2]}}}\n" for n in range(count)]
    path.write_text(HEAD + "queries: [{text: y}]\ndemonstrations:\n" + "".join(pairs))
    begun = time.process_time()
    assert len(read_prompt(path).demonstrations) == count
    return time.process_time() - begun


def test_many_demonstrations_are_read_in_linear_time(tmp_path: Path) -> None:
    timed = [[seconds_of(count, tmp_path / "p.yaml") for count in (3000, 24_000)] for _ in range(3)]
    few, many = map(median, zip(*timed, strict=True))  # in turn, as the machine is not always as quick
    assert many < 20 * few  # eight times as many; squared it would be 64 times as long


@pytest.mark.parametrize(("written", "cure"), [("rows.jsonl", "{file: rows.jsonl}"), (3, "{file: ...}")])
def test_rows_that_are_no_list_say_how_a_file_is_named(written: object, cure: str, tmp_path: Path) -> None:
    path = tmp_path / "p.json"
    path.write_text(json.dumps({**PROMPT, "examples": written}))
    said = f"examples: expected a list of {{text, label}}, or {cure} for rows in a file"
    assert said in complaint(lambda: read_prompt(path))


def test_many_wrong_demonstrations_are_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "p.json"
    path.write_text(json.dumps({**PROMPT, "demonstrations": [{"text": "x", "lable": "a"}] * 20_000}))
    assert "demonstrations[0].lable: there is no such field; did you mean 'label'?" in complaint(
        lambda: read_prompt(path)
    )
    labels = {**PROMPT, "labels": [str(n) for n in range(20_000)], "demonstrations": [{"text": "x", "label": "20000"}]}
    path.write_text(json.dumps(labels))
    begun = time.process_time()
    assert "there is no class '20000'" in complaint(lambda: read_prompt(path))
    assert time.process_time() - begun < 5


LONG = (" ".join(f"word{n}" for n in range(20_000)), "word " * 20_000, "[" * 20_000, "a:" * 40_000, "x\n\n" * 20_000)


@pytest.mark.parametrize("text", LONG, ids=range(len(LONG)))
def test_a_long_text_is_split_in_bearable_time(text: str) -> None:
    begun = time.process_time()
    for pasted in (text, f"{text}\n\nText: x\nLabel: y\n\nText: z\nLabel:"):
        complaint(lambda pasted=pasted: import_text(pasted))  # type: ignore[misc]
    assert time.process_time() - begun < 10
