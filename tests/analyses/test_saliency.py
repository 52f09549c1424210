"""Saliency against autograd through plainly written attention."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from icldiag.analyses.saliency.compute import QueryFlow, Saliency, flow_of_query
from icldiag.analyses.saliency.section import reading_of_query
from icldiag.model.transfer import to_host
from icldiag.prompt.encode import encode
from icldiag.prompt.schema import Prompt
from icldiag.session import Session
from tests.conftest import CONFIGURATIONS, Tiny
from tests.eager import ids_of, plain_run, unchanged


@pytest.mark.parametrize("architecture", CONFIGURATIONS)
@pytest.mark.parametrize("recompute", [False, True])
@pytest.mark.parametrize("heads", ["signed", "absolute"])
def test_it_is_that_of_autograd(architecture: str, heads: Any, recompute: bool, tiny: Tiny, prompt: Prompt) -> None:
    model = tiny(architecture)
    encoded = encode(prompt, model.tokenizer)
    query, label = 1, 2
    ids = ids_of(encoded, query)
    record: dict[int, Tensor] = {}
    logits = plain_run(model, ids, unchanged, record)
    firsts = [tokens[0] for tokens in encoded.label_tokens]
    loss = torch.nn.functional.cross_entropy(logits[firsts][None], torch.tensor([label]))
    loss.backward()  # type: ignore[no-untyped-call]
    found = flow_of_query(model, encoded, query, label, heads=heads, recompute=recompute)
    assert found.loss == pytest.approx(loss.item(), rel=1e-5)
    anchors = list(encoded.anchors)
    for layer, attention in record.items():
        assert attention.grad is not None
        product = (attention * attention.grad)[0].detach()  # (H, T, T)
        flow = (product.sum(0).abs() if heads == "signed" else product.abs().sum(0)).fill_diagonal_(0).numpy()
        np.testing.assert_allclose(found.into_target[layer], flow[-1], rtol=1e-3, atol=1e-6)
        np.testing.assert_allclose(found.into_labels[layer], flow[anchors], rtol=1e-3, atol=1e-6)
        into, read = flow[anchors].sum(), flow[-1, anchors].sum()
        pairs = len(ids) * (len(ids) - 1) / 2
        rest = (flow.sum() - into - read) / (pairs - sum(anchors) - len(anchors))
        wanted = [into / sum(anchors), read / len(anchors), rest]
        np.testing.assert_allclose(found.raw[:, layer], wanted, rtol=1e-3, atol=1e-7)


def test_with_beta_is_that_of_autograd(tiny: Tiny, prompt: Prompt) -> None:
    session = Session(prompt, tiny("llama"))
    torch.manual_seed(1)
    beta = torch.randn(session.beta_shape)
    encoded = session.encoded
    record: dict[int, Tensor] = {}

    def scaled(layer: int, scores: Tensor, attention: Tensor) -> Tensor:
        factor = torch.ones_like(attention)
        factor[0, :, -1, list(encoded.anchors)] = beta[layer].exp()
        return attention * factor

    logits = plain_run(session.model, ids_of(encoded, 1), scaled, record)
    firsts = [tokens[0] for tokens in encoded.label_tokens]
    torch.nn.functional.cross_entropy(logits[firsts][None], torch.tensor([1])).backward()  # type: ignore[no-untyped-call]
    found = session.with_beta(beta.numpy()).flow(1)
    for layer, attention in record.items():
        assert attention.grad is not None
        flow = (attention * attention.grad).sum(1)[0].abs().fill_diagonal_(0).detach().numpy()
        np.testing.assert_allclose(found.into_target[layer], flow[-1], rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize("architecture", ["gpt2", "llama", "gemma2", "bloom", "gpt_oss"])
@pytest.mark.parametrize("beta", [False, True])
def test_layers_and_rows_are_rebuilt_together_as_memory_holds(
    architecture: str, beta: bool, tiny: Tiny, prompt: Prompt, monkeypatch: pytest.MonkeyPatch
) -> None:
    # In float32 the two ways round differently, by how much depends on the processor; gpt_oss has no other.
    model = tiny(architecture, torch.float32 if architecture == "gpt_oss" else torch.float64)
    session = Session(prompt, model)
    torch.manual_seed(1)
    edits = session.with_beta(torch.randn(session.beta_shape).numpy()).beta_edits if beta else None
    transfers: list[int] = []
    found: dict[int, QueryFlow] = {}

    def counted(tensors: Sequence[Tensor]) -> tuple[Tensor, ...]:
        transfers[-1] += 1
        return to_host(tensors)

    monkeypatch.setattr("icldiag.analyses.saliency.rows.to_host", counted)
    for pairs in (1, 10**9):  # one layer, one row at a time; and everything at once
        monkeypatch.setattr(model, "limits", replace(model.limits, pairs=pairs))
        transfers.append(0)
        found[pairs] = flow_of_query(model, session.encoded, 1, 2, target_edits=edits)
    for name in ("raw", "into_target", "into_labels"):
        one, other = (getattr(flow, name) for flow in found.values())
        np.testing.assert_allclose(one, other, rtol=2e-5, atol=1e-8)
    assert transfers == [1, 1]


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float16, 0.02), (torch.bfloat16, 0.15)])
@pytest.mark.parametrize("architecture", ["gpt2", "gptj", "llama"])
def test_half_precision_is_near_single(
    architecture: str, dtype: torch.dtype, tolerance: float, tiny: Tiny, prompt: Prompt
) -> None:
    wanted, found = Session(prompt, tiny(architecture)).flow(1), Session(prompt, tiny(architecture, dtype)).flow(1)
    assert np.abs(found.shares - wanted.shares).max() < tolerance


def test_where_nothing_flows_there_are_no_shares() -> None:
    raw = np.array([[1.0, 0.0], [2.0, 0.0], [1.0, 0.0]])
    empty = np.zeros((2, 0), np.float32)
    found = Saliency((QueryFlow(4, 0.5, "gold", raw, empty, empty),))
    np.testing.assert_array_equal(found.shares[:, 0], [0.25, 0.5, 0.25])
    assert np.isnan(found.shares[:, 1]).all()
    assert [reason.split(":")[0] for reason in found.missing] == [
        "no shares of the mean in layers 1",
        "no shares of query 5 in layers 1",  # of index 4
    ]


@pytest.mark.parametrize(
    ("known", "wanted"), [((True, True), "gold"), ((False, False), "predicted"), ((True, False), "mixed")]
)
def test_what_the_loss_is_taken_against_is_told(
    known: tuple[bool, bool], wanted: str, prompt: Prompt, tiny: Tiny
) -> None:
    queries = [
        query if labelled else replace(query, label=None)
        for query, labelled in zip(prompt.queries[:2], known, strict=True)
    ]
    session = Session(replace(prompt, queries=tuple(queries)), tiny("gpt2"))
    assert session.saliency().loss_target == wanted


@pytest.mark.parametrize("anchor", ["first", "last", "all"])
def test_a_share_says_whose_loss_and_which_tokens_it_is_by(anchor: Any, prompt: Prompt, tiny: Tiny) -> None:
    longer = replace(prompt.labels[0], word=prompt.labels[0].word + " of note")
    session = Session(replace(prompt, labels=(longer, *prompt.labels[1:]), anchor=anchor), tiny())
    counted = {"first": " (their first tokens alone)", "last": " (their last tokens alone)", "all": ""}[anchor]
    flow = session.flow(0)
    assert re.search(
        rf"by the loss of the gold label, [\d.]+% comes from label words{re.escape(counted)}: ",
        reading_of_query(flow, session.encoded),
    )
    told = reading_of_query(replace(flow, loss_target="predicted"), session.encoded)
    assert "by the loss of the predicted label, " in told
    alike = Session(prompt, session.model)
    if all(stop - start == 1 for start, stop in (one.label for one in alike.encoded.demonstrations)):
        assert "label words: " in reading_of_query(alike.flow(0), alike.encoded)
