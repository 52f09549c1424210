"""The prompt as text and as messages is what the model was asked with."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from icldiag.clients.text import messages_with_placeholder, prompt_text, text_with_placeholder
from icldiag.clients.write import write_for_clients
from icldiag.errors import AnalysisError
from icldiag.model.readout import silent
from icldiag.prompt.adjustments import Calibration
from icldiag.prompt.schema import Label, Prompt
from icldiag.session import Session
from tests.conftest import Tiny
from tests.prompt.test_chat import IM, chatty


def test_the_text_is_what_is_encoded(prompt: Prompt, tiny: Tiny) -> None:
    session = Session(replace(prompt, instruction="Say which."), tiny())
    written = text_with_placeholder(session.prompt, session.model.tokenizer)
    for query, encoded in zip(prompt.queries, session.encoded.queries, strict=True):
        ids = session.model.tokenizer(written.replace("{text}", query.text))["input_ids"]
        assert tuple(ids) == (*session.encoded.prefix, *encoded.ids)
        assert written.replace("{text}", query.text) == session.prompt.written(query.text)


def test_messages_are_what_a_chat_template_writes_to_the_prompts_text(prompt: Prompt) -> None:
    labels = tuple(Label(label.name, label.name) for label in prompt.labels)
    chat = replace(prompt, chat=True, labels=labels, instruction="Say which.")
    tokenizer = chatty(IM)
    turns = messages_with_placeholder(chat, "<<query>>")
    assert [turn["role"] for turn in turns] == ["system", *["user", "assistant"] * 4, "user"]
    written = tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=True)
    assert written.replace("<<query>>", "Who ?") == prompt_text(chat, tokenizer, chat.example("Who ?"))
    plain = messages_with_placeholder(replace(prompt, instruction=None))
    assert [turn["content"] for turn in plain[:2]] == [
        "Question: Who wrote the opera in the park ?\nAnswer Type:",
        "Person",
    ]


def test_a_placeholder_that_stands_elsewhere_too_is_refused(prompt: Prompt, tiny: Tiny) -> None:
    for placeholder in ("Who", "", "Question"):
        with pytest.raises(AnalysisError, match=r"does not stand for the query alone; .* --placeholder"):
            text_with_placeholder(prompt, tiny().tokenizer, placeholder)
        with pytest.raises(AnalysisError, match="--placeholder"):
            messages_with_placeholder(prompt, placeholder)


def test_what_a_form_goes_without_is_told(prompt: Prompt, tiny: Tiny, tmp_path: Path) -> None:
    calibrated = replace(prompt, calibration=Calibration.dividing("batch", (0.7, 0.2, 0.1)))
    session = Session(calibrated, tiny())
    told = write_for_clients(session, "messages", tmp_path / "m.json", "{text}", silent)
    assert "set 'chat: true'" in told
    assert "The calibration is not in it" in told
    assert json.loads((tmp_path / "m.json").read_text())[-1]["content"] == "Question: {text}\nAnswer Type:"
    told = write_for_clients(Session(prompt, session.model), "text", tmp_path / "t.txt", "{text}", silent)
    assert told == f"Written to {tmp_path / 't.txt'}."
    assert (tmp_path / "t.txt").read_text() == prompt.written("{text}")  # to the last character


def test_the_cure_for_a_calibration_left_out_is_one(prompt: Prompt, tiny: Tiny, tmp_path: Path) -> None:
    words = (Label("Person", " Person Number"), *prompt.labels[1:])
    for changed, form in ((prompt, "logit-bias"), (replace(prompt, labels=words, scoring="whole"), "prompt")):
        session = Session(replace(changed, calibration=Calibration("batch", (0.5, 0.0, 0.2))), tiny())
        told = write_for_clients(session, "text", tmp_path / "prompt.txt", "{text}", silent)
        assert f"; --as {form} has both" in told
