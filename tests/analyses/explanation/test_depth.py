"""Where it was decided: the lens, and heads by estimate and ablation."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from icldiag.analyses.lab import Lab
from icldiag.analyses.reweighting.step import beta_edits
from icldiag.model.attention import Edit
from icldiag.model.readout import read_queries, silent
from icldiag.prompt.schema import Prompt
from icldiag.session import Session
from tests.conftest import CONFIGURATIONS, Tiny


@pytest.mark.parametrize("architecture", CONFIGURATIONS)
def test_the_lens_ends_in_the_model_s_own_scores(architecture: str, prompt: Prompt, tiny: Tiny) -> None:
    session = Session(prompt, tiny(architecture))
    found = session.explanation(1)
    depth = found.depth
    assert depth.lens is not None
    assert depth.lens.scores.shape == (session.model.n_layers + 1, 3)
    np.testing.assert_allclose(depth.lens.scores[-1], session.prediction().scores[1], atol=2e-3)
    assert depth.lens.mass[-1] == pytest.approx(session.prediction().label_mass[1], abs=1e-5)


@pytest.mark.parametrize(("architecture", "reweighted"), [("gpt2", False), ("llama", False), ("llama", True)])
def test_a_head_s_estimate_is_the_slope_of_its_ablation(
    architecture: str, reweighted: bool, prompt: Prompt, tiny: Tiny
) -> None:
    session = Session(prompt.with_queries(prompt.queries[2:3]), tiny(architecture))
    beta = None
    if reweighted:
        beta = np.random.default_rng(0).normal(0, 1, session.beta_shape).astype(np.float32)
        session = session.with_beta(beta)
    found = session.explanation(0)
    contest, estimates = found.contest, found.depth.estimates
    assert estimates is not None
    step = 0.01
    lab = Lab(session.model, session.encoded, session.prefix(silent), beta)

    def lead(layer: int, head: int, size: float) -> float:
        factor = torch.ones(session.model.n_heads, len(session.encoded.prefix) + len(session.encoded.queries[0].ids))
        factor[head] = size
        edits = {layer: Edit(torch.tensor([0]), factor=factor)}
        (scores,) = lab.ask([lab.question(session.prompt.queries, target_edits=edits)])
        return contest.lead_in(scores[0])

    for layer, head in ((0, 1), (2, 3)):
        slope = (lead(layer, head, 1 + step) - lead(layer, head, 1 - step)) / (2 * step)
        assert estimates[layer, head] == pytest.approx(slope, abs=0.02 * max(1.0, abs(slope)))
    for head_effect in found.depth.heads:
        assert head_effect.estimate > 0
        ablated = lead(head_effect.layer, head_effect.head, 0.0)
        assert head_effect.ablated.lead == pytest.approx(ablated, abs=1e-4)


def test_an_ablated_head_is_silent_under_a_beta_too(prompt: Prompt, tiny: Tiny) -> None:
    plain = Session(prompt.with_queries(prompt.queries[:1]), tiny())
    beta = np.ones(plain.beta_shape, np.float32)
    session = plain.with_beta(beta)
    lab = Lab(session.model, session.encoded, session.prefix(silent), beta)
    silenced = torch.ones(session.model.n_heads, len(session.encoded.prefix) + len(session.encoded.queries[0].ids))
    silenced[0] = 0.0
    silencing = {1: Edit(torch.tensor([0]), factor=silenced)}
    ((edited,),) = lab.ask([lab.question(session.prompt.queries, target_edits=silencing)])
    edits = beta_edits(session.encoded, torch.from_numpy(beta))
    reweighted = edits[1].factor
    assert reweighted is not None
    silenced[:, : reweighted.shape[1]] *= reweighted
    edits = {**edits, 1: Edit(torch.tensor([0]), factor=silenced)}
    expected = read_queries(session.model, session.encoded, session.prefix(silent), target_edits=edits)
    np.testing.assert_allclose(edited, expected.label_scores[0], atol=1e-4)
