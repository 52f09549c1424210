"""Saliency: how much information flows between which positions in each layer.

Wang et al. 2023, section 2.1 (arXiv 2305.14160). With the attention A_{h,l} after the softmax and the loss L, the cross
entropy over the labels at the target position q,

    I_l = | sum_h A_{h,l} * dL/dA_{h,l} |      (element-wise; heads are summed before the absolute value)

as in the paper's code; its formula (1) reads as sum_h |A * dL/dA|, which `heads="absolute"` computes. Then

    text_to_label   S_wp  mean of I_l(p_k, j) over label words p_k and all j < p_k
    label_to_target S_pq  mean of I_l(q, p_k) over label words
    text_to_text    S_ww  mean of I_l(i, j) over all other pairs j < i

Since A enters the output as O_h = A_h V_h, dL/dA_h = dL/dO_h V_h^T: both factors are rebuilt a block of rows at a time
after a fused forward and backward pass, and no (layer, head, T, T) tensor ever exists.

Where label words are scored whole, the loss is over the whole words, and their tokens after the first are predicted at
positions after q: the target's row I_l(q, j) is then the sum of the rows of all positions that predict, for j < q.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from icldiag.analyses.prediction.compute import Predict
from icldiag.analyses.request import Each, Request, Workbench
from icldiag.analyses.shown import Shown
from icldiag.indices import class_index, query_index
from icldiag.lazy import no_grad, torch
from icldiag.model.attention import Edit
from icldiag.model.forward import Edits, InstrumentedModel, batch_of
from icldiag.model.gradients import attention_gradients
from icldiag.model.heads import Heads, products
from icldiag.model.label_words import label_words
from icldiag.model.memory import is_out_of_memory, release
from icldiag.model.readout import FloatArray, Progress, silent, step_of
from icldiag.prompt.encode import EncodedPrompt

if TYPE_CHECKING:
    from torch import Tensor

FLOWS = ("text_to_label", "label_to_target", "text_to_text")
LossTarget = Literal["gold", "predicted"]
HeadSum = Literal["signed", "absolute"]

_ROWS = 256  # rows of attention rebuilt at a time
_RECOMPUTED = 1024  # tokens from which on activations are not kept


@dataclass(frozen=True, repr=False)
class QueryFlow(Shown):
    """One query. `raw` has the flows of FLOWS as rows and layers as columns."""

    query: int
    loss: float
    loss_target: LossTarget  # the predicted label is the loss's target where the gold one is unknown
    raw: FloatArray  # (3, L)
    into_target: NDArray[np.float32]  # (L, T) I_l(q, j)
    into_labels: NDArray[np.float32]  # (L, demonstrations, T) I_l(p_k, j), the mean over a demonstration's anchors

    @property
    def shares(self) -> FloatArray:
        """Each flow divided by the sum of the three in its layer; NaN where nothing flows."""
        return shares(self.raw)


@dataclass(frozen=True, repr=False)
class Saliency(Shown):
    """The mean over queries, and each query."""

    queries: tuple[QueryFlow, ...]

    @property
    def raw(self) -> FloatArray:
        """(3, L) mean over queries."""
        return np.asarray(np.mean([flow.raw for flow in self.queries], axis=0))

    @property
    def shares(self) -> FloatArray:
        """(3, L) the mean flows divided by their sum in each layer: the paper's curves."""
        return shares(self.raw)

    @property
    def missing(self) -> tuple[str, ...]:
        """What is undefined, and why; queries are numbered from 1, as on the screens."""
        found = []
        for what, raw in [("the mean", self.raw), *((f"query {flow.query + 1}", flow.raw) for flow in self.queries)]:
            still = np.flatnonzero(raw.sum(axis=0) <= 0).tolist()
            if still:
                layers = ", ".join(map(str, still))
                found.append(
                    f"no shares of {what} in layers {layers}: nothing flows there, so there is no sum to divide by"
                )
        return tuple(found)

    @property
    def loss_target(self) -> str:
        """'gold', 'predicted' or 'mixed'."""
        targets = {flow.loss_target for flow in self.queries}
        return next(iter(targets)) if len(targets) == 1 else "mixed"


def shares(raw: FloatArray) -> FloatArray:
    """Divide each column by its sum; NaN where the sum is 0."""
    total = raw.sum(axis=0, keepdims=True)
    return np.asarray(np.divide(raw, total, out=np.full_like(raw, np.nan), where=total > 0))


@dataclass(frozen=True)
class Flow(Request[QueryFlow]):
    """Saliency of one query: the three flows per layer, and the token view."""

    query: int
    loss_target: LossTarget = "gold"
    heads: HeadSum = "signed"
    job: ClassVar[str] = "saliency"

    def resolved(self, bench: Workbench) -> Flow:
        return replace(self, query=query_index(self.query, len(bench.prompt.queries)))

    def compute(self, bench: Workbench, progress: Progress, each: Each | None) -> QueryFlow:
        bench.query_tokens(self.query)  # kept with it: the one is shown over the other
        predicted = bench.ask(Predict(), progress).predicted.tolist()
        return saliency(
            bench.model,
            bench.encoded,
            predicted,
            [self.query],
            loss_target=self.loss_target,
            heads=self.heads,
            target_edits=bench.beta_edits,
            progress=progress,
        ).queries[0]


@dataclass(frozen=True)
class Flows(Request[Saliency]):
    """Saliency of every query and their mean; one forward and backward pass a query."""

    loss_target: LossTarget = "gold"
    heads: HeadSum = "signed"
    job: ClassVar[str] = "saliency"

    def compute(self, bench: Workbench, progress: Progress, each: Each | None) -> Saliency:
        count = len(bench.prompt.queries)
        flows = tuple(
            bench.ask(Flow(query, self.loss_target, self.heads), step_of(progress, "saliency", query, count))
            for query in range(count)
        )
        progress("saliency", count, count)
        return Saliency(flows)


def flow_of_query(
    model: InstrumentedModel,
    encoded: EncodedPrompt,
    query: int,
    label: int,
    loss_target: LossTarget = "gold",
    *,
    heads: HeadSum = "signed",
    target_edits: Edits | None = None,
    recompute: bool | None = None,
    progress: Progress = silent,
) -> QueryFlow:
    """Saliency of one query, for a loss against class `label`.

    Args:
        heads: sum over heads before the absolute value or after it.
        target_edits: per layer, a scaling of the target row, such as a trained beta; its `rows` are set here.
        recompute: compute each layer's activations again in the backward pass, for long prompts on little memory;
            None decides by the prompt's length, and turns to it when memory runs out.

    Raises:
        AnalysisError: there is no such query or class.
    """
    query = query_index(query, len(encoded.queries))
    label = class_index(label, len(encoded.prompt.labels))
    if recompute is None:
        recompute = model.recomputes or len(encoded.prefix) + len(encoded.queries[query].ids) > _RECOMPUTED
    try:
        return _flow(model, encoded, query, label, loss_target, heads, target_edits, recompute, progress)
    except Exception as error:
        if recompute or not is_out_of_memory(error):
            raise
    release()
    model.recomputes = True
    model.notes.append("memory ran out in a saliency pass; each layer is computed twice instead, which is slower")
    progress("saliency (memory ran out: recomputing layers)", 0, model.n_layers)
    return _flow(model, encoded, query, label, loss_target, heads, target_edits, True, progress)


def _flow(
    model: InstrumentedModel,
    encoded: EncodedPrompt,
    query: int,
    label: int,
    loss_target: LossTarget,
    heads: HeadSum,
    target_edits: Edits | None,
    recompute: bool,
    progress: Progress,
) -> QueryFlow:
    words = label_words(encoded)
    ids = [*encoded.prefix, *encoded.queries[query].ids]
    length, layers = len(ids), model.n_layers
    anchors = torch.tensor([place for places in encoded.all_anchors for place in places])
    batch = words.after(batch_of([ids], 0, model.device))
    edits = words.edits(target_edits, model, batch.ids.shape[1], 0)
    raw = np.zeros((3, layers))
    into_target = np.zeros((layers, length), np.float32)
    into_labels = np.zeros((layers, len(encoded.demonstrations), length), np.float32)

    def loss(logits: Tensor) -> Tensor:
        wanted = torch.tensor([label], device=logits.device)
        return torch.nn.functional.cross_entropy(words.scores(logits[None]), wanted)

    losses: list[float] = []
    for layer, attended, gradient, value in attention_gradients(
        model,
        batch,
        loss,
        keep=words.rows,
        edits=edits,
        recompute=recompute,
        before_layer=lambda layer: progress("saliency: layers", 0, layers),
    ):
        total, target_row, label_rows = _flows(attended, gradient, anchors, length, heads, edits.get(layer))
        raw[:, layer] = _three_means(total, target_row, label_rows, anchors)
        into_target[layer] = target_row
        into_labels[layer] = _of_demonstrations(label_rows, encoded)
        losses.append(value)
        progress("saliency: layers", len(losses), layers)
    return QueryFlow(query, losses[0], loss_target, raw, into_target, into_labels)


@no_grad
def _flows(
    heads: Heads, gradient: Tensor, anchors: Tensor, length: int, head_sum: HeadSum, edit: Edit | None
) -> tuple[float, NDArray[np.float32], NDArray[np.float32]]:
    """Sum of I over all pairs j < i, the target's row (T,), and the anchors' rows (n, T), diagonal 0.

    The first `length` tokens are the prompt's; any others are label words'. `edit` is that of the target and these.
    """
    device = heads.query.device
    anchors = anchors.to(device)
    total = 0.0
    label_rows = torch.zeros(len(anchors), length, device=device)
    target_row = torch.zeros(length, device=device)
    for start in range(0, length, _ROWS):
        rows = torch.arange(start, min(start + _ROWS, length), device=device)
        until = int(rows[-1]) + 1  # causal: later columns hold nothing
        attention = heads.attention(rows, until=until)  # (1, H, R, until)
        if until == length:
            _scale(attention[:, :, -1:], edit)
        saliency = _saliency(heads, gradient, rows, attention, head_sum)  # (R, until)
        saliency[torch.arange(len(rows), device=device), rows] = 0.0
        total += float(saliency.sum(dtype=torch.float64))
        inside = (anchors >= start) & (anchors <= rows[-1])
        label_rows[inside, :until] = saliency[anchors[inside] - start]
        if until == length:
            target_row = saliency[-1]
    rows = torch.arange(length, heads.query.shape[2], device=device)
    if len(rows):
        assert edit is not None and edit.blocked is not None  # LabelWords.edits hides the other words
        attention = heads.attention(rows, edit.blocked[1:].to(device))  # (1, H, N, T + N)
        _scale(attention, edit)
        later = _saliency(heads, gradient, rows, attention, head_sum)[:, : length - 1].sum(0)
        target_row[:-1] += later
        total += float(later.sum(dtype=torch.float64))
    return total, target_row.cpu().numpy(), label_rows.cpu().numpy()


def _saliency(heads: Heads, gradient: Tensor, rows: Tensor, attention: Tensor, head_sum: HeadSum) -> Tensor:
    """| sum_h A * dL/dA |, or sum_h | A * dL/dA |, of some rows: (1, H, R, N) -> (R, N)."""
    values = heads.value[:, :, : attention.shape[-1]].to(attention.dtype)
    change = products(gradient[:, :, rows].to(attention.dtype), values)  # dL/dA: (1, H, R, N)
    flow = change.mul_(attention)[0]  # (H, R, N)
    return flow.sum(0).abs() if head_sum == "signed" else flow.abs().sum(0)


def _scale(attention: Tensor, edit: Edit | None) -> None:
    """Apply the edit's factors to rows of attention (1, H, R, S), in place."""
    if edit is not None and edit.factor is not None:
        attention[..., : edit.factor.shape[1]] *= edit.factor.to(attention)[None, :, None]


def _of_demonstrations(label_rows: NDArray[np.float32], encoded: EncodedPrompt) -> NDArray[np.float32]:
    """The mean over each demonstration's anchors: (anchors, T) -> (demonstrations, T)."""
    stops = np.cumsum([len(places) for places in encoded.all_anchors])
    return np.stack([rows.mean(0) for rows in np.split(label_rows, stops[:-1])])


def _three_means(
    total: float, target_row: NDArray[np.float32], label_rows: NDArray[np.float32], positions: Tensor
) -> tuple[float, float, float]:
    """S_wp, S_pq and S_ww. There are p pairs j < p; S_ww has what the other two leave of all pairs."""
    anchors = positions.numpy()
    pairs = len(target_row) * (len(target_row) - 1) // 2
    into_labels, from_labels = float(label_rows.sum(dtype=np.float64)), float(target_row[anchors].sum(dtype=np.float64))
    others = pairs - int(anchors.sum()) - len(anchors)
    return (
        into_labels / int(anchors.sum()),
        from_labels / len(anchors),
        max(total - into_labels - from_labels, 0.0) / others,
    )


def saliency(
    model: InstrumentedModel,
    encoded: EncodedPrompt,
    predicted: Sequence[int],
    queries: Sequence[int] | None = None,
    *,
    loss_target: LossTarget = "gold",
    heads: HeadSum = "signed",
    target_edits: Edits | None = None,
    progress: Progress = silent,
) -> Saliency:
    """Saliency of some queries (all by default).

    The loss's target is the gold label, and the predicted one where `loss_target` says so or gold is unknown.
    """
    count = len(encoded.queries)
    chosen = range(count) if queries is None else [query_index(query, count) for query in queries]
    flows = []
    for done, query in enumerate(chosen):
        progress("saliency", done, len(chosen))
        gold = encoded.prompt.queries[query].label if loss_target == "gold" else None
        flows.append(
            flow_of_query(
                model,
                encoded,
                query,
                int(predicted[query]) if gold is None else gold,
                "predicted" if gold is None else "gold",
                heads=heads,
                target_edits=target_edits,
                progress=step_of(progress, "saliency", done, len(chosen)),
            )
        )
    progress("saliency", len(chosen), len(chosen))
    return Saliency(tuple(flows))
