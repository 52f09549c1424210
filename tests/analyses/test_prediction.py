"""Predictions against the paper's released code and against counting by hand."""

from __future__ import annotations

import numpy as np
import pytest

from icldiag.analyses.prediction.compute import Prediction, probability_order
from tests.goldens import SETTINGS, golden, golden_session, written_prompts


@pytest.mark.parametrize("order", range(4))
@pytest.mark.parametrize("setting", SETTINGS)
def test_the_released_code_is_reproduced(setting: str, order: int) -> None:
    session, wanted = golden_session(setting, order), golden(setting)["plain"][order]
    encoded, found = session.encoded, session.prediction()
    for query, ids in zip(
        encoded.queries, written_prompts()["settings"][setting]["orders"][order]["input_ids"], strict=True
    ):
        assert [*encoded.prefix, *query.ids] == ids
    assert [query.target for query in encoded.queries] == wanted["final_pos"]
    by_class = [
        [d.anchor for d in encoded.demonstrations if d.label_class == label] for label in range(len(found.labels))
    ]
    assert by_class == wanted["class_poss"][0]
    np.testing.assert_allclose(found.probabilities, wanted["label_probs"], atol=1e-5)
    np.testing.assert_allclose(found.scores, wanted["label_logits"], atol=3e-5)
    assert found.predicted.tolist() == wanted["pred"]
    assert found.accuracy == wanted["accuracy"]
    top = session.readout(lambda *_: None).top_tokens
    assert [set(row) for row in top.tolist()] == [set(row) for row in wanted["top10_ids"]]


def made_up() -> Prediction:
    probabilities = np.array([[0.7, 0.2, 0.1], [0.6, 0.3, 0.1], [0.1, 0.8, 0.1], [0.2, 0.3, 0.5]])
    return Prediction(
        labels=("a", "b", "c"),
        texts=("one", "two", "three", "four"),
        gold=(0, 1, 0, None),
        predicted=probabilities.argmax(1),
        probabilities=probabilities,
        scores=np.log(probabilities),
        top_tokens=((),) * 4,
        label_mass=np.ones(4),
    )


def test_wrong_queries_come_most_confident_first() -> None:
    prediction = made_up()
    assert prediction.wrong == (2, 1)
    assert prediction.labelled == (0, 1, 2)
    assert prediction.correct == 1
    assert prediction.accuracy == pytest.approx(1 / 3)


def test_counts_are_gold_by_predicted() -> None:
    assert made_up().counts.tolist() == [[1, 1, 0], [1, 0, 0], [0, 0, 0]]


def test_without_gold_labels_there_is_no_accuracy() -> None:
    from dataclasses import replace

    blind = replace(made_up(), gold=(None,) * 4)
    assert blind.accuracy is None
    assert blind.wrong == ()


def test_probability_order() -> None:
    assert probability_order(made_up(), 3) == [2, 1, 0]
