"""What the lead owes, to first order, to what each head reads of some tokens at the target."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from icldiag.analyses.contest import Contest
from icldiag.analyses.isolation.cuts import CutKind
from icldiag.analyses.isolation.edits import cut_columns
from icldiag.lazy import torch
from icldiag.model.forward import InstrumentedModel, Prefix
from icldiag.model.gradients import attention_gradients
from icldiag.model.label_words import label_words
from icldiag.model.padding import batch_of
from icldiag.model.readout import FloatArray, Progress
from icldiag.model.transfer import to_host
from icldiag.prompt.encoded_prompt import EncodedPrompt

if TYPE_CHECKING:
    from torch import Tensor


def head_estimates(
    model: InstrumentedModel,
    encoded: EncodedPrompt,
    prefix: Prefix,
    contest: Contest,
    kind: CutKind,
    progress: Progress,
) -> FloatArray:
    """(L, H) nats of the lead that cutting these columns takes, the other columns' weights renormalised.

    A row o = sum_j a_j v_j becomes (o - sum_C a_j v_j) / (1 - sum_C a_j), its scores as they are.
    """
    words = label_words(encoded, model)
    ids = encoded.queries[contest.query].ids
    start = len(prefix.ids)
    batch = words.after(batch_of([ids], start, model.device))
    edits = words.edits(None, model, batch.ids.shape[1], start)
    columns = cut_columns(encoded, kind)
    found: dict[int, Tensor] = {}  # (H,) each

    def lead(logits: Tensor) -> Tensor:
        scores = words.scores(logits[None])[0]
        return scores[contest.answer] - scores[contest.rival]

    for layer, heads, gradient, _ in attention_gradients(
        model,
        batch,
        lead,
        keep=words.rows,
        context=prefix.key_values,
        edits=edits,
        recompute=len(ids) > 1024,
        before_layer=lambda at: progress("layers", at, model.n_layers),
    ):
        new = batch.ids.shape[1]
        rows = torch.arange(new - words.rows, new, device=heads.query.device)
        edit = edits.get(layer)
        attention = heads.attention(rows, None if edit is None else edit.blocked)  # (1, H, R, S)
        cut = torch.zeros_like(attention)
        cut[..., columns] = attention[..., columns]
        share = cut.sum(-1, keepdim=True)
        change = (heads.weigh(attention) * share - heads.weigh(cut)) / (1 - share).clamp(min=1e-6)
        found[layer] = -(change * gradient[:, :, -words.rows :]).double().sum((0, 2, 3))
    return np.stack(to_host([found[layer] for layer in range(model.n_layers)]))
