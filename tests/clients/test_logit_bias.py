"""Logit biases give icldiag's answers where its consumer runs: `generate` of transformers, on the plain model."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from icldiag.analyses.calibration import calibration
from icldiag.analyses.search.biases import LIMIT
from icldiag.clients.generation import agreement
from icldiag.clients.logit_bias import as_requests, logit_bias
from icldiag.clients.write import write_for_clients
from icldiag.errors import AnalysisError
from icldiag.model.forward import InstrumentedModel
from icldiag.model.readout import silent
from icldiag.prompt.adjustments import Calibration, SavedBeta
from icldiag.prompt.schema import Example, Label, Prompt
from icldiag.session import Session
from tests.conftest import Tiny, tiny_weights
from tests.prompt.test_chat import TEMPLATES, chatty
from tests.tokenizers_made_here import TOKENIZERS

PRIOR = Calibration.dividing("batch", (0.7, 0.2, 0.1))
WORDS = ("opera", "park", "river", "sea", "bridges", "canal", "film", "summer")


def many(prompt: Prompt, count: int = 40) -> Prompt:
    texts = [f"{('Who', 'Where', 'How many')[i % 3]} {WORDS[i % 8]} {WORDS[i // 8 % 8]} {i} ?" for i in range(count)]
    return prompt.with_queries([Example(text, None) for text in texts])


def requests(session: Session) -> dict[str, Any]:
    answers = session.prediction()
    tokenizer = session.model.tokenizer
    names = [answers.labels[label] for label in answers.predicted]
    made = as_requests(logit_bias(session.encoded, tokenizer), session.encoded, tokenizer, "name", names)
    return json.loads(json.dumps(made))  # type: ignore[no-any-return]


@pytest.mark.parametrize("architecture", ["gpt2", "llama", "gemma2"])
@pytest.mark.parametrize("scoring", ["first", "whole"])
def test_generate_answers_as_icldiag(architecture: str, scoring: Any, prompt: Prompt, tiny: Tiny) -> None:
    plain = many(replace(prompt, scoring=scoring))
    model = tiny(architecture)
    before = Session(plain, model).prediction()
    session = Session(replace(plain, calibration=calibration("batch", before.scores)), model)
    answers = session.prediction()
    assert (answers.predicted != before.predicted).any()  # the calibration has something to say
    found = agreement(model, requests(session)["transformers"], session.prompt.queries, answers.scores)
    assert (found.same, found.ties) == (40, 0)


def test_the_biased_distribution_is_the_calibrated_one(prompt: Prompt, tiny: Tiny) -> None:
    """Where the labels hold all of the probability, a client that asks for it gets icldiag's own."""
    session = Session(replace(prompt, calibration=PRIOR), tiny())
    request = requests(session)["transformers"]
    ids = session.model.tokenizer(request["prompt"].replace("{text}", prompt.queries[0].text), return_tensors="pt")
    with session.model.plain() as plain:
        found = plain.generate(
            **ids, **request["generate"], pad_token_id=0, output_scores=True, return_dict_in_generate=True
        )
    chances = found.scores[0][0].double().softmax(0)
    tokens = [ids[0] for ids, _ in request["generate"]["sequence_bias"]]
    np.testing.assert_allclose(chances[tokens], session.prediction().probabilities[0], atol=1e-5)


@pytest.mark.parametrize("kind", TOKENIZERS)
def test_the_clients_tokens_are_icldiags_or_it_is_refused(kind: str, prompt: Prompt) -> None:
    weights = tiny_weights("gpt2")
    weights.resize_token_embeddings(600)
    model = InstrumentedModel(weights, TOKENIZERS[kind](), "tiny")
    if "by normalizer" in kind:  # its label words all begin with the token of a space
        prompt = replace(prompt, labels=tuple(Label(label.name, label.name) for label in prompt.labels))
    session = Session(many(replace(prompt, calibration=PRIOR, scoring="first"), 12), model)
    answers = session.prediction()
    if "EOS" in kind:  # it would stand between the prompt and the answer
        with pytest.raises(AnalysisError, match="query 1: a client's tokenizer makes other tokens"):
            requests(session)
        return
    request = requests(session)
    assert request["expected"][0]["prompt_tokens"] == len(request["expected"][0]["tokens"])
    assert agreement(model, request["transformers"], session.prompt.queries, answers.scores).same == 12


@pytest.mark.parametrize("name", TEMPLATES)
def test_a_chat_prompt_begins_once(name: str, prompt: Prompt) -> None:
    labels = tuple(Label(label.name, label.name) for label in prompt.labels)
    chat = many(replace(prompt, chat=True, labels=labels, calibration=PRIOR, scoring="first"), 6)
    weights = tiny_weights("gpt2")
    weights.resize_token_embeddings(600)
    model = InstrumentedModel(weights, chatty(TEMPLATES[name]), "tiny")
    session = Session(chat, model)
    answers, request = session.prediction(), requests(session)
    assert agreement(model, request["transformers"], session.prompt.queries, answers.scores).same == 6
    opening = model.tokenizer.bos_token
    sent = request["llama.cpp"]["prompt"]  # which adds one itself
    if not request["transformers"]["add_special_tokens"]:
        assert request["transformers"]["prompt"] == opening + sent
        assert not sent.startswith(opening)
    assert request["chat"]["messages"][-1]["role"] == "user"
    assert "{text}" in request["chat"]["messages"][-1]["content"]


def test_what_cannot_be_exact_is_refused_by_name(prompt: Prompt, tiny: Tiny) -> None:
    model = tiny()

    def refusal(changed: Prompt) -> str:
        with pytest.raises(AnalysisError) as caught:
            logit_bias(Session(changed, model).encoded, model.tokenizer)
        return str(caught.value)

    long = replace(prompt, labels=(*prompt.labels[:2], Label("Number", " Number Person")))
    assert "label words of several tokens (Number)" in refusal(replace(long, scoring="whole"))
    shared = replace(prompt, labels=(*prompt.labels[:2], Label("Number", " Person Number")), scoring="whole")
    assert "label words of several tokens (Number)" in refusal(shared)
    far = replace(prompt, calibration=Calibration("batch", (0.0, 227.0, 0.5)))
    assert "more than a bias may (200)" in refusal(far)
    scaled = replace(prompt, calibration=Calibration.affine("affine", (1.0, 2.0, 1.0), (0.0, 0.0, 1.0)))
    assert "the affine calibration multiplies scores" in refusal(scaled)
    alike = replace(prompt, labels=(*prompt.labels[:2], Label("Number", "Person")), scoring="first")
    if "Person" in model.tokenizer.get_vocab():
        assert "look alike as text" in refusal(alike)
    answers = logit_bias(Session(replace(long, scoring="first"), model).encoded, model.tokenizer)
    assert max(answers.biases) == LIMIT  # by its first token, a long word answers as exactly as it does here


def test_a_re_weighting_and_a_generation_that_answers_otherwise_are_refused(
    prompt: Prompt, tiny: Tiny, tmp_path: Path
) -> None:
    with pytest.raises(AnalysisError, match="scales attention, which other programs do not"):
        session = Session(replace(prompt, beta=SavedBeta(tmp_path / "b.safetensors", "")), tiny())
        write_for_clients(session, "logit-bias", tmp_path / "x.json", "{text}", silent)
    session = Session(replace(prompt, calibration=PRIOR), tiny())
    answers, request = session.prediction(), requests(session)["transformers"]
    order = np.argsort(answers.scores, axis=1)
    turned = answers.scores.copy()
    for row, places in zip(turned, order, strict=True):
        row[places[-1]], row[places[0]] = row[places[0]], row[places[-1]]
    with pytest.raises(AnalysisError, match="query 1: generate answers otherwise than icldiag"):
        agreement(session.model, request, session.prompt.queries, turned)
    request["generate"]["sequence_bias"] = [[ids, 0.0] for ids, _ in request["generate"]["sequence_bias"]]
    with torch.no_grad():
        session.model.model.get_output_embeddings().weight[5] *= 100
    with pytest.raises(AnalysisError, match="a token that begins no label"):
        agreement(session.model, request, session.prompt.queries, answers.scores)


def test_what_is_written_says_how_many_agree(prompt: Prompt, tiny: Tiny, tmp_path: Path) -> None:
    session = Session(replace(prompt, calibration=PRIOR), tiny())
    told = write_for_clients(session, "logit-bias", tmp_path / "x.json", "{text}", silent)
    assert told.endswith("transformers' generate gives icldiag's answer to 6 of 6 queries.")
    made = json.loads((tmp_path / "x.json").read_text())
    assert set(made["labels"]) == {"Person", "Location", "Number"}
    assert made["vllm"]["logit_bias"] == made["openai"]["logit_bias"]
