"""Compression against hidden positions in plainly written attention."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from icldiag.analyses.compression.compute import compress, kept_positions
from icldiag.analyses.reweighting.step import beta_edits
from icldiag.model.readout import read_queries
from icldiag.prompt.encode import encode
from icldiag.prompt.schema import Prompt
from icldiag.session import Session
from tests.conftest import CONFIGURATIONS, Tiny
from tests.eager import ids_of, plain_run


@pytest.mark.parametrize("architecture", CONFIGURATIONS)
@pytest.mark.parametrize("with_beta", [False, True])
def test_it_is_the_plain_model_with_hidden_positions(
    architecture: str, with_beta: bool, tiny: Tiny, prompt: Prompt
) -> None:
    """Dropping cache entries equals a full prompt in which the query cannot see them, positions kept."""
    model = tiny(architecture)
    encoded = encode(prompt, model.tokenizer)
    prefix = model.encode_prefix(encoded.prefix)
    torch.manual_seed(1)
    beta = torch.randn(model.n_layers, model.n_heads, len(encoded.demonstrations)) * with_beta
    edits = beta_edits(encoded, beta)
    full = read_queries(model, encoded, prefix, target_edits=edits)
    found = compress(model, encoded, prefix, full, draws=1, beta=edits, timed=False)
    dropped = sorted(set(range(len(encoded.prefix))) - set(kept_positions(encoded)))
    assert dropped

    def hidden(layer: int, scores: Tensor, attention: Tensor) -> Tensor:
        scores = scores.clone()
        scores[:, :, len(encoded.prefix) :, dropped] = -torch.inf
        attention = scores.softmax(-1)
        attention[0, :, -1, list(encoded.anchors)] *= beta[layer].exp()
        return attention

    firsts = [tokens[0] for tokens in encoded.label_tokens]
    with torch.no_grad():
        for query in (0, 3):
            wanted = plain_run(model, ids_of(encoded, query), hidden)[firsts].softmax(-1)
            np.testing.assert_allclose(found.hidden_anchor.answers.probabilities[query], wanted.numpy(), atol=1e-5)


def test_the_top_draw_is_the_most_loyal_and_the_mean_is_that_of_all(tiny: Tiny, prompt: Prompt) -> None:
    found = Session(prompt, tiny()).compression(draws=6)
    loyalties = [draw.answers.label_loyalty for draw in found.random_draws]
    assert len(set(loyalties)) > 1
    assert found.hidden_random_top.answers.label_loyalty == max(loyalties)
    assert found.hidden_random.label_loyalty == pytest.approx((np.mean(loyalties), np.std(loyalties)))
    assert found.hidden_random.draws == 6
    anchors = {place.anchor for place in Session(prompt, tiny()).encoded.demonstrations}
    assert all(not anchors & set(draw.kept_positions) for draw in found.random_draws)
    assert len({draw.kept_positions for draw in found.random_draws}) > 1
    assert found.speed_up is not None
    assert found.missing == ()
