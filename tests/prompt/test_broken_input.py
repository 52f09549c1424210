"""Files of other tools with parts missing or of another kind: one sentence each, never another exception."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from icldiag.errors import PromptError
from icldiag.prompt.langchain import read_few_shot
from icldiag.prompt.lm_eval.convert import import_log
from icldiag.prompt.read import read_prompt
from icldiag.prompt.schema import Example
from tests.prompt.lm_eval.logs import AGES, CHOICES, CONFIG, TEXTS, context, row, write, write_results
from tests.prompt.lm_eval.test_convert import rows
from tests.prompt.test_langchain import SAVED

ODD: tuple[Any, ...] = (None, 5, -1.5, "x", "", [], {}, [[]], True, {"a": 1}, ["{"], "[1", "{{")
PROMPT: dict[str, Any] = {
    "template": "Q {text}\nA:{label}",
    "labels": {"a": " a", "b": " b"},
    "demonstrations": [{"text": "x", "label": "a"}],
    "queries": {"file": "q.csv", "text": "text", "limit": 2},
    "examples": [{"text": "x", "label": "a", "id": "3"}],
    "chat": True,
}


def broken(value: Any, chance: float, draw: random.Random) -> Any:
    """The value with a few of its parts replaced or left out."""
    if draw.random() < chance:
        return draw.choice(ODD)
    if isinstance(value, dict):
        return {key: broken(part, chance, draw) for key, part in value.items() if draw.random() > chance / 2}
    if isinstance(value, list):
        return [broken(part, chance, draw) for part in value if draw.random() > chance / 2]
    return value


def told_or_read(read: Callable[[], Any]) -> bool:
    """Whether it is read; a PromptError has one line, any other exception fails the test."""
    try:
        read()
    except PromptError as error:
        assert len(str(error).splitlines()) == 1
        return False
    return True


@pytest.mark.parametrize("age", AGES)
def test_samples_and_results(tmp_path: Path, age: Any) -> None:
    generated = [row(n, [(context(t), {})], [CHOICES[g]], CHOICES[g], age) for n, (t, g) in enumerate(TEXTS)]
    outcomes = []
    for seed in range(150):
        draw = random.Random(seed)
        made = broken(rows(age) if seed % 2 else generated, 0.01, draw)
        path = write(tmp_path, made if isinstance(made, list) else [], age)
        results = write_results(path)
        results.write_text(json.dumps(broken({"configs": {"films": CONFIG}, "chat_template": None}, 0.03, draw)))
        outcomes.append(told_or_read(partial(import_log, path)))
    assert 20 < sum(outcomes) < 130  # both were tried


def test_templates_of_langchain(tmp_path: Path) -> None:
    path, outcomes = tmp_path / "saved.json", []
    for seed in range(150):
        path.write_text(json.dumps(broken(SAVED, 0.04, random.Random(seed))))
        outcomes.append(told_or_read(lambda: read_few_shot(path).prompt([Example("x", None)], ["other"])))
    assert 20 < sum(outcomes) < 130


def test_prompt_files(tmp_path: Path) -> None:
    (tmp_path / "q.csv").write_text("text,label\na,b\nc,a\nd,\n")
    path, outcomes = tmp_path / "prompt.json", []
    for seed in range(150):
        path.write_text(json.dumps(broken(PROMPT, 0.05, random.Random(seed))))
        outcomes.append(told_or_read(lambda: read_prompt(path)))
    assert 20 < sum(outcomes) < 130
