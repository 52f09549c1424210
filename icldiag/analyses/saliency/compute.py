"""Saliency: how much information flows between which positions in each layer.

Wang et al. 2023, section 2.1 (arXiv 2305.14160). With the attention A_{h,l} after the softmax and the loss L, the cross
entropy over the labels at the target position q,

    I_l = | sum_h A_{h,l} * dL/dA_{h,l} |      (element-wise; heads are summed before the absolute value)

as in the paper's code; its formula (1) reads as sum_h |A * dL/dA|, which `heads="absolute"` computes. Then

    text_to_label   S_wp  mean of I_l(p_k, j) over label words p_k and all j < p_k
    label_to_target S_pq  mean of I_l(q, p_k) over label words
    text_to_text    S_ww  mean of I_l(i, j) over all other pairs j < i

Since A enters the output as O_h = A_h V_h, dL/dA_h = dL/dO_h V_h^T: both factors are rebuilt a block of rows at a time
after a fused forward and backward pass, of as many layers and rows at a time as memory holds.

Where label words are scored whole, the loss is over the whole words, and their tokens after the first are predicted at
positions after q: the target's row I_l(q, j) is then the sum of the rows of all positions that predict, for j < q.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from icldiag.analyses.prediction.compute import Predict
from icldiag.analyses.request import Each, Request, Workbench
from icldiag.analyses.result import AnalysisResult
from icldiag.analyses.saliency.rows import (
    Attended,
    HeadSum,
    LayerFlows,
    flows,
    in_blocks,
    of_demonstrations,
    on_host,
    three_means,
)
from icldiag.arguments import Index
from icldiag.indices import class_index, query_index
from icldiag.lazy import torch
from icldiag.model.edits import Edits
from icldiag.model.forward import InstrumentedModel
from icldiag.model.gradients import attention_gradients
from icldiag.model.label_words import label_words
from icldiag.model.memory import is_out_of_memory, keeps_activations, release, work_of
from icldiag.model.padding import batch_of
from icldiag.model.readout import FloatArray, Progress, silent, step_of
from icldiag.prompt.encoded_prompt import EncodedPrompt

if TYPE_CHECKING:
    from torch import Tensor

FLOWS = ("text_to_label", "label_to_target", "text_to_text")
LossTarget = Literal["gold", "predicted"]


@dataclass(frozen=True, repr=False)
class QueryFlow(AnalysisResult):
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
class Saliency(AnalysisResult):
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

    query: Index
    loss_target: LossTarget = "gold"
    heads: HeadSum = "signed"
    job: ClassVar[str] = "saliency"
    of_demonstrations: ClassVar[bool] = True

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
    of_demonstrations: ClassVar[bool] = True

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
            None does where they would take more than half of the free memory, and when memory runs out.

    Raises:
        AnalysisError: there is no such query or class.
    """
    query = query_index(query, len(encoded.queries))
    label = class_index(label, len(encoded.prompt.labels))
    if recompute is None:
        recompute = model.recomputes or not keeps_activations(model, work_of(encoded))
    try:
        return _flow(model, encoded, query, label, loss_target, heads, target_edits, recompute, progress)
    except Exception as error:  # each device has its own error for want of memory
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
    words = label_words(encoded, model)
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
        votes = torch.from_numpy(encoded.votes([query])).float().to(logits.device)
        return torch.nn.functional.cross_entropy(words.scores(logits[None]) + votes, wanted)

    losses: list[Tensor] = []
    found: list[LayerFlows] = []

    def attended() -> Iterator[Attended]:
        for layer, of_layer, gradient, value in attention_gradients(
            model,
            batch,
            loss,
            keep=words.rows,
            edits=edits,
            recompute=recompute,
            before_layer=lambda layer: progress("saliency: layers", 0, layers),
        ):
            losses.append(value)
            progress("saliency: layers", len(losses), layers)
            yield Attended(layer, of_layer, gradient, edits.get(layer))

    for block in in_blocks(attended(), model.limits.pairs):
        found += flows(block, anchors, length, heads, model.limits.pairs)
    for one in on_host(found):
        target_row, label_rows = one.into_target.numpy(), one.into_labels.numpy()
        raw[:, one.layer] = three_means(float(one.total), target_row, label_rows, anchors)
        into_target[one.layer] = target_row
        into_labels[one.layer] = of_demonstrations(label_rows, encoded)
    return QueryFlow(query, float(losses[0].cpu()), loss_target, raw, into_target, into_labels)


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
