"""Extraction against plainly written attention, and its scores against counting by hand."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from icldiag.analyses.extraction.compute import Against, Extraction, score_extraction
from icldiag.analyses.extraction.section import reading, reading_of_query
from icldiag.analyses.prediction.compute import Prediction
from icldiag.model.readout import FloatArray
from icldiag.prompt.destinations import DESTINATIONS, LABEL_WORDS
from icldiag.prompt.schema import Prompt
from icldiag.samples import sample_path
from icldiag.session import Session
from tests.analyses.test_prediction import made_up
from tests.analyses.test_sentences import changed
from tests.conftest import CONFIGURATIONS, Tiny
from tests.eager import ids_of, plain_run


@pytest.mark.parametrize("with_beta", [False, True])
@pytest.mark.parametrize("architecture", CONFIGURATIONS)
def test_attention_is_the_targets_row(architecture: str, with_beta: bool, tiny: Tiny, prompt: Prompt) -> None:
    session = Session(prompt, tiny(architecture))
    torch.manual_seed(2)
    beta = torch.randn(session.beta_shape) * with_beta
    encoded = session.encoded
    rows: dict[int, Tensor] = {}

    def scaled(layer: int, scores: Tensor, attention: Tensor) -> Tensor:
        attention = attention.clone()
        attention[0, :, -1, list(encoded.anchors)] *= beta[layer].exp()
        rows[layer] = attention[0, :, -1].sum(0)  # (T,)
        return attention

    with torch.no_grad():
        plain_run(session.model, ids_of(encoded, 1), scaled)
    found = session.with_beta(beta.numpy()).extraction()
    parts = [part_of(session, 1, position) for position in range(len(ids_of(encoded, 1)))]
    for layer, row in rows.items():
        for label in range(3):
            own = [place.anchor for place in encoded.demonstrations if place.label_class == label]
            assert found.attention[1, layer, label] == pytest.approx(float(row[own].sum()), rel=1e-4)
        for number, part in enumerate(DESTINATIONS):
            share = sum(float(row[place]) for place, own_part in enumerate(parts) if own_part == part) / float(
                row.sum()
            )
            assert found.destinations[1, layer, number] == pytest.approx(share, abs=1e-5)


def part_of(session: Session, query: int, position: int) -> str:
    """The part of the prompt by what the tokens are shown as, not by spans."""
    encoded = session.encoded
    tokens = [*encoded.tokens, *session.query_tokens(query)]
    if position == 0:
        return "first token"
    role, own = tokens[position].role, position >= len(encoded.prefix)
    return {"label": "label words", "text": "query" if own else "demonstrations"}.get(role, "template")


def test_extraction_has_no_pass_of_its_own(prompt: Prompt, tiny: Tiny, monkeypatch: pytest.MonkeyPatch) -> None:
    """Predictions, the default layer, anchors as attended and extraction are read in one pass over the queries."""
    session = Session(prompt, tiny())
    run, runs = session.model.run, []

    def counted(*args: Any, **settings: Any) -> Any:
        runs.append(args)
        return run(*args, **settings)

    monkeypatch.setattr(session.model, "run", counted)
    session.prediction()
    passes = len(runs)
    assert passes >= 2  # the demonstrations', and the queries'
    session.extraction()
    session.extraction(against="gold")
    session.confusion(keys="as_attended")
    assert len(runs) == passes


# (queries, layers, classes): the first layer attends to the class predicted, the second to the gold one of three.
ATTENTION = np.array(
    [
        [[0.6, 0.2, 0.2], [0.6, 0.3, 0.1]],
        [[0.7, 0.2, 0.1], [0.2, 0.7, 0.1]],
        [[0.1, 0.8, 0.1], [0.5, 0.4, 0.1]],
        [[0.1, 0.1, 0.8], [0.1, 0.1, 0.8]],
    ]
)


EVEN = np.full((4, 2, len(DESTINATIONS)), 1 / len(DESTINATIONS))


def scored(prediction: Prediction, attention: FloatArray = ATTENTION, against: Against = "predicted") -> Extraction:
    return score_extraction(prediction, attention, EVEN, against)


def test_auc_is_against_the_predicted_label_or_the_gold_one() -> None:
    prediction = made_up()  # predicts 0, 0, 1, 2 where 0, 1, 0 and nothing are gold
    found = scored(prediction)
    assert found.aucroc[0] == 1.0
    gold = scored(prediction, against="gold")
    assert gold.against == "gold"
    # Two classes are gold: class 1's attention of the one gold-1 query against those of the two gold-0 queries.
    assert gold.aucroc == (0.25, 1.0)
    assert gold.denominator == pytest.approx(0.25)
    np.testing.assert_allclose(np.array(gold.cumulative, float), [-1.0, 1.0])


def test_what_is_undefined_has_its_reason() -> None:
    prediction = made_up()
    single = replace(prediction, predicted=np.zeros(4, np.int64))
    found = scored(single)
    assert found.aucroc == found.cumulative == (None, None)
    assert "predicts a for every query" in found.missing[0]
    blind = scored(replace(prediction, gold=(None,) * 4), against="gold")
    assert blind.aucroc == (None, None)
    assert "no gold label is known" in blind.missing[0]
    alike = scored(replace(prediction, gold=(1, None, 1, 1)), against="gold")
    assert "every known gold label is b" in alike.missing[0]
    level = scored(prediction, np.ones_like(ATTENTION))
    assert level.aucroc == (0.5, 0.5)
    assert level.cumulative == (None, None)
    assert "sums to 0" in level.missing[0]


def test_agreement_is_counted_beside_aucroc() -> None:
    """AUCROC can be 1 where the most attended label is never the answer: the two are told together."""
    prediction = replace(made_up(), predicted=np.array([0, 0, 1, 1]))
    attention = np.zeros((4, 2, 3))
    attention[:, :, 2] = 5.0
    attention[:2, 1, 0] = attention[2:, 1, 1] = 1.0
    found = scored(prediction, attention)
    assert found.aucroc == (0.5, 1.0)
    assert found.agreement == (0.0, 0.0)
    assert found.layer == 1
    said = reading(found)
    assert "the answer in 0 of 4 queries (0%; a label at random 33%, always a 50%)" in said
    assert "fewer than two answers come 5 times, so this may be chance" in said
    assert "c has most (83%), a, the answer, 17%" in reading_of_query(found, 0)


@pytest.mark.parametrize("case", ["plain", "two labels", "one query", "no gold labels", "all alike"])
@pytest.mark.parametrize("against", ["predicted", "gold"])
def test_the_sentences_hold_whatever_the_prompt(case: str, against: Against, tiny: Tiny, prompt: Prompt) -> None:
    session = Session(changed(prompt, case), tiny())
    prediction = session.prediction()
    if case == "all alike":
        prediction = replace(prediction, predicted=np.zeros_like(prediction.predicted))
    plain = session.extraction()
    found = score_extraction(prediction, plain.attention, plain.destinations, against)
    check_reading(found, prediction)
    for query in range(len(prediction)):
        check_reading_of_query(found, query)


@pytest.mark.parametrize("sample", ["questions", "sentiment"])
def test_the_sentences_hold_on_the_bundled_model(sample: str) -> None:
    session = Session(sample_path(sample), "bundled")
    found = session.extraction()
    check_reading(found, session.prediction())
    check_reading_of_query(found, 3)


def check_reading(found: Extraction, prediction: Prediction) -> None:
    """The claims of the finding, counted again in plain loops."""
    said, layer = reading(found), found.layer
    known = [query for query in range(len(prediction)) if found.targets[query] is not None]
    count = len(found.destinations)  # the app has one query's own share beside it
    assert said.count(f"the target's attention, the mean of {count} queries") == (count > 1)
    if all(value is None for value in found.aucroc):
        assert f"in layer {layer}." in said
        means = [[row[LABEL_WORDS] for row in one] for one in found.destinations]
        assert max(range(len(found.aucroc)), key=lambda at: sum(one[at] for one in means)) == layer
        assert len({found.targets[query] for query in known}) < 2
        return
    assert all((value or 0) <= (found.aucroc[layer] or 0) for value in found.aucroc)
    hits = 0
    for query in known:
        row = found.attention[query, layer].tolist()
        hits += row.index(max(row)) == found.targets[query]
    of = "query" if len(known) == 1 else "queries"
    assert f"in {hits} of {len(known)} {of} (" in said
    counts = {label: sum(found.targets[query] == label for query in known) for label in range(len(found.labels))}
    assert any(
        f"always {found.labels[label]} {count / len(known):.0%})" in said
        for label, count in counts.items()
        if count == max(counts.values())
    )
    assert ("may be chance" in said) == (sorted(counts.values())[-2] < 5)


def check_reading_of_query(found: Extraction, query: int) -> None:
    said = reading_of_query(found, query)
    row = found.attention[query, found.layer].tolist()
    assert f"{found.labels[row.index(max(row))]}" in said.split("of what label words get, ")[1].split(" has most")[0]
    target = found.targets[query]
    assert target is None or f"{found.labels[target]}, the " in said
