"""Extraction: in which layers the target's attention to the label words decides the answer.

Wang et al. 2023, section 2.3 (arXiv 2305.14160). For each query and layer, the attention from the target to each
class's anchors, summed over heads and shots, is scored against the label that the MODEL predicted, as in the paper's
code (its author has also spoken of the true label, which `against="gold"` takes):

    AUCROC_l  ROC-AUC of those scores, one-vs-one and macro for more than two predicted classes
    R_l       sum_{i<=l} (AUCROC_i - 0.5) / sum_i (AUCROC_i - 0.5)

Labels that never occur there are dropped, and each row is then divided by its sum over the remaining ones. With two
remaining, the attention to the second one is scored as it is.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import ClassVar, Literal

import numpy as np

from icldiag.analyses.confusion.compute import roc_auc
from icldiag.analyses.prediction.compute import Predict, Prediction
from icldiag.analyses.request import Each, Request, Workbench
from icldiag.analyses.result import AnalysisResult
from icldiag.lazy import torch
from icldiag.model.forward import Edits, InstrumentedModel, Prefix
from icldiag.model.heads import Heads
from icldiag.model.label_words import label_words
from icldiag.model.readout import FloatArray, IntArray, Progress, read_queries, silent
from icldiag.prompt.encoded_prompt import EncodedPrompt

Against = Literal["predicted", "gold"]


@dataclass(frozen=True, repr=False)
class Extraction(AnalysisResult):
    """Attention from the target to the classes' anchors, and how well it tells the prediction."""

    labels: tuple[str, ...]
    against: Against  # the labels that AUCROC is taken against
    attention: FloatArray  # (n, L, C) summed over heads and shots
    aucroc: tuple[float | None, ...]  # per layer; None where undefined
    cumulative: tuple[float | None, ...]  # R_l
    denominator: float | None  # sum of AUCROC - 0.5: R_l means little where it is near 0
    missing: tuple[str, ...]  # what is undefined, and why


@dataclass(frozen=True)
class Extract(Request[Extraction]):
    """Attention from the target to the label words, and how well it predicts the answer, per layer."""

    against: Against = "predicted"
    job: ClassVar[str] = "extraction"

    def compute(self, bench: Workbench, progress: Progress, each: Each | None) -> Extraction:
        return extract(
            bench.model,
            bench.encoded,
            bench.prefix(progress),
            bench.ask(Predict(), progress),
            against=self.against,
            target_edits=bench.beta_edits,
            progress=progress,
        )


def extract(
    model: InstrumentedModel,
    encoded: EncodedPrompt,
    prefix: Prefix,
    prediction: Prediction,
    *,
    against: Against = "predicted",
    target_edits: Edits | None = None,
    progress: Progress = silent,
) -> Extraction:
    """Read the target's row of attention in every layer for every query; no other row is computed or kept."""
    classes, layers = len(prediction.labels), model.n_layers
    attention = np.zeros((len(encoded.queries), layers, classes))
    anchors = [(place, one.label_class) for one in encoded.demonstrations for place in one.anchors]
    positions = torch.tensor([place for place, _ in anchors], device=model.device)
    owner = torch.nn.functional.one_hot(torch.tensor([of for _, of in anchors], device=model.device), classes).float()
    rows = label_words(encoded).rows

    def observe(queries: tuple[int, ...], layer: int, heads: Heads) -> None:
        target = torch.tensor([heads.query.shape[2] - rows], device=heads.query.device)
        row = heads.attention(target)[:, :, 0]  # (B, H, S)
        edit = target_edits.get(layer) if target_edits else None
        if edit is not None and edit.factor is not None:
            row[..., : edit.factor.shape[1]] *= edit.factor.to(row)
        row = row[..., positions.to(row.device)]  # (B, H, anchors)
        attention[list(queries), layer] = (row.sum(1) @ owner.to(row.device)).double().cpu().numpy()

    read_queries(
        model, encoded, prefix, target_edits=target_edits, observe=observe, progress=progress, what="extraction"
    )
    return score_extraction(prediction, attention, against)


def score_extraction(prediction: Prediction, attention: FloatArray, against: Against = "predicted") -> Extraction:
    """AUCROC_l and R_l of attention (n, L, C) against the predicted labels, or the gold ones where they are known."""
    labels, scored = prediction.predicted, attention
    if against == "gold":
        labels = np.array([prediction.gold[query] for query in prediction.labelled], np.int64)
        scored = attention[list(prediction.labelled)]
    aucroc = tuple(aucroc_of_layer(scored[:, layer], labels) for layer in range(attention.shape[1]))
    missing: list[str] = []
    cumulative: tuple[float | None, ...] = (None,) * len(aucroc)
    denominator = None
    defined = [value for value in aucroc if value is not None]
    if len(defined) < len(aucroc):
        missing.append(
            f"no AUCROC and no R_l: {_why_undefined(prediction, against)}, so there is nothing to tell apart"
        )
    else:
        excess = np.cumsum(np.array(defined) - 0.5)
        denominator = float(excess[-1])
        if abs(denominator) < 1e-9:
            missing.append("no R_l: AUCROC - 0.5 sums to 0 over the layers")
        else:
            cumulative = tuple(float(value) for value in excess / denominator)
    return Extraction(prediction.labels, against, attention, aucroc, cumulative, denominator, tuple(missing))


def _why_undefined(prediction: Prediction, against: Against) -> str:
    if against == "predicted":
        return f"the model predicts {prediction.labels[int(prediction.predicted[0])]} for every query"
    if not prediction.labelled:
        return "no gold label is known"
    return f"every known gold label is {prediction.labels[prediction.gold[prediction.labelled[0]] or 0]}"


def aucroc_of_layer(scores: FloatArray, classes: IntArray) -> float | None:
    """One-vs-one macro ROC-AUC of (n, C) scores against classes (n,); None with fewer than two of them."""
    remaining = sorted(set(classes.tolist()))
    if len(remaining) < 2:
        return None
    if len(remaining) == 2:
        second = scores[:, remaining[1]]
        return roc_auc(second[classes == remaining[1]], second[classes == remaining[0]])
    kept = scores[:, remaining]
    total = kept.sum(axis=1, keepdims=True)
    shares = np.divide(kept, total, out=np.zeros_like(kept), where=total > 0)
    pairs = []
    for (i, a), (j, b) in combinations(enumerate(remaining), 2):
        of_a, of_b = shares[classes == a], shares[classes == b]
        pairs.append((roc_auc(of_a[:, i], of_b[:, i]) + roc_auc(of_b[:, j], of_a[:, j])) / 2)
    return float(np.mean(pairs))
