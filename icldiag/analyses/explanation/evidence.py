"""All that a cause of one answer may be named for, and what a change must do to weigh."""

from __future__ import annotations

from dataclasses import dataclass

from icldiag.analyses.contest import HALF, Contest, Counterfactual
from icldiag.analyses.explanation.aggregation import AggregationEvidence
from icldiag.analyses.explanation.classes import ClassesEvidence
from icldiag.analyses.explanation.demonstrations import DemonstrationEffect
from icldiag.analyses.explanation.factors import Factor
from icldiag.analyses.explanation.favourite import Favourite
from icldiag.analyses.explanation.order import OrderEvidence
from icldiag.analyses.explanation.others import Check
from icldiag.analyses.explanation.prior import PriorEvidence
from icldiag.analyses.explanation.shares import Shares


@dataclass(frozen=True)
class Evidence:
    """All that a cause may be named for."""

    contest: Contest
    favourite: Favourite | None
    shares: Shares
    checks: tuple[Check | None, ...]
    prior: PriorEvidence
    demonstrations: tuple[DemonstrationEffect, ...]
    order: OrderEvidence
    classes: ClassesEvidence
    aggregation: AggregationEvidence
    overlap: bool

    def weighs(self, run: Counterfactual) -> bool:
        """Whether a change turns the answer or takes half of its lead."""
        return self.contest.weighs(run)

    def carries(self, place: int) -> bool:
        """Whether a factor's share is half of the lead or more."""
        return self.shares.nats[place] >= HALF * self.contest.lead > 0

    def is_mislabelled(self, factor: Factor) -> bool:
        """Whether a factor is a demonstration whose label is likelier wrong than right."""
        return any(effect.mislabelled for effect in self.demonstrations if effect.index == factor.demonstration)

    @property
    def mislabelled(self) -> int:
        """How many factors are demonstrations whose labels are likelier wrong: 0 or 1."""
        return sum(self.is_mislabelled(factor) for factor in self.shares.factors)

    @property
    def other_orders(self) -> bool:
        """Whether half of the other orders turn the answer or take half of its lead."""
        return most_weigh(self, self.order.runs)


def most_weigh(evidence: Evidence, runs: tuple[Counterfactual, ...]) -> bool:
    """Whether half of these changes turn the answer or take half of its lead."""
    return sum(map(evidence.weighs, runs)) >= HALF * len(runs) > 0
