"""Results that promptfoo 0.121.20 wrote for two configurations of ours, with a provider that always says "dark"."""

from __future__ import annotations

from pathlib import Path

import pytest

from icldiag.errors import PromptError
from icldiag.prompt.promptfoo import read_results

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
