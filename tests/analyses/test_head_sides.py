"""Heads from all sides against plain transformers: attention, direct shares, and outputs put in by a hook."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from icldiag.analyses.circuits.reading import reading_of_sides
from icldiag.analyses.circuits.sides import AllSides
from icldiag.prompt.schema import Prompt
from icldiag.session import Session
from tests.conftest import Tiny
from tests.eager import ids_of, plain_run


def plain(session: Session, query: int, put: dict[tuple[int, int], torch.Tensor] | None = None) -> tuple[Any, Any]:
    """Label scores, and each layer's head outputs (H, d) at the target, some of them put in."""
    model = session.model.model
    heads, outputs, handles = model.config.num_attention_heads, {}, []
    for place, layer in enumerate(model.model.layers):

        def hook(module: Any, args: Any, place: int = place) -> Any:
            hidden = args[0].clone()
            last = hidden[0, -1].view(heads, -1)
            outputs[place] = last.clone()
            for (at, head), value in (put or {}).items():
                if at == place:
                    last[head] = value
            return (hidden, *args[1:])

        handles.append(layer.self_attn.o_proj.register_forward_pre_hook(hook))
    with torch.no_grad(), session.model.plain():
        run = model(torch.tensor([ids_of(session.encoded, query)]))
    for handle in handles:
        handle.remove()
    firsts = [ids[0] for ids in session.encoded.label_tokens]
    return run.logits[0, -1, firsts].double().numpy(), outputs


def test_each_side_is_that_of_the_plain_model(prompt: Prompt, tiny: Tiny) -> None:
    session = Session(prompt, tiny("llama"))
    found, ranked = session.head_sides(), session.heads().ranked
    prediction, labels = (
        session.prediction(),
        sorted({at for one in session.encoded.demonstrations for at in range(*one.label)}),
    )
    assert [(one.layer, one.head) for one in found.heads] == [(one.layer, one.head) for one in ranked]
    assert found.queries == tuple(range(len(prompt.queries))) and not found.missing
    runs = [plain(session, query) for query in found.queries]
    for one in found.heads[:4]:
        reads = []
        for query in found.queries:
            record: dict[int, torch.Tensor] = {}
            plain_run(session.model, ids_of(session.encoded, query), record=record)
            reads.append(float(record[one.layer].detach()[0, one.head, -1, labels].sum()))
        assert one.reads == pytest.approx(np.mean(reads), abs=1e-5)
        written = [session.depth(query).parts for query in found.queries]
        assert one.writes == pytest.approx(
            np.mean([parts.heads[one.layer, one.head] for parts in written if parts]), abs=1e-4
        )
        mean = torch.stack([outputs[one.layer][one.head] for _, outputs in runs]).mean(0)
        for effect, value in ((one.zeroed, torch.zeros_like(mean)), (one.averaged, mean)):
            lost, stay = [], 0
            for query, (before, _) in zip(found.queries, runs, strict=True):
                after, _ = plain(session, query, {(one.layer, one.head): value})
                answer, rival = int(prediction.predicted[query]), prediction.rival(query)
                lost.append((before[answer] - before[rival]) - (after[answer] - after[rival]))
                stay += int(after.argmax() == answer)
            assert effect is not None
            assert effect.lost == pytest.approx(np.mean(lost), abs=1e-4) and effect.stay == stay
    check(found)


def check(found: AllSides) -> None:
    told = reading_of_sides(found)
    best = max(found.heads, key=lambda one: (one.averaged or one.zeroed).lost)
    assert f"head {best.layer}.{best.head} loses most" in told and f"{best.reads:.0%} of its attention" in told


def test_the_mean_of_one_query_is_its_own_output(prompt: Prompt, tiny: Tiny) -> None:
    found = Session(prompt.with_queries(prompt.queries[:1]), tiny()).head_sides()
    assert all(one.averaged is None for one in found.heads)
    assert "its output is zeroed" in reading_of_sides(found)
    check(found)


def test_without_direct_shares_the_rest_is_there(prompt: Prompt, tiny: Tiny) -> None:
    model = tiny("llama")
    model.layers[1].register_forward_hook(lambda module, args, output: output + 0.1 * output**3)
    found = Session(prompt.with_queries([replace(one, label=None) for one in prompt.queries]), model).head_sides()
    assert "LlamaForCausalLM" in found.missing and all(one.writes is None for one in found.heads)
    assert "directly" not in reading_of_sides(found)
    check(found)
