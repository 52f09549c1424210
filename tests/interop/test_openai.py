"""Requests with logit biases against the types that OpenAI publishes, made of its API's schema (pip install openai)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from icldiag.model.forward import InstrumentedModel
from icldiag.prompt.adjustments import Calibration
from icldiag.prompt.schema import Prompt
from icldiag.session import Session
from tests.clients.test_logit_bias import PRIOR, requests
from tests.conftest import Tiny, tiny_weights
from tests.prompt.test_chat import TEMPLATES, chatty

pytest.importorskip("openai", reason="the extra interop is not installed")

from openai.types import completion_create_params
from openai.types.chat import completion_create_params as chat_params

TEXT = completion_create_params.CompletionCreateParamsNonStreaming
CHAT = chat_params.CompletionCreateParamsNonStreaming


def accepted(request: dict[str, Any], kind: Any) -> bool:
    """Whether all fields are the schema's, each of its type."""
    assert request.keys() <= kind.__required_keys__ | kind.__optional_keys__
    try:
        TypeAdapter(kind).validate_python(request)
    except ValidationError:
        return False
    return True


def test_the_requests_are_the_schemas(prompt: Prompt, tiny: Tiny) -> None:
    asked = requests(Session(replace(prompt, calibration=PRIOR), tiny()))
    whole = {**asked["openai"], "logit_bias": asked["whole_numbers"]}
    assert accepted(whole, TEXT)
    assert not accepted({**whole, "max_tokens": "one"}, TEXT)
    assert all(-100 <= bias <= 100 for bias in whole["logit_bias"].values())
    assert not accepted(asked["openai"], TEXT)  # fractions, which compatible servers take: told where it is written


def test_a_chats_request_is_the_schemas(prompt: Prompt) -> None:
    labels = tuple(replace(label, word=label.name) for label in prompt.labels)
    weights = tiny_weights("gpt2")
    weights.resize_token_embeddings(600)
    model = InstrumentedModel(weights, chatty(next(iter(TEMPLATES.values()))), "tiny")
    even = Calibration.dividing("batch", (0.5, 0.25, 0.25))
    asked = requests(Session(replace(prompt, chat=True, labels=labels, calibration=even, scoring="first"), model))
    assert accepted({**asked["chat"], "logit_bias": asked["whole_numbers"]}, CHAT)
