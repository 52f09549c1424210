"""A log's answers are another run's: every importer of logs says so, and what the loaded model answers otherwise."""

from __future__ import annotations

import json
import re
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from icldiag import Session
from icldiag.cli import app
from icldiag.errors import PromptError
from icldiag.prompt.importers import importer_of
from icldiag.prompt.importers.importer import Import
from icldiag.prompt.importers.promptfoo import read as read_promptfoo
from icldiag.prompt.logged import Logged
from icldiag.prompt.read import read_prompt
from icldiag.prompt.write import as_its_ending_says, as_yaml
from tests.prompt.lm_eval.logs import TEXTS, choice_row, write, write_results

DATA = Path(__file__).parent.parent / "data"
LABELS = ("good", "bad")


@pytest.mark.parametrize(
    ("ids", "predicted", "end"),
    [
        (("1", "2"), None, "(a tool, m)"),
        (("1", "2"), (0, 1), "; none of 2 answers differ"),
        (("1", "2"), (1, 1), "; 1 of 2 answers differs"),
        (("1", "2"), (1, 0), "; 2 of 2 answers differ"),
        (("1", "3"), (1, 0), "; 1 of 1 answer that are labels in both differs"),
        (("1", "4", None), (1, 0, 0), "; 1 of 1 answer that are labels in both differs"),
        (("1", "1"), (1, 0), "(a tool, m)"),  # two queries with one id are not told apart
    ],
)
def test_what_differs_is_counted_where_both_answer_with_a_label(
    ids: tuple[str | None, ...], predicted: tuple[int, ...] | None, end: str
) -> None:
    logged = Logged.of("a tool", "m", {"1": " good", "2": "bad", "3": "It is good.", "4": None})
    told = logged.beside(ids, LABELS, predicted)
    assert told.startswith("the answers are the loaded model's, not those in the log (a tool, m)")
    assert told.endswith(end)


def log(folder: Path, **results: Any) -> Path:
    rows = [choice_row(n, *pair, answer) for n, (pair, answer) in enumerate(zip(TEXTS, (0, 2, 2, 0), strict=True))]
    path = write(folder, rows)
    if results:
        made = write_results(path)
        made.write_text(json.dumps({**json.loads(made.read_text()), **results}))
    return path


@pytest.mark.parametrize(
    ("results", "whose"),
    [
        ({}, "lm-eval"),
        ({"model_name": "a/b"}, "lm-eval, a/b"),
        ({"config": {"model": "hf", "model_args": "dtype=float32,pretrained=a/c"}}, "lm-eval, a/c"),
        ({"config": {"model_args": {"pretrained": "a/d"}}}, "lm-eval, a/d"),
        ({"model_name": ["a"], "config": {"model_args": 1}}, "lm-eval"),
    ],
)
def test_an_import_says_whose_the_answers_are(tmp_path: Path, results: dict[str, Any], whose: str) -> None:
    done = CliRunner().invoke(app, ["import", "lm-eval", str(log(tmp_path, **results)), "--yes"])
    told = f"the answers in the log ({whose}) are not taken: icldiag asks the model that you load"
    assert told in done.stderr.splitlines()


def test_a_log_that_is_opened_says_how_many_answers_differ(tmp_path: Path) -> None:
    path = log(tmp_path, model_name="a/b")
    session = Session(path, "bundled")
    told = "the answers are the loaded model's, not those in the log (lm-eval, a/b)"
    assert told in session.warnings
    names, predicted = session.prompt.label_names, session.prediction().predicted
    logged = ["positive", "neutral", "neutral", "positive"]
    differ = sum(names[answer] != was for answer, was in zip(predicted, logged, strict=True))
    assert f"{told}; {differ or 'none'} of 4 answers differ{'s' if differ == 1 else ''}" in session.warnings
    made = tmp_path / "made.yaml"
    made.write_text(as_yaml(session.prompt))
    again = Session(made, session.model)
    assert again.prompt.hash == session.prompt.hash  # what is stored of one holds for the other
    assert again.prompt.logged == session.prompt.logged
    again.prediction()
    assert again.warnings == session.warnings


def found(path: Path) -> Import:
    importer = importer_of(path)
    assert importer is not None
    return importer.read(path)


def test_other_tools_logs(tmp_path: Path) -> None:
    run = found(DATA / "openai_evals" / "shots.jsonl")
    assert run.prompt.logged is not None
    assert (run.prompt.logged.tool, run.prompt.logged.model) == ("OpenAI's evals", "none")
    assert dict(run.prompt.logged.answers)["mood-shots.test.2"] == "dark"
    assert run.logged and run.logged.told in run.notes

    turns = [
        {"role": role, "content": text}
        for role, text in (("user", "fog"), ("assistant", "dark"), ("user", "sun"), ("assistant", "bright"))
    ]
    sample = {"id": 1, "target": "bright", "messages": [*turns, {"role": "user", "content": "hail"}]}
    archive = tmp_path / "log.eval"
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("samples/1.json", json.dumps({**sample, "output": {"model": "a/b", "completion": "dark\n"}}))
    assert found(archive).prompt.logged == Logged("inspect_ai", "a/b", (("1", "dark"),))


def test_results_of_promptfoo_are_a_log_and_its_configuration_is_none(tmp_path: Path) -> None:
    results = json.loads((DATA / "promptfoo" / "text.json").read_text())
    for row in results["results"]["results"]:
        row["response"] = {"output": "dark"}
    path = tmp_path / "results.json"
    path.write_text(json.dumps(results))
    assert found(path).prompt.logged == Logged("promptfoo", "mock", (("0", "dark"), ("1", "dark")))
    assert read_promptfoo(DATA / "promptfoo" / "text.json").logged is None  # no answer was kept


@pytest.mark.parametrize(
    ("providers", "logged"),
    [
        (
            [{"id": "openai:gpt-4", "label": ""}] * 2,
            Logged("promptfoo", "openai:gpt-4", (("0", "dark"), ("1", "dark"))),
        ),
        (["openai:gpt-4"] * 2, Logged("promptfoo", "openai:gpt-4", (("0", "dark"), ("1", "dark")))),
        ([None, None], Logged("promptfoo", None, (("0", "dark"), ("1", "dark")))),
        ([["a"], ["a"]], Logged("promptfoo", None, (("0", "dark"), ("1", "dark")))),
        ([{"id": "a"}, {"id": "b"}], Logged("promptfoo", "a", (("0", "dark"),))),  # another's answer is not its own
    ],
)
def test_whose_the_answers_of_promptfoo_are(tmp_path: Path, providers: list[Any], logged: Logged) -> None:
    results = json.loads((DATA / "promptfoo" / "text.json").read_text())
    for row, provider in zip(results["results"]["results"], providers, strict=True):
        row |= {"response": {"output": "dark"}, "provider": provider}
    path = tmp_path / "results.json"
    path.write_text(json.dumps(results))
    assert found(path).prompt.logged == logged


@pytest.mark.parametrize(
    "logged",
    [
        Logged("a tool"),
        Logged("a tool", "m", (("1", "yes"), ("2", "It is: {good},\n# so"), ("no", "~"))),
    ],
)
@pytest.mark.parametrize("name", ["made.yaml", "made.json"])
def test_a_prompt_file_keeps_what_the_log_says(tmp_path: Path, logged: Logged, name: str) -> None:
    path = tmp_path / name
    path.write_text(as_its_ending_says(as_yaml(replace(read_prompt("sentiment"), logged=logged)), path))
    assert read_prompt(path).logged == logged


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ("logged: lm-eval", "expected a mapping of fields to values"),
        ("logged: {model: a}", "this field is missing"),
        ("logged: {tool: a, answer: {}}", "there is no such field; did you mean 'answers'?"),
        ("logged: {tool: a, answers: [good]}", "expected a mapping from a query's id to what the run answered"),
        ("logged: {tool: a, answers: {'1': null}}", "there is no value here, or an unquoted null or ~"),
    ],
)
def test_a_log_in_a_file_that_is_none_is_refused_with_its_line(tmp_path: Path, written: str, told: str) -> None:
    path = tmp_path / "made.yaml"
    text = as_yaml(read_prompt("sentiment"))
    path.write_text(text + written + "\n")
    with pytest.raises(PromptError, match=re.escape(told)) as error:
        read_prompt(path)
    assert f"made.yaml:{len(text.splitlines()) + 1}: logged" in str(error.value)
