"""An explanation while it is computed: the evidence that is there. It has no shares yet, and names no cause."""

from __future__ import annotations

from dataclasses import dataclass

from icldiag.analyses.contest import Contest, contest_of
from icldiag.analyses.explanation.aggregation import AggregationEvidence
from icldiag.analyses.explanation.classes import ClassesEvidence
from icldiag.analyses.explanation.demonstrations import DemonstrationEffect
from icldiag.analyses.explanation.depth import DepthEvidence
from icldiag.analyses.explanation.favourite import Favourite
from icldiag.analyses.explanation.order import OrderEvidence
from icldiag.analyses.explanation.prior import PriorEvidence
from icldiag.analyses.prediction.compute import Prediction, TopToken


@dataclass(frozen=True)
class PartialExplanation:
    """What is known of one query's answer. Evidence is None while it is computed."""

    labels: tuple[str, ...]
    contest: Contest
    label_mass: float  # probability of the label words' first tokens over the whole vocabulary
    likeliest: TopToken  # over the whole vocabulary
    favourite: Favourite | None  # the prompt's own verdict, where it is about the answer
    demonstrations: tuple[DemonstrationEffect, ...] | None
    classes: ClassesEvidence | None
    order: OrderEvidence | None
    prior: PriorEvidence | None
    aggregation: AggregationEvidence | None
    depth: DepthEvidence | None

    @property
    def pair(self) -> tuple[str, str]:
        """The names of the answer and of its rival."""
        return self.labels[self.contest.answer], self.labels[self.contest.rival]


def without_evidence(prediction: Prediction, query: int) -> PartialExplanation:
    """What the predictions alone tell of one query."""
    return PartialExplanation(
        labels=prediction.labels,
        contest=contest_of(prediction, query),
        label_mass=float(prediction.label_mass[query]),
        likeliest=prediction.top_tokens[query][0],
        favourite=None,
        demonstrations=None,
        classes=None,
        order=None,
        prior=None,
        aggregation=None,
        depth=None,
    )
