"""Flow on SmolLM2 against METHOD's formulas written out over transformers' own attentions: none of icldiag's passes."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from transformers import AutoModelForCausalLM

from icldiag.model.forward import InstrumentedModel
from icldiag.samples import sample_path
from icldiag.session import Session
from tests.eager import ids_of

pytestmark = pytest.mark.real


@pytest.mark.parametrize("query", [0, 5])
def test_flows_are_means_over_all_pairs_of_the_summed_heads(query: int, smollm2: InstrumentedModel) -> None:
    """S_ww is over the T (T - 1) / 2 pairs j < i, less those of the other two.

    T * T / 2 of them, which some write, would move the shares by 1e-3.
    """
    session = Session(sample_path("questions"), smollm2)
    encoded, found = session.encoded, session.flow(query)
    folder = smollm2.model.config._name_or_path
    plain = AutoModelForCausalLM.from_pretrained(folder, attn_implementation="eager", dtype=torch.float32).eval()
    ids = ids_of(encoded, query)
    out = plain(torch.tensor([ids]), output_attentions=True, use_cache=False)
    gold = torch.tensor([session.prompt.queries[query].label])
    loss = torch.nn.functional.cross_entropy(out.logits[:, -1, [own[0] for own in encoded.label_tokens]], gold)
    gradients = torch.autograd.grad(loss, out.attentions)
    anchors = [place for places in encoded.all_anchors for place in places]
    kind = np.full((len(ids), len(ids)), -1)
    kind[np.tril_indices(len(ids), -1)] = 2
    for anchor in anchors:
        kind[anchor, :anchor] = 0
    kind[-1, anchors] = 1
    by_layer = [
        (attention * gradient).sum(1)[0].abs().detach().double().numpy()
        for attention, gradient in zip(out.attentions, gradients, strict=True)
    ]
    raw = np.array([[saliency[kind == flow].mean() for saliency in by_layer] for flow in range(3)])
    assert found.loss == pytest.approx(loss.item(), abs=1e-4)
    np.testing.assert_allclose(found.raw, raw, rtol=2e-4, atol=1e-9)
    np.testing.assert_allclose(found.shares, raw / raw.sum(axis=0), atol=2e-5)
    others, pairs = (kind == 2).sum(), len(ids) ** 2 / 2 - len(ids) * (len(ids) - 1) / 2
    other = raw * np.array([[1.0], [1.0], [others / (others + pairs)]])
    assert np.abs(other / other.sum(axis=0) - found.shares).max() > 5e-4  # the test would see it
