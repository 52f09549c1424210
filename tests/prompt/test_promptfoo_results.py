"""Results and configurations of promptfoo; results that its version 0.121.20 wrote, of a provider that says "dark"."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from icldiag.errors import PromptError
from icldiag.prompt.promptfoo import read_results
from icldiag.prompt.read import read_prompt

DATA = Path(__file__).parent.parent / "data" / "promptfoo"


def test_a_text_prompt() -> None:
    sent = read_results(DATA / "text.json")
    assert sent.chats is None
    prompt = sent.prompt
    assert prompt.template == "Text: {text}\nMood:{label}"
    assert [(one.text, prompt.label_names[one.known_label]) for one in prompt.queries] == [
        ("fog", "dark"),
        ("a party", "bright"),
    ]
    assert prompt.written("fog").startswith("Text: the sun is out\nMood: bright\n\nText: rain again\nMood: dark\n\n")


def test_a_prompt_of_messages() -> None:
    with pytest.raises(PromptError, match="choose one with --prompt: chat, other"):
        read_results(DATA / "messages.json")
    sent = read_results(DATA / "messages.json", "chat")
    assert sent.chats is not None
    prompt = sent.prompt
    assert (prompt.chat, prompt.instruction, prompt.label_names) == (True, "One word.", ("bright", "dark"))
    assert [query.text for query in prompt.queries] == ['fog, "thick" 😀', "a party"]


@pytest.mark.parametrize("name", ["text", "messages"])
def test_a_configuration_makes_the_prompts_that_promptfoo_sent(tmp_path: Path, name: str) -> None:
    results = json.loads((DATA / f"{name}.json").read_text())["results"]
    label = results["prompts"][0]["label"]
    tests = {row["testIdx"]: {name: row["testCase"][name] for name in ("vars", "assert")} for row in results["results"]}
    config = {"prompts": [{"raw": results["prompts"][0]["raw"], "label": label}], "tests": list(tests.values())}
    path = tmp_path / "promptfooconfig.yaml"
    path.write_text(json.dumps(config, ensure_ascii=False))
    made, wanted = read_results(path).prompt, read_results(DATA / f"{name}.json", label).prompt
    assert (made.template, made.labels, made.demonstrations) == (wanted.template, wanted.labels, wanted.demonstrations)
    assert [(query.text, query.label) for query in made.queries] == [(q.text, q.label) for q in wanted.queries]
    assert read_prompt(path).queries == made.queries


def test_an_assertion_may_name_a_variable(tmp_path: Path) -> None:
    rows = [
        {
            "prompt": {"raw": f"Review: {text}\nSentiment:"},
            "testIdx": number,
            "vars": {"text": text, "label": label},
            "testCase": {"assert": [{"type": "equals", "value": "{{ label }}"}]},
        }
        for number, (text, label) in enumerate([("fun", "good"), ("dull", "bad")])
    ]
    path = tmp_path / "results.json"
    path.write_text(json.dumps({"evalId": "1", "results": {"results": rows}}))
    prompt = read_results(path).prompt
    assert (prompt.template, prompt.demonstrations) == ("Review: {text}\nSentiment:{label}", ())
    assert [prompt.label_names[query.known_label] for query in prompt.queries] == ["good", "bad"]
    assert read_prompt(path).queries == prompt.queries


@pytest.mark.parametrize(
    "config",
    [
        {"prompts": ["{{text | upper}}\nMood:"], "tests": [{"vars": {"text": "fog"}}]},
        {"prompts": ["{{missing}}\nMood:"], "tests": [{"vars": {"text": "fog"}}]},
        {"prompts": ["file://prompt.py"], "tests": [{"vars": {"text": "fog"}}]},
        {"prompts": ["{{text}}\nMood:"], "tests": [{"vars": {"text": ["fog", "rain"]}}]},
        {"prompts": ["{{text}}\nMood:"], "tests": "file://tests.csv"},
        {"prompts": ["{{text}}\nMood:"], "tests": [{"vars": {"text": "fog"}, "options": {"prefix": "Say: "}}]},
    ],
)
def test_what_promptfoo_alone_fills_in_is_refused_with_its_command(tmp_path: Path, config: dict[str, Any]) -> None:
    path = tmp_path / "promptfooconfig.json"
    path.write_text(json.dumps(config))
    with pytest.raises(PromptError, match=r"promptfoo eval -o results\.json"):
        read_results(path)
