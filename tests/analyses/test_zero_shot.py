"""Prompts without demonstrations: the answers are those of a plain forward, and what reads demonstrations says so."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from icldiag.analyses.explanation import findings, reading
from icldiag.analyses.explanation.not_asked import not_asked
from icldiag.analyses.isolation.cuts import Cut
from icldiag.classifier.estimator import Classifier
from icldiag.errors import AnalysisError, PromptError
from icldiag.prompt.encode import encode
from icldiag.prompt.fields import Scoring
from icldiag.prompt.read import read_prompt
from icldiag.prompt.schema import Example, Prompt
from icldiag.prompt.write import as_yaml
from icldiag.report.document import make_report
from icldiag.report.write import as_json, as_markdown
from icldiag.session import Session
from tests.conftest import Tiny, tiny_tokenizer
from tests.eager import ids_of, plain_word_scores


@pytest.fixture
def bare(prompt: Prompt) -> Prompt:
    """With examples to fit calibrations on."""
    examples = tuple(
        Example(f"{word} {one.text}", one.label)
        for one in prompt.demonstrations
        for word in ("Who", "Where", "Now", "So", "When", "How")
    )
    return replace(prompt, demonstrations=(), examples=examples)


@pytest.mark.parametrize("instruction", [None, "Sort the questions."])
@pytest.mark.parametrize("scoring", ["whole", "terminated"])
@pytest.mark.parametrize("architecture", ["gpt2", "llama", "bloom", "mistral", "gptj", "gpt_oss"])
def test_answers_are_a_plain_forwards(
    tiny: Tiny, bare: Prompt, architecture: str, scoring: Scoring, instruction: str | None
) -> None:
    session = Session(replace(bare, scoring=scoring, instruction=instruction), tiny(architecture))
    encoded = session.encoded
    assert (len(encoded.prefix) > 0) == (instruction is not None or session.model.tokenizer("a")["input_ids"][0] == 0)
    scores = session.prediction().scores
    with torch.no_grad():
        for query in range(len(encoded.queries)):
            wanted = plain_word_scores(session.model, ids_of(encoded, query), encoded.scored_tokens)
            np.testing.assert_allclose(scores[query], wanted.numpy(), atol=2e-4)


def test_what_needs_no_demonstrations_is_there(tiny: Tiny, bare: Prompt) -> None:
    session = Session(bare, tiny())
    assert session.overview().verdict
    assert session.overview().stability is None
    assert len(session.lean().priors) == 3
    assert len(session.scorings().ways) == 6
    found = session.repairs(budget=12)
    shown = [trial.repair for trial in found.trials if trial.repair.family == "show"]
    assert shown
    for repair in shown:
        assert sorted(example.known_label for example in repair.demonstrations) == [0, 1, 2]
    texts = [query.text for query in bare.queries]
    answers = [bare.label_names[label] for label in session.prediction().predicted]
    assert Classifier(bare, session.model).predict(texts).tolist() == answers


def test_what_reads_demonstrations_says_so(tiny: Tiny, bare: Prompt) -> None:
    session = Session(bare, tiny())
    for asked in (
        session.confusion,
        session.saliency,
        session.isolation,
        session.extraction,
        session.reweighting,
        session.compression,
        lambda: session.flow(0),
        lambda: session.isolate(Cut.of("label_to_target", [0])),
    ):
        with pytest.raises(AnalysisError, match="this prompt has no demonstrations that all queries share"):
            asked()


@pytest.mark.parametrize("instruction", [None, "Sort the questions."])
@pytest.mark.parametrize("scoring", ["first", "whole", "per_token"])
@pytest.mark.parametrize("architecture", ["gpt2", "llama", "bloom"])
def test_why_without_demonstrations(
    tiny: Tiny, bare: Prompt, architecture: str, scoring: Scoring, instruction: str | None
) -> None:
    session = Session(replace(bare, scoring=scoring, instruction=instruction), tiny(architecture))
    answers = session.prediction()
    for query in range(len(bare.queries)):
        found = session.explanation(query)
        assert {cause.kind for cause in found.causes} <= {"prior", "scoring", "word", "classes"}
        assert sum(found.shares.nats) + found.shares.rest == pytest.approx(found.contest.lead, abs=1e-3)
        for cause in found.causes:
            if cause.kind == "prior" and cause.confirmed_by.change.startswith("contextual"):
                source = found.prior.source("contextual")
                assert source is not None
                after = answers.scores[query] - np.log(source.probabilities)
                assert cause.confirmed_by.answer == after.argmax()
        rows = {row.name for row in findings(found)}
        assert {"label prior", "format"} <= rows
        assert not rows & {"demonstration", "order", "aggregation"}
        assert found.label_mass == answers.label_mass[query]
        said = f"{reading(found)} {' '.join(not_asked(found))} {' '.join(found.missing)}"
        assert "no other orders, nothing to take out: there are no demonstrations" in said
        assert "other orders too" not in said
        assert "has no demonstration)" not in said
    assert found.classes.auc is None or 0 <= found.classes.auc <= 1


def test_a_report_names_what_is_left_out(tiny: Tiny, bare: Prompt) -> None:
    report = make_report(Session(bare, tiny()))
    values = json.loads(as_json(report))
    assert {"overview", "prediction", "scoring"} <= set(values)
    assert {"confusion", "saliency", "isolation", "extraction"} <= set(values["left_out"])
    assert values["explanation"]["queries"][0]["evidence"]["order"]["last"] is None
    assert values["prompt"]["demonstrations"] == []
    assert "this prompt has no demonstrations" in as_markdown(report)


def test_a_file_says_that_it_has_none(bare: Prompt, tmp_path: Path) -> None:
    path = tmp_path / "prompt.yaml"
    path.write_text(as_yaml(bare))
    assert "demonstrations: []" in path.read_text()
    assert read_prompt(path).hash == bare.hash
    path.write_text(path.read_text().replace("demonstrations: []\n", ""))
    with pytest.raises(PromptError, match="this field is missing; 'demonstrations: \\[\\]' is a prompt without any"):
        read_prompt(path)


@pytest.mark.parametrize("instruction", [None, "Sort the questions."])
def test_in_turns_of_a_chat(bare: Prompt, instruction: str | None) -> None:
    tokenizer = tiny_tokenizer()
    tokenizer.chat_template = (
        "{% for m in messages %}<{{ m.role }}>{{ m.content | trim }};\n{% endfor %}"
        "{% if add_generation_prompt %}<assistant>{% endif %}"
    )
    labels = tuple(replace(label, word=label.word.strip()) for label in bare.labels)
    chat = replace(bare, labels=labels, chat=True, instruction=instruction, scoring="terminated")
    encoded = encode(chat, tokenizer)
    for place, query in enumerate(chat.queries):
        turns = [{"role": "system", "content": instruction}] if instruction else []
        turns.append({"role": "user", "content": f"Question: {query.text}\nAnswer Type:"})
        written = tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=True)
        ids = tokenizer(written, add_special_tokens=False)["input_ids"]
        assert [*encoded.prefix, *encoded.queries[place].ids] == ids
    word = tokenizer("<assistant>" + labels[0].word + ";\n", add_special_tokens=False)["input_ids"]
    before = tokenizer("<assistant>", add_special_tokens=False)["input_ids"]
    assert encoded.terminated is not None
    assert list(encoded.terminated[0]) == word[len(before) : len(before) + len(encoded.terminated[0])]


@pytest.mark.parametrize("architecture", ["gpt2", "llama", "bloom"])
def test_two_queries_of_different_length_on_nothing(tiny: Tiny, bare: Prompt, architecture: str) -> None:
    two = bare.with_queries((Example("Where is the park last summer", 1), Example("Who", 0)))
    model = tiny(architecture)
    together = Session(two, model).prediction().scores
    for place, query in enumerate(two.queries):
        alone = Session(two.with_queries((query,)), model).prediction().scores
        np.testing.assert_allclose(together[place], alone[0], atol=1e-5)
