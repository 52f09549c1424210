"""The verdict: what is wrong with the prompt as a whole, by rules that follow from what the words mean.

- one label: every answer is the same.
- too often: a label is answered for more queries of other classes than its own queries are answered otherwise, more
  so than chance does (McNemar's exact test, corrected for the number of labels after Holm's first step).
- no better: always answering the commonest label is within the interval of the accuracy, or above it; of the balanced
  accuracy where the gold labels are not equally frequent, as every choice then (`measures.criterion`).
- errors, right, unlabelled, single: what is left.

Where neither of the first two is so, a label still draws the errors to it if three of four are answered it, three at
least. That is what is seen, and no more than that: of few errors chance does as much.

A lean hides what the scores know where a calibration, never fitted on the queries that it is measured on, makes more
answers right than chance does.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from icldiag.analyses.effect import SIGNIFICANT, mcnemar, paired_interval
from icldiag.analyses.measures import labelled
from icldiag.analyses.overview.lean import Calibrated

if TYPE_CHECKING:
    from icldiag.analyses.overview.compute import Overview

FEWEST = 3  # errors that a label draws to it ...
MOST = 3 / 4  # ... and of all errors

Kind = Literal["one label", "too often", "no better", "errors", "right", "unlabelled", "single"]
Separated = Literal["yes", "no", "too few"]


@dataclass(frozen=True)
class Verdict:
    kind: Kind
    label: int | None  # that is answered always or too often, or else draws the errors to it
    separated: Separated | None  # whether the scores tell the labels apart better than chance; None if undefined
    hidden_by: Calibrated | None  # the calibration that shows that a lean hides it
    elsewhere: bool  # more than half of the queries would be answered with no label word at all


def verdict_of(overview: Overview) -> Verdict:
    kind, label = _kind(overview)
    return Verdict(kind, label, _separated(overview), _hidden_by(overview), _elsewhere(overview))


def _kind(overview: Overview) -> tuple[Kind, int | None]:
    answered = overview.answered
    only = int(answered.argmax()) if answered.max() == answered.sum() else None
    if len(overview.predicted) == 1:
        return "single", only
    if only is not None and (overview.measures is None or overview.measures.right < overview.measures.count):
        return "one label", only
    if overview.measures is None:
        return "unlabelled", None
    if overview.measures.right == overview.measures.count:
        return "right", None
    often = too_often(overview)
    if often is not None:
        return "too often", often
    return "no better" if overview.measures.no_better else "errors", draws_errors(overview)


def too_often(overview: Overview) -> int | None:
    """The label whose wrong answers exceed its missed queries by most, of those where that is more than chance."""
    likely = [
        label
        for label in range(len(overview.labels))
        if (found := excess(overview, label)).count > 0 and found.p_value * len(overview.labels) < SIGNIFICANT
    ]
    return max(likely, key=lambda label: excess(overview, label).count, default=None)


def draws_errors(overview: Overview) -> int | None:
    """The label that most errors are answered, if it is also more often answered wrongly than missed."""
    found = [excess(overview, label) for label in range(len(overview.labels))]
    errors, most = sum(one.taken for one in found), max(range(len(found)), key=lambda label: found[label].taken)
    drawn = found[most].taken
    return most if drawn >= max(FEWEST, MOST * errors) and found[most].count > 0 else None


@dataclass(frozen=True)
class Excess:
    """A label's answers to queries of other classes (`taken`) against its own queries answered otherwise (`missed`)."""

    taken: int
    missed: int
    queries: int  # labelled ones

    @property
    def count(self) -> int:
        return self.taken - self.missed

    @property
    def share(self) -> float:
        """Of the labelled queries: what could be right at most, were the label answered as often as it is right."""
        return self.count / self.queries

    @property
    def interval(self) -> tuple[float, float]:
        """Of the share, 95 %; `paired_interval`."""
        return paired_interval(self.taken, self.missed, self.queries)

    @property
    def p_value(self) -> float:
        """McNemar's exact test, two-sided."""
        return mcnemar(self.taken, self.missed)


def excess(overview: Overview, label: int) -> Excess:
    counts = overview.counts
    right = int(counts[label, label])
    return Excess(int(counts[:, label].sum()) - right, int(counts[label].sum()) - right, int(counts.sum()))


def _separated(overview: Overview) -> Separated | None:
    found = overview.separability
    if found is None:
        return None
    if round(found.auc.low, 2) > 0.5:  # as it is shown
        return "yes"
    return "no" if found.auc.high < _WELL else "too few"


_WELL = 0.75  # half of the way from chance to certainty: an interval up to there excludes a good separation


def _hidden_by(overview: Overview) -> Calibrated | None:
    """Of the calibrations that gain more than chance does, corrected for their number, the best.

    Where the gold labels are not equally frequent, what helps the frequent ones at the cost of the others is no gain.
    """
    if (
        overview.measures is None
        or overview.lean is None
        or _separated(overview) != "yes"
        or not labelled(overview.gold).size
    ):
        return None
    tried, imbalanced = overview.lean.calibrated, overview.measures.imbalanced

    def gain(one: Calibrated) -> float:
        return one.effect.balanced_gain if imbalanced else one.effect.net

    gaining = [one for one in tried if one.effect.net > 0 < gain(one) and one.effect.p_value * len(tried) < SIGNIFICANT]
    return max(gaining, key=lambda one: (gain(one), one.effect.likelihood_gain), default=None)


def _elsewhere(overview: Overview) -> bool:
    return 2 * overview.writing.elsewhere > len(overview.predicted)
