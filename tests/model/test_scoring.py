"""Every scoring against plain log-probabilities of the written-out prompt; a label that begins another can win."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any, get_args

import numpy as np
import pytest
import torch

from icldiag.analyses.scoring.compute import Scorings, Way
from icldiag.analyses.scoring.section import reading
from icldiag.errors import AnalysisError, PromptError
from icldiag.prompt.adjustments import Calibration
from icldiag.prompt.encode import encode
from icldiag.prompt.fields import Scoring
from icldiag.prompt.schema import Label, Prompt
from icldiag.session import Session
from tests.conftest import Tiny, tiny_tokenizer


@pytest.fixture
def words(prompt: Prompt) -> Prompt:
    labels = (Label("sea", " sea"), Label("sea park", " sea park"), Label("Zü", " Zü river"))
    return replace(prompt, labels=labels, scoring="whole")


def log_probability(model: Any, ids: list[int], start: int) -> float:
    """Of the tokens from `start` on, one plain pass over all of them."""
    with torch.no_grad(), model.plain() as plain:
        logits = plain(torch.tensor([ids])).logits[0].float().log_softmax(-1)
    return float(sum(logits[place - 1, ids[place]] for place in range(start, len(ids))))


@pytest.mark.parametrize("architecture", ["gpt2", "llama"])
@pytest.mark.parametrize("scoring", ["whole", "terminated", "per_token", "per_byte", "pmi"])
def test_scores_are_plain_log_probabilities(tiny: Tiny, words: Prompt, architecture: str, scoring: Any) -> None:
    session = Session(replace(words, scoring=scoring), tiny(architecture))
    scores = session.prediction().scores
    encode_ids = session.model.tokenizer
    for query, text in enumerate(words.queries):
        asked = encode_ids(words.written(text))["input_ids"]
        for label, own in enumerate(words.labels):
            tokens = encode_ids(words.written(text) + own.word)["input_ids"][len(asked) :]
            end = encode_ids(words.written(text) + own.word + "\n")["input_ids"][len(asked) :]
            ids = end if scoring == "terminated" else tokens
            length = {"per_token": len(tokens), "per_byte": len(own.word.strip().encode())}.get(scoring, 1)
            wanted = log_probability(session.model, [*asked, *ids], len(asked)) / length
            if scoring == "pmi":  # less the word alone, after the template's own end
                alone = encode_ids("Answer Type:")["input_ids"]
                wanted -= log_probability(session.model, [*alone, *tokens], len(alone))
            assert scores[query, label] == pytest.approx(wanted, abs=2e-3)


def test_terminated_labels_exclude_each_other(tiny: Tiny, words: Prompt) -> None:
    whole, ended = (Session(replace(words, scoring=way), tiny()) for way in ("whole", "terminated"))
    assert (whole.prediction().scores[:, 1] <= whole.prediction().scores[:, 0]).all()  # never the longer
    assert (np.exp(ended.prediction().scores).sum(axis=1) <= 1).all()
    tokens = ended.encoded.scored_tokens
    assert tokens[1][: len(tokens[0])] != tokens[0]
    assert any("can never be more probable" in warning for warning in whole.encoded.warnings)
    assert not any("can never be more probable" in warning for warning in ended.encoded.warnings)


def test_where_nothing_ends_a_label(words: Prompt) -> None:
    bare = replace(words, scoring="terminated", separator="", template="\nQuestion: {text}\nAnswer Type:{label}")
    with pytest.raises(PromptError, match="nothing ends a label"):
        encode(bare, tiny_tokenizer())


def test_where_nothing_stands_before_a_label(words: Prompt) -> None:
    bare = replace(words, scoring="pmi", template="Question: {text}\n{label}")
    with pytest.raises(PromptError, match=r"nothing stands between \{text\} and"):
        encode(bare, tiny_tokenizer())


@pytest.mark.parametrize("own", get_args(Scoring))
def test_answers_under_every_scoring(tiny: Tiny, words: Prompt, own: Scoring) -> None:
    model = tiny()
    if own == "first":  # two words begin alike
        words = replace(words, labels=(*words.labels[:1], Label("park", " park sea"), words.labels[2]))
    found = Session(replace(words, scoring=own), model).scorings()
    assert (found.own, [way.scoring for way in found.ways]) == (own, list(get_args(Scoring)))
    for way in found.ways:
        if way.predicted is None:
            assert (own, way.scoring) != ("first", "first") and "begin with the same token" in (way.missing or "")
            continue
        asked = Session(replace(words, scoring=way.scoring), model).prediction()
        assert way.predicted.tolist() == asked.predicted.tolist()
        assert found.accuracy(way) == pytest.approx(asked.accuracy)
    changed = found.changed(found.of("per_token"))
    told = re.search(r"(\d) (?:would change )?if scored per token", repr(found))
    assert own == "per_token" or (int(told[1]) if told else 0) == changed


def test_a_calibration_is_left_out_of_the_comparison(tiny: Tiny, words: Prompt) -> None:
    leaning = replace(words, calibration=Calibration("batch", (0.0, 50.0, 0.0)))
    plain, found = (Session(prompt, tiny()).scorings() for prompt in (words, leaning))
    assert [(way.predicted is None, way.missing) for way in found.ways] == [
        (way.predicted is None, way.missing) for way in plain.ways
    ]
    before, after = (one.of("whole").predicted for one in (plain, found))
    assert before is not None and after is not None and before.tolist() == after.tolist()
    assert "without the calibration" in repr(found)


def test_every_analysis_takes_them(tiny: Tiny, words: Prompt) -> None:
    session = Session(replace(words, scoring="terminated"), tiny())
    assert session.overview().verdict
    assert session.explanation(0).contest.query == 0
    assert session.flow(0).raw.shape[0] == 3
    from icldiag.clients.logit_bias import logit_bias

    with pytest.raises(AnalysisError, match="cannot score label words of several tokens"):
        logit_bias(session.encoded, session.model.tokenizer)
    scoring: Scoring
    for scoring in ("per_byte", "pmi"):
        changed = Session(replace(words, scoring=scoring), session.model)
        assert changed.explanation(0).contest.query == 0
        assert changed.flow(0).raw.shape[0] == 3
        with pytest.raises(
            AnalysisError, match=r"more to scores than a server's bias|cannot score label words of several tokens"
        ):
            logit_bias(changed.encoded, changed.model.tokenizer)


def of_ways(own: Scoring, **predicted: list[int]) -> Scorings:
    ways = tuple(Way(scoring, np.array(predicted[scoring])) for scoring in get_args(Scoring) if scoring in predicted)
    count = len(predicted[own])
    return Scorings(("a", "b"), (None,) * count, own, False, ways)


@pytest.mark.parametrize(
    ("result", "told"),
    [
        (of_ways("first", first=[0], whole=[0]), "The answer would be the same under 1 other scoring."),
        (
            of_ways("first", first=[0], whole=[1], per_token=[1]),
            "The answer, scored by first tokens, would change if scored by whole words or per token.",
        ),
        (
            of_ways("whole", whole=[0, 0, 1], first=[1, 0, 1], pmi=[1, 1, 1]),
            "Of 3 answers scored by whole words, 2 would change if scored against the words alone and 1 if "
            "scored by first tokens.",
        ),
    ],
)
def test_the_sentence_on_what_would_change(result: Scorings, told: str) -> None:
    assert reading(result) == told
