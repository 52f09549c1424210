"""How right the answers are: accuracy, and the measures in which every class counts alike.

    recall_c = right among gold c,   precision_c = right among answered c,   F1_c = their harmonic mean
    balanced accuracy = mean recall over the classes that are gold labels of queries
    macro-F1 = mean F1 over the classes that are gold labels or answers

Where some classes have many more queries than others, always answering these is accurate: macro measures then decide
(`criterion`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from icldiag.analyses.effect import SIGNIFICANT
from icldiag.analyses.estimates import Estimate, of_draws, share
from icldiag.model.readout import FloatArray, IntArray

Criterion = Literal["accuracy", "balanced accuracy"]

DRAWS = 500  # of the bootstrap
_AT_A_TIME = 50  # bounds memory: a draw has a number for each cell of the table


@dataclass(frozen=True)
class Measures:
    """Of the labelled queries. Intervals are of 95 %; None where the bootstrap has nothing that varies."""

    count: int
    right: int
    accuracy: Estimate
    balanced_accuracy: float
    balanced_interval: Estimate | None
    macro_f1: float
    macro_interval: Estimate | None
    commonest: int  # class index of the commonest gold label ...
    baseline: float  # ... and the accuracy of always answering it
    chance: float  # 1 / C
    balanced_baseline: float  # the balanced accuracy of always answering any one of the gold labels
    criterion: Criterion

    @property
    def imbalanced(self) -> bool:
        return self.criterion == "balanced accuracy"

    @property
    def no_better(self) -> bool:
        """Whether one answer for all may be as good, by what choices are made by."""
        if not self.imbalanced:
            return self.accuracy.low <= max(self.baseline, self.chance)
        interval = self.balanced_interval
        return (self.balanced_accuracy if interval is None else interval.low) <= self.balanced_baseline


def labelled(gold: Sequence[int | None]) -> IntArray:
    """(m,) places of the queries whose gold label is known."""
    return np.array([place for place, label in enumerate(gold) if label is not None], dtype=np.int64)


def measures(predicted: IntArray, gold: Sequence[int | None], classes: int, seed: int = 0) -> Measures | None:
    """Measure answers (n,), class indices, against gold labels; None where no gold label is known.

    Args:
        seed: of the bootstrap over the labelled queries.
    """
    places = labelled(gold)
    if not places.size:
        return None
    wanted = np.array([gold[place] for place in places], dtype=np.int64)
    cells, counts = np.unique(wanted * classes + predicted[places], return_counts=True)
    table = _Cells(cells // classes, cells % classes, classes)
    generator = np.random.default_rng(seed)
    drawn = [
        table.macro(generator.multinomial(len(places), counts / len(places), size=_AT_A_TIME))
        for _ in range(DRAWS // _AT_A_TIME)
    ]
    ((balanced,), (f1,)) = table.macro(counts[None])
    commonest, most = Counter(wanted.tolist()).most_common(1)[0]
    right = int((predicted[places] == wanted).sum())
    return Measures(
        count=len(places),
        right=right,
        accuracy=share(right, len(places)),
        balanced_accuracy=float(balanced),
        balanced_interval=of_draws(float(balanced), np.concatenate([draw[0] for draw in drawn]), len(places)),
        macro_f1=float(f1),
        macro_interval=of_draws(float(f1), np.concatenate([draw[1] for draw in drawn]), len(places)),
        commonest=commonest,
        baseline=most / len(places),
        chance=1 / classes,
        balanced_baseline=1 / len(np.unique(wanted)),
        criterion=criterion(gold, classes),
    )


@dataclass(frozen=True)
class _Cells:
    """The cells of a gold x answer table that are not empty."""

    gold: IntArray  # (cells,)
    answer: IntArray  # (cells,)
    classes: int

    def macro(self, counts: NDArray[np.int64]) -> tuple[FloatArray, FloatArray]:
        """Balanced accuracy and macro-F1, (draws,) each, of tables with these counts, (draws, cells)."""
        of_gold, answered, right = np.zeros((3, len(counts), self.classes))
        for cell, (gold, answer) in enumerate(zip(self.gold, self.answer, strict=True)):
            of_gold[:, gold] += counts[:, cell]
            answered[:, answer] += counts[:, cell]
            if gold == answer:
                right[:, gold] = counts[:, cell]
        shown, either = of_gold > 0, of_gold + answered > 0
        recall = np.divide(right, of_gold, out=np.zeros_like(right), where=shown)
        f1 = np.divide(2 * right, of_gold + answered, out=np.zeros_like(right), where=either)
        return recall.sum(1) / shown.sum(1), f1.sum(1) / either.sum(1)


def criterion(gold: Sequence[int | None], classes: int) -> Criterion:
    """What choices are made by: balanced accuracy where the gold labels are not equally frequent.

    That is where the chi-squared test rejects that the labelled queries were drawn from equally frequent classes
    (p < 0.05); with few queries of many classes it seldom does.
    """
    found = Counter(label for label in gold if label is not None)
    counts = [found.get(label, 0) for label in range(classes)]
    if len(counts) < 2 or not sum(counts):
        return "accuracy"
    from scipy.stats import chisquare  # slow to import

    return "balanced accuracy" if chisquare(counts).pvalue < SIGNIFICANT else "accuracy"


def score(predicted: IntArray, gold: Sequence[int | None], by: Criterion) -> float | None:
    """Accuracy or balanced accuracy of answers (n,); None where no gold label is known."""
    places = labelled(gold)
    if not places.size:
        return None
    wanted = np.array([gold[place] for place in places])
    right = predicted[places] == wanted
    if by == "accuracy":
        return float(right.mean())
    return float(np.mean([right[wanted == label].mean() for label in np.unique(wanted)]))
