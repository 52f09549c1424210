"""Evidence: where it was decided. From which layer the answer leads, and through which heads.

The layers are read through the logit lens (`analyses.lens`). Heads are ranked by a first-order estimate of what the
lead owes to each head's output O_h at the target,

    O_h . d lead / d O_h

and the first few are then really ablated: the head's output at the target is set to zero.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from icldiag.analyses.contest import Contest, Counterfactual, counterfactual
from icldiag.analyses.lab import Inquiry, Lab
from icldiag.analyses.lens import Lens, read_lens
from icldiag.lazy import torch
from icldiag.model.attention import Edit
from icldiag.model.edits import Edits, on_rows
from icldiag.model.forward import InstrumentedModel, Prefix
from icldiag.model.gradients import attention_gradients
from icldiag.model.padding import batch_of
from icldiag.model.readout import FloatArray

if TYPE_CHECKING:
    from torch import Tensor

ABLATED = 4  # heads


@dataclass(frozen=True)
class HeadEffect:
    """A head that was ablated at the target, and the estimate by which it was chosen, in nats of the lead."""

    layer: int
    head: int
    estimate: float
    ablated: Counterfactual


@dataclass(frozen=True)
class DepthEvidence:
    """`missing` says why it is undefined."""

    lens: Lens | None
    estimates: FloatArray | None  # (L, H)
    heads: tuple[HeadEffect, ...]  # those that the estimate says carry most of the lead
    missing: str


def depth_evidence(lab: Lab, contest: Contest, before_layer: Callable[[int], None]) -> Inquiry[DepthEvidence]:
    """Read the label scores per layer, and find the heads that carry the lead."""
    firsts = [ids[0] for ids in lab.encoded.label_tokens]
    if firsts[contest.answer] == firsts[contest.rival]:
        return DepthEvidence(None, None, (), "the two label words begin with the same token")
    asked = lab.question([lab.prompt.queries[contest.query]])
    encoded = lab.encode(asked)
    ids, prefix = encoded.queries[0].ids, lab.prefix_of(encoded)
    edits = on_rows(lab.in_force(asked, encoded), [len(ids) - 1], lab.model.device)
    words = firsts[contest.answer], firsts[contest.rival]
    estimates, states = _estimates(lab.model, prefix, ids, edits, words, before_layer)
    lens = read_lens(lab.model, encoded, 0, states)
    flat = np.argsort(-estimates, axis=None, kind="stable")[:ABLATED]
    chosen = [divmod(int(place), estimates.shape[1]) for place in flat]
    chosen = [place for place in chosen if estimates[place] > 0]
    query, length = [lab.prompt.queries[contest.query]], encoded.longest
    answers = yield [lab.question(query, target_edits=_silent(lab, layer, head, length)) for layer, head in chosen]
    heads = []
    for (layer, head), scores in zip(chosen, answers, strict=True):
        ablated = counterfactual(contest, f"head {head} of layer {layer} ablated at the target", scores[0])
        heads.append(HeadEffect(layer, head, float(estimates[layer, head]), ablated))
    return DepthEvidence(lens, estimates, tuple(heads), "")


def _estimates(
    model: InstrumentedModel,
    prefix: Prefix,
    ids: Sequence[int],
    edits: Edits,
    words: tuple[int, int],
    before_layer: Callable[[int], None],
) -> tuple[FloatArray, Tensor]:
    """(L, H) first-order change of the lead by each head's output at the target; (L + 1, 1, D) the target's states."""
    found = np.zeros((model.n_layers, model.n_heads))
    inputs: list[Tensor] = []

    def lead(logits: Tensor) -> Tensor:
        return (logits[-1, words[0]] - logits[-1, words[1]]).float()

    for layer, heads, gradient, _ in attention_gradients(
        model,
        batch_of([ids], len(prefix.ids), model.device),
        lead,
        context=prefix.key_values,
        edits=edits,
        recompute=len(ids) > 1024,
        inputs=inputs,
        before_layer=before_layer,
    ):
        row = torch.tensor([len(ids) - 1], device=heads.query.device)
        attention = heads.attention(row)  # (1, H, 1, T)
        if layer in edits and (factor := edits[layer].factor) is not None:
            attention[..., : factor.shape[1]] *= factor[:, None].to(attention.device)
        output = heads.weigh(attention)[0, :, 0]  # (H, d)
        found[layer] = (output * gradient[0, :, -1]).sum(-1).double().cpu().numpy()
    return found, torch.cat([hidden[:, -1:].to(model.device) for hidden in inputs])


def _silent(lab: Lab, layer: int, head: int, length: int) -> Edits:
    """The head attends to nothing at the target."""
    factor = torch.ones(lab.model.n_heads, length)
    factor[head] = 0.0
    return {layer: Edit(torch.tensor([0]), factor=factor)}
