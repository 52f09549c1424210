"""Extraction: where the target's attention goes, and whether what label words get of it tells the answer.

Wang et al. 2023, section 2.3 (arXiv 2305.14160). For each query and layer, the attention from the target to each
class's anchors, summed over heads and shots, is scored against the label that the MODEL predicted, as in the paper's
code (its author has also spoken of the true label, which `against="gold"` takes):

    AUCROC_l  ROC-AUC of those scores, one-vs-one and macro for more than two predicted classes
    R_l       sum_{i<=l} (AUCROC_i - 0.5) / sum_i (AUCROC_i - 0.5)

Labels that never occur there are dropped, and each row is then divided by its sum over the remaining ones. With two
remaining, the attention to the second one is scored as it is.

AUCROC compares one label's attention between queries, so it can be high where the label with the most attention is
mostly another than the answer, and it is blind to how much label words get at all. Two numbers stand beside it:

    agreement     share of the queries whose most attended label is the one predicted
    destinations  shares of the target's attention, mean over heads, that go to the parts of the prompt

Only tokens share it: what a head gives to an attention sink that is no token is left out. Both are read in the
prediction's own pass, see `icldiag.model.target`; nothing here runs the model.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from itertools import combinations
from typing import ClassVar, Literal

import numpy as np

from icldiag.analyses.prediction.compute import Predict, Prediction
from icldiag.analyses.request import Each, Request, Workbench
from icldiag.analyses.result import AnalysisResult
from icldiag.analyses.roc import ENOUGH, roc_aucs
from icldiag.model.readout import FloatArray, IntArray, Progress
from icldiag.prompt.destinations import LABEL_WORDS

Against = Literal["predicted", "gold"]


@dataclass(frozen=True, repr=False)
class Extraction(AnalysisResult):
    """Attention from the target to the classes' anchors, and how well it tells the prediction."""

    labels: tuple[str, ...]
    against: Against  # the labels that AUCROC is taken against
    targets: tuple[int | None, ...]  # those labels, query by query; None where gold is unknown
    attention: FloatArray  # (n, L, C) summed over heads and shots
    destinations: FloatArray  # (n, L, len(DESTINATIONS)) shares of all attention to tokens
    aucroc: tuple[float | None, ...]  # per layer; None where undefined
    cumulative: tuple[float | None, ...]  # R_l
    denominator: float | None  # sum of AUCROC - 0.5: R_l means little where it is near 0
    missing: tuple[str, ...]  # what is undefined, and why

    @property
    def layer(self) -> int:
        """The layer of the largest AUCROC, or where that is undefined of the most attention to label words."""
        if all(value is None for value in self.aucroc):
            return int(self.destinations[..., LABEL_WORDS].mean(axis=0).argmax())
        return int(np.argmax([-1.0 if value is None else value for value in self.aucroc]))

    def agreeing(self, layer: int) -> tuple[int, int]:
        """Queries whose most attended label is their target, of those whose target is known and attends to any."""
        found = [
            int(row.argmax()) == target
            for row, target in zip(self.attention[:, layer], self.targets, strict=True)
            if target is not None and row.max() > 0
        ]
        return sum(found), len(found)

    @property
    def agreement(self) -> tuple[float | None, ...]:
        """(L,) share of the queries whose most attended label is their target; None where there are none."""
        counts = [self.agreeing(layer) for layer in range(len(self.aucroc))]
        return tuple(hits / count if count else None for hits, count in counts)

    @property
    def commonest(self) -> tuple[int, int] | None:
        """The commonest target, and how many queries have it; None where no target is known."""
        counts = Counter(target for target in self.targets if target is not None)
        return counts.most_common(1)[0] if counts else None

    @property
    def enough(self) -> bool:
        """Whether at least two labels have enough queries for an AUCROC."""
        return sum(count >= ENOUGH for label, count in Counter(self.targets).items() if label is not None) >= 2


@dataclass(frozen=True)
class Extract(Request[Extraction]):
    """Attention from the target to the label words, and how well it predicts the answer, per layer."""

    against: Against = "predicted"
    job: ClassVar[str] = "extraction"
    of_demonstrations: ClassVar[bool] = True

    def compute(self, bench: Workbench, progress: Progress, each: Each | None) -> Extraction:
        target = bench.readout(progress).target
        assert target is not None  # a bench's readout has it
        return score_extraction(bench.ask(Predict(), progress), target.attention, target.destinations, self.against)


def score_extraction(
    prediction: Prediction, attention: FloatArray, destinations: FloatArray, against: Against = "predicted"
) -> Extraction:
    """AUCROC_l and R_l of attention (n, L, C) against the predicted labels, or the gold ones where they are known."""
    targets = tuple(map(int, prediction.predicted)) if against == "predicted" else prediction.gold
    known = [query for query, target in enumerate(targets) if target is not None]
    labels = np.array([targets[query] for query in known], np.int64)
    aucroc = aucroc_of_layers(attention[known], labels)
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
    return Extraction(
        labels=prediction.labels,
        against=against,
        targets=targets,
        attention=attention,
        destinations=destinations,
        aucroc=aucroc,
        cumulative=cumulative,
        denominator=denominator,
        missing=tuple(missing),
    )


def _why_undefined(prediction: Prediction, against: Against) -> str:
    if len(prediction.texts) == 1:
        return "there is one query"
    if against == "predicted":
        return f"the model predicts {prediction.labels[int(prediction.predicted[0])]} for every query"
    if not prediction.labelled:
        return "no gold label is known"
    return f"every known gold label is {prediction.labels[prediction.gold[prediction.labelled[0]] or 0]}"


def aucroc_of_layers(attention: FloatArray, classes: IntArray) -> tuple[float | None, ...]:
    """One-vs-one macro ROC-AUC, per layer, of attention (n, L, C) against classes (n,); None with fewer than two."""
    remaining = sorted(set(classes.tolist()))
    if len(remaining) < 2:
        return tuple(None for _ in range(attention.shape[1]))
    of_layers = attention.transpose(1, 2, 0)  # (L, C, n)
    if len(remaining) == 2:
        second = of_layers[:, remaining[1]]
        return _numbers(roc_aucs(second[:, classes == remaining[1]], second[:, classes == remaining[0]]))
    kept = of_layers[:, remaining]
    total = kept.sum(axis=1, keepdims=True)
    shares = np.divide(kept, total, out=np.zeros_like(kept), where=total > 0)
    pairs = []
    for (i, a), (j, b) in combinations(enumerate(remaining), 2):
        of_a, of_b = shares[..., classes == a], shares[..., classes == b]
        pairs.append((roc_aucs(of_a[:, i], of_b[:, i]) + roc_aucs(of_b[:, j], of_a[:, j])) / 2)
    return _numbers(np.mean(pairs, axis=0))


def _numbers(values: FloatArray) -> tuple[float, ...]:
    return tuple(float(value) for value in values)
