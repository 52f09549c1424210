"""Extraction against plainly written attention, and its scores against counting by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from icldiag.analyses.extraction.compute import score_extraction
from icldiag.prompt.schema import Prompt
from icldiag.session import Session
from tests.analyses.test_prediction import made_up
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
    found = session.with_beta(beta.numpy()).extraction().attention[1]
    for layer, row in rows.items():
        for label in range(3):
            own = [place.anchor for place in encoded.demonstrations if place.label_class == label]
            assert found[layer, label] == pytest.approx(float(row[own].sum()), rel=1e-4)


# (queries, layers, classes): the first layer attends to the class predicted, the second to the gold one of three.
ATTENTION = np.array(
    [
        [[0.6, 0.2, 0.2], [0.6, 0.3, 0.1]],
        [[0.7, 0.2, 0.1], [0.2, 0.7, 0.1]],
        [[0.1, 0.8, 0.1], [0.5, 0.4, 0.1]],
        [[0.1, 0.1, 0.8], [0.1, 0.1, 0.8]],
    ]
)


def test_auc_is_against_the_predicted_label_or_the_gold_one() -> None:
    prediction = made_up()  # predicts 0, 0, 1, 2 where 0, 1, 0 and nothing are gold
    found = score_extraction(prediction, ATTENTION)
    assert found.aucroc[0] == 1.0
    gold = score_extraction(prediction, ATTENTION, "gold")
    assert gold.against == "gold"
    # Two classes are gold: class 1's attention of the one gold-1 query against those of the two gold-0 queries.
    assert gold.aucroc == (0.25, 1.0)
    assert gold.denominator == pytest.approx(0.25)
    np.testing.assert_allclose(np.array(gold.cumulative, float), [-1.0, 1.0])


def test_what_is_undefined_has_its_reason() -> None:
    prediction = made_up()
    single = replace(prediction, predicted=np.zeros(4, np.int64))
    found = score_extraction(single, ATTENTION)
    assert found.aucroc == found.cumulative == (None, None)
    assert "predicts a for every query" in found.missing[0]
    blind = score_extraction(replace(prediction, gold=(None,) * 4), ATTENTION, "gold")
    assert blind.aucroc == (None, None)
    assert "no gold label is known" in blind.missing[0]
    alike = score_extraction(replace(prediction, gold=(1, None, 1, 1)), ATTENTION, "gold")
    assert "every known gold label is b" in alike.missing[0]
    level = score_extraction(prediction, np.ones_like(ATTENTION))
    assert level.aucroc == (0.5, 0.5)
    assert level.cumulative == (None, None)
    assert "sums to 0" in level.missing[0]
