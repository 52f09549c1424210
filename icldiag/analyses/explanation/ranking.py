"""Which causes are named, and in which order. The rule is written down in docs/explanation.md.

A cause is named only if its counterfactual was run and the rival was answered. Among those that are named, one that a
second, independent test supports comes before one that stands alone; then the smaller change to the prompt comes before
the larger: one demonstration, two classes, the order, the prior, what the label words gather.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from icldiag.analyses.explanation.aggregation import AggregationEvidence
from icldiag.analyses.explanation.classes import ClassesEvidence
from icldiag.analyses.explanation.contest import Contest, Counterfactual
from icldiag.analyses.explanation.demonstrations import DemonstrationEffect
from icldiag.analyses.explanation.order import OrderEvidence
from icldiag.analyses.explanation.prior import PriorEvidence
from icldiag.analyses.explanation.suspect import SuspectEvidence

CauseKind = Literal["demonstration", "classes", "order", "prior", "aggregation"]
KINDS: tuple[CauseKind, ...] = ("demonstration", "classes", "order", "prior", "aggregation")  # smallest change first

MARGIN = 2.0  # nats by which one demonstration must stand out from any other of its class
CONFUSED = 0.75  # ROC-AUC of a pair below which its two classes are taken for each other
HALF = 1 / 2  # share of other orders that must answer the rival for the order to be named
HARM = 0.05  # nats that the other queries of the two classes may lose when a wrong label is mended ...
HELP = 0.5  # ... and that they must gain where the text itself does not read like the rival


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
    suspect: SuspectEvidence | None  # the demonstration that may carry a wrong label
    order: OrderEvidence
    classes: ClassesEvidence
    aggregation: AggregationEvidence


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
    tested, contest = evidence.suspect, evidence.contest
    if tested is None:
        return
    suspect, gain, auc = tested.effect, tested.gain, tested.auc_without
    turning, text_lead = suspect.turning, suspect.text_lead
    if turning is None or text_lead is None:
        return
    answer, rival = names[contest.answer], names[contest.rival]
    margin, by = _standing_out(evidence.demonstrations, suspect)
    before = f"{rival} before {answer}" if text_lead < 0 else f"{answer} before {rival}"
    support = [
        f"without it the prompt takes its text for {before} (by {abs(text_lead):.1f} nats), and it "
        f"{'stands out from' if margin > 0 else 'stays behind'} any other of {answer} by {abs(margin):.1f} nats {by}"
    ]
    misread, separated, counted = text_lead < 0, auc is None or auc >= CONFUSED, _majority(evidence)
    if gain is not None:
        misread = gain > -HARM if misread else gain >= HELP
        gains = f"{'gain' if gain >= 0 else 'lose'} {abs(gain):.2f} nats of log p(gold)"
        support.append(f"where it is labelled {rival}, the other queries of the two classes {gains}")
    if not separated:
        support.append(f"but without it the answers separate the two classes with AUC {auc:.2f} only")
    if counted:
        support.append(f"but {answer} has at least twice as many demonstrations as any other class")
    supported = misread and margin >= MARGIN and separated and not counted
    yield Cause("demonstration", turning, supported, "; ".join(support), suspect.index)


def _standing_out(effects: Sequence[DemonstrationEffect], suspect: DemonstrationEffect) -> tuple[float, str]:
    """By how many nats it stands out from the next of its class in one of three ways, and in which; the largest."""
    mates = [effect for effect in effects if effect.label == suspect.label and effect.index != suspect.index]
    return max(
        (_margin([mate.text_lead for mate in mates], suspect.text_lead), "in how its text reads"),
        (_margin(map(_lead, (mate.removed for mate in mates)), _lead(suspect.removed)), "of lead when removed"),
        (
            _margin(map(_lead, (mate.relabelled for mate in mates)), _lead(suspect.relabelled)),
            "of lead when relabelled",
        ),
    )


def _margin(others: Iterable[float | None], own: float | None) -> float:
    """By how much a lead is smaller than the smallest of the others."""
    leads = [lead for lead in others if lead is not None]
    return min(leads) - own if leads and own is not None else 0.0


def _lead(run: Counterfactual | None) -> float | None:
    return None if run is None else run.lead


def _classes(evidence: Evidence, names: tuple[str, ...]) -> Iterator[Cause]:
    found = evidence.classes
    if found.removed is None or not found.removed.turned or found.auc is None or found.auc >= CONFUSED:
        return
    without = None if evidence.suspect is None else evidence.suspect.auc_without
    mended = without is not None and without >= CONFUSED
    support = f"the answers separate the two classes with AUC {found.auc:.2f}"
    yield Cause("classes", found.removed, not mended, support)


def _order(evidence: Evidence, names: tuple[str, ...]) -> Iterator[Cause]:
    found = evidence.order
    if found.typical is None or found.turned is None or found.turned < HALF:
        return
    turned = sum(run.turned for run in found.runs)
    support = f"{turned} of {len(found.runs)} other orders answer {names[evidence.contest.rival]}"
    counted = _majority(evidence)
    if counted:
        support += ", but so does this order with as many demonstrations of each class"
    yield Cause("order", found.typical, not counted, support)


def _prior(evidence: Evidence, names: tuple[str, ...]) -> Iterator[Cause]:
    found = evidence.prior
    divided = [source.divided for source in found.sources if source.divided.turned]
    balanced = [run for run in found.balanced if run.turned]
    majority = _majority(evidence)
    if not divided and not majority:
        return
    leaning = sum(source.lean > 0 for source in found.sources)
    lasting = evidence.order.lean is not None and evidence.order.lean > 0
    support = f"{leaning} of {len(found.sources)} measurements of the prior favour {names[evidence.contest.answer]}"
    if lasting:
        support += ", and content-free queries do so in other orders too"
    if majority:
        support += (
            f"; it has at least twice as many demonstrations as any other class, and {len(balanced)} of "
            f"{len(found.balanced)} draws with as many of each answer {names[evidence.contest.rival]}"
        )
    supported = majority or (2 * leaning > len(found.sources) and lasting)
    yield Cause("prior", (divided or balanced)[0], supported, support)


def _majority(evidence: Evidence) -> bool:
    """Whether the answer's class is shown twice as often as any other, and balance makes the rival the answer."""
    counts, answer = evidence.prior.counts, evidence.contest.answer
    most = max(count for label, count in enumerate(counts) if label != answer)
    return counts[answer] >= 2 * most and evidence.prior.mended_by_balance


def _aggregation(evidence: Evidence, names: tuple[str, ...]) -> Iterator[Cause]:
    found, rival = evidence.aggregation, evidence.contest.rival
    if found.doubled is None or not found.doubled.turned:
        return
    weak = found.flow is not None and found.flow[rival] < float(np.mean(list(found.flow.values())))
    support = f"the flow into {names[rival]} is {'below' if weak else 'not below'} the mean of the classes"
    yield Cause("aggregation", found.doubled, weak, support)
