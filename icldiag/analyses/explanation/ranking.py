"""Which causes are named, and in which order. The rule is written down in docs/explanation.md.

A cause is named only if its counterfactual was run and the rival was answered. Among those that are named, one that a
second, independent test supports comes before one that stands alone; then the smaller change to the prompt comes before
the larger: one demonstration, two classes, the order, the prior, what the label words gather.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np

from icldiag.analyses.explanation.aggregation import AggregationEvidence
from icldiag.analyses.explanation.classes import ClassesEvidence
from icldiag.analyses.explanation.contest import Contest, Counterfactual
from icldiag.analyses.explanation.demonstrations import DemonstrationEffect
from icldiag.analyses.explanation.order import OrderEvidence
from icldiag.analyses.explanation.prior import PriorEvidence

CauseKind = Literal["demonstration", "classes", "order", "prior", "aggregation"]
KINDS: tuple[CauseKind, ...] = ("demonstration", "classes", "order", "prior", "aggregation")  # smallest change first

CONFUSED = 0.75  # ROC-AUC of a pair below which its two classes are taken for each other
MOST = 2 / 3  # share of other orders that must answer the rival


@dataclass(frozen=True)
class Cause:
    """A cause that an intervention confirmed. `demonstration` is the one that is meant, if it is one."""

    kind: CauseKind
    confirmed_by: Counterfactual
    supported: bool  # a second test agrees
    support: str  # what that test found, in words
    demonstration: int | None = None


@dataclass(frozen=True)
class Evidence:
    """All that a cause may be named for."""

    contest: Contest
    prior: PriorEvidence
    demonstrations: tuple[DemonstrationEffect, ...]
    suspect: DemonstrationEffect | None  # the demonstration that the first test points at
    auc_without_suspect: float | None
    order: OrderEvidence
    classes: ClassesEvidence
    aggregation: AggregationEvidence


def suspect_of(contest: Contest, effects: tuple[DemonstrationEffect, ...]) -> DemonstrationEffect | None:
    """Of the answer's demonstrations without which the rival is answered, one called by the rival's name comes first,
    then the one whose removal costs the answer most; None if there is none."""
    turning = [
        effect
        for effect in effects
        if effect.label == contest.answer and effect.removed is not None and effect.removed.turned
    ]
    return min(
        turning,
        key=lambda effect: (effect.called != contest.rival or effect.alone, effect.removed_change or 0.0),
        default=None,
    )


def rank_causes(evidence: Evidence, names: tuple[str, ...]) -> tuple[Cause, ...]:
    """The confirmed causes, the most likely first; empty where nothing was confirmed."""
    tests: tuple[Callable[[Evidence, tuple[str, ...]], Iterator[Cause]], ...] = (
        _demonstration,
        _classes,
        _order,
        _prior,
        _aggregation,
    )
    causes = [cause for test in tests for cause in test(evidence, names)]
    return tuple(sorted(causes, key=lambda cause: (not cause.supported, KINDS.index(cause.kind))))


def _demonstration(evidence: Evidence, names: tuple[str, ...]) -> Iterator[Cause]:
    suspect, contest = evidence.suspect, evidence.contest
    if suspect is None or suspect.removed is None or suspect.called is None:
        return
    misnamed = suspect.called == contest.rival and not suspect.alone
    separated = evidence.auc_without_suspect is None or evidence.auc_without_suspect >= CONFUSED
    support = f"without it the prompt calls its text {names[suspect.called]}"
    yield Cause("demonstration", suspect.removed, misnamed and separated, support, suspect.index)


def _classes(evidence: Evidence, names: tuple[str, ...]) -> Iterator[Cause]:
    found = evidence.classes
    if found.removed is None or not found.removed.turned or found.auc is None or found.auc >= CONFUSED:
        return
    without = evidence.auc_without_suspect
    mended = without is not None and without >= CONFUSED
    support = f"the answers separate the two classes with AUC {found.auc:.2f}"
    yield Cause("classes", found.removed, not mended, support)


def _order(evidence: Evidence, names: tuple[str, ...]) -> Iterator[Cause]:
    found = evidence.order
    if found.median is None or not found.median.turned or found.turned is None:
        return
    turned = sum(run.turned for run in found.runs)
    support = f"{turned} of {len(found.runs)} other orders answer {names[evidence.contest.rival]}"
    yield Cause("order", found.median, found.turned >= MOST, support)


def _prior(evidence: Evidence, names: tuple[str, ...]) -> Iterator[Cause]:
    found = evidence.prior
    divided = [source for source in found.sources if source.divided.turned]
    balanced = [run for run in found.balanced if run.turned]
    mostly_balanced = 2 * len(balanced) > len(found.balanced)
    if not divided and not mostly_balanced:
        return
    leaning = [source for source in found.sources if source.lean > 0]
    lasting = evidence.order.lean is None or evidence.order.lean > 0
    support = (
        f"{len(leaning)} of {len(found.sources)} measurements of the prior favour {names[evidence.contest.answer]}"
        + (", and so do content-free queries in other orders" if lasting and evidence.order.leans else "")
    )
    confirmed = divided[0].divided if divided else balanced[0]
    yield Cause("prior", confirmed, 2 * len(leaning) > len(found.sources) and lasting, support)


def _aggregation(evidence: Evidence, names: tuple[str, ...]) -> Iterator[Cause]:
    found, rival = evidence.aggregation, evidence.contest.rival
    if found.doubled is None or not found.doubled.turned:
        return
    weak = found.flow is not None and found.flow[rival] < float(np.mean(list(found.flow.values())))
    support = f"the flow into {names[rival]} is {'below' if weak else 'not below'} the mean of the classes"
    yield Cause("aggregation", found.doubled, weak, support)
