"""Evidence: where it was decided. From which layer the answer leads, and through which heads.

Logit lens (nostalgebraist 2020): what the target position holds after each layer goes through the model's own final
norm and unembedding, so that label scores can be read per layer; those of the last layer are the model's. Heads are
ranked by a first-order estimate of what the lead owes to each head's output O_h at the target,

    O_h . d lead / d O_h

and the first few are then really ablated: the head's output at the target is set to zero.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from icldiag.analyses.explanation.contest import Contest, Counterfactual, counterfactual
from icldiag.analyses.explanation.variants import Variants
from icldiag.lazy import no_grad, torch
from icldiag.model.attention import Edit
from icldiag.model.forward import Batch, Resume, batch_of
from icldiag.model.gradients import attention_gradients
from icldiag.model.readout import FloatArray
from icldiag.prompt.encode import encode

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
    """`lens` has a row before the first layer and one after each; `missing` says why it is undefined."""

    lens: FloatArray | None  # (L + 1, C) scores of the label words' first tokens
    leads: FloatArray | None  # (L + 1,) of the answer over the rival
    decided: int | None  # row of the lens from which the answer leads to the end: how many layers it took
    estimates: FloatArray | None  # (L, H)
    heads: tuple[HeadEffect, ...]  # those that the estimate says carry most of the lead
    missing: str


def depth_evidence(variants: Variants, contest: Contest) -> DepthEvidence:
    """Read the label scores per layer, and find the heads that carry the lead."""
    firsts = [ids[0] for ids in variants.encoded.label_tokens]
    if firsts[contest.answer] == firsts[contest.rival]:
        return DepthEvidence(None, None, None, None, (), "the two label words begin with the same token")
    prompt = variants.prompt
    encoded = encode(prompt.with_queries([variants.query]), *variants.model.reader)
    ids = [*encoded.prefix, *encoded.queries[0].ids]
    shift = np.array(prompt.calibration.shift) if prompt.calibration else np.zeros(len(firsts))
    lens = _lens(variants, ids)[:, firsts] - shift  # (L + 1, C)
    leads = lens[:, contest.answer] - lens[:, contest.rival]
    estimates = _estimates(variants, ids, firsts[contest.answer], firsts[contest.rival])
    flat = np.argsort(-estimates, axis=None, kind="stable")[:ABLATED]
    chosen = [divmod(int(place), estimates.shape[1]) for place in flat]
    heads = [
        HeadEffect(layer, head, float(estimates[layer, head]), _ablate(variants, contest, layer, head, len(ids)))
        for layer, head in chosen
        if estimates[layer, head] > 0
    ]
    behind = np.flatnonzero(leads <= 0)
    decided = int(behind[-1]) + 1 if len(behind) else 0
    return DepthEvidence(lens, leads, decided, estimates, tuple(heads), "")


@no_grad
def _lens(variants: Variants, ids: list[int]) -> FloatArray:
    """Logits (L + 1, V) of the target's state before the first layer and after each."""
    variants.step()
    model = variants.model
    edits = variants.reweighted(len(ids) - 1)
    run = model.run(batch_of([ids], 0, model.device), edits=edits, keep_inputs=True)
    states = torch.cat([hidden[:, -1:].to(model.device) for hidden in run.inputs])  # (L + 1, 1, D)
    rows = len(states)
    last = torch.full((rows, 1), ids[-1], device=model.device)
    batch = Batch(last, torch.full_like(last, len(ids) - 1), None)
    logits = model.run(batch, resume=Resume(model.n_layers, states)).logits[:, -1]  # (L + 1, V)
    return logits.double().cpu().numpy()


def _estimates(variants: Variants, ids: list[int], answer: int, rival: int) -> FloatArray:
    """(L, H) first-order change of the lead by each head's output at the target."""
    model = variants.model
    found = np.zeros((model.n_layers, model.n_heads))
    edits = variants.reweighted(len(ids) - 1)

    def lead(logits: Tensor) -> Tensor:
        return (logits[-1, answer] - logits[-1, rival]).float()

    for layer, heads, gradient, _ in attention_gradients(
        model,
        batch_of([ids], 0, model.device),
        lead,
        edits=edits,
        recompute=len(ids) > 1024,
        before_layer=lambda layer: variants.step(),
    ):
        row = torch.tensor([len(ids) - 1], device=heads.query.device)
        attention = heads.attention(row)  # (1, H, 1, T)
        if layer in edits and (factor := edits[layer].factor) is not None:
            attention[..., : factor.shape[1]] *= factor[:, None]
        output = heads.weigh(attention)[0, :, 0]  # (H, d)
        found[layer] = (output * gradient[0, :, -1]).sum(-1).double().cpu().numpy()
    return found


def _ablate(variants: Variants, contest: Contest, layer: int, head: int, length: int) -> Counterfactual:
    """The head attends to nothing at the target."""
    device = variants.model.device
    factor = torch.ones(variants.model.n_heads, length, device=device)
    factor[head] = 0.0
    edit = Edit(torch.tensor([0], device=device), factor=factor)
    name = f"head {head} of layer {layer} ablated at the target"
    return counterfactual(contest, name, variants.ask_edited(target_edits={layer: edit}))
