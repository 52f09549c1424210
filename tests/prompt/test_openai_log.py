"""A log that OpenAI's evals 3.0.1.post1 wrote; tests/interop/test_openai_evals.py has the program itself write one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from icldiag.cli import app
from icldiag.errors import PromptError
from icldiag.prompt.importers.openai_evals import recognises
from icldiag.prompt.openai_log import read_openai_log
from icldiag.prompt.read import read_prompt

LOG = Path(__file__).parent.parent / "data" / "openai_evals" / "shots.jsonl"
SPEC = {"spec": {"eval_name": "mood.test.v0"}}
TEXT = "Weather: sun\nMood: bright\n\nWeather: rain\nMood: dark\n\nWeather: {}\nMood:"


def event(kind: str, sample: int, **data: Any) -> dict[str, Any]:
    return {"type": kind, "sample_id": f"mood.test.{sample}", "data": data}


def save(folder: Path, *events: dict[str, Any]) -> Path:
    path = folder / "log.jsonl"
    path.write_text("".join(json.dumps(one) + "\n" for one in (SPEC, *events)))
    return path


def test_what_the_run_asked_with_its_few_shot_examples() -> None:
    """The samples file of this eval holds none of them; threads wrote the events in another order."""
    sent, told = read_openai_log(LOG)
    prompt = sent.prompt
    assert (prompt.chat, prompt.template, prompt.instruction) == (True, "Mood of: {text}{label}", "Answer in a word.")
    assert [prompt.label_names[one.known_label] for one in prompt.demonstrations] == ["bright", "dark"] * 2
    assert [(one.id, one.text, prompt.label_names[one.known_label]) for one in prompt.queries] == [
        ("mood-shots.test.0", "fog", "dark"),
        ("mood-shots.test.1", "a warm evening", "bright"),
        ("mood-shots.test.2", "the bus was late", "dark"),
    ]
    assert told == "3 samples; the run counted 2 of them right"


def test_a_model_that_was_sent_text(tmp_path: Path) -> None:
    asked = [event("sampling", n, prompt=TEXT.format(name), sampled=["dark"]) for n, name in ((10, "fog"), (9, "hail"))]
    matches = [event("match", 9, expected=["dark"], correct=True), event("match", 10, expected=["a", "b"])]
    sent, told = read_openai_log(save(tmp_path, *asked, *matches))
    assert sent.chats is None
    assert [(one.text, one.label) for one in sent.prompt.queries] == [("hail", 1), ("fog", None)]  # 9 before 10
    assert sent.prompt.written(sent.prompt.queries[0]) == TEXT.format("hail")
    assert told == "2 samples; the run counted 1 of them right"


def test_the_command_and_what_it_opens(tmp_path: Path) -> None:
    output = tmp_path / "made.yaml"
    done = CliRunner().invoke(app, ["import", "openai-evals", str(LOG), "--yes", "-o", str(output)])
    assert (done.exit_code, "counted 2 of them right" in done.output) == (0, True)
    assert len(read_prompt(output).queries) == 3
    assert recognises(LOG)
    assert not recognises(output)


def test_samples_that_are_texts(tmp_path: Path) -> None:
    path = tmp_path / "samples.jsonl"
    rows = [{"input": TEXT.format(text), "ideal": ideal} for text, ideal in (("fog", "dark"), ("hail", ["bright"]))]
    path.write_text("\n".join(map(json.dumps, rows)))
    output = tmp_path / "made.yaml"
    done = CliRunner().invoke(app, ["import", "openai-evals", str(path), "--yes", "-o", str(output)])
    assert done.exit_code == 0, done.output
    prompt = read_prompt(output)
    assert [prompt.written(query) for query in prompt.queries] == [row["input"] for row in rows]
    assert [query.label for query in prompt.queries] == [1, 0]


@pytest.mark.parametrize(
    ("events", "words"),
    [
        ([event("match", 0, expected="dark", correct=False)], "does not say what was asked; import the eval's samples"),
        ([{"type": "sampling", "sample_id": 3}], "without 'sample_id' or 'data'"),
        ([event("sampling", 0, prompt=None)], "no demonstrations"),
        ([event("sampling", 0, prompt=[{"role": "user", "content": "fog"}])], "zero-shot"),
    ],
)
def test_what_is_refused(tmp_path: Path, events: list[dict[str, Any]], words: str) -> None:
    with pytest.raises(PromptError, match=words):
        read_openai_log(save(tmp_path, *events))
