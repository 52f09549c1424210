"""Evidence as it may be, made by hand: factors that do not interact, and what each does alone."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from icldiag.analyses.contest import Contest, Counterfactual, counterfactual
from icldiag.analyses.explanation.demonstrations import DemonstrationEffect
from icldiag.analyses.explanation.evidence import Evidence
from icldiag.analyses.explanation.factors import Factor
from icldiag.analyses.explanation.others import Check
from icldiag.analyses.explanation.ranking import Cause, rank_causes
from icldiag.analyses.explanation.shares import Places, Shares
from icldiag.model.readout import FloatArray

NAMES = ("yes", "no", "other")
CONTEST = Contest(query=0, answer=0, rival=1, gold=1, lead=2.0)
STAYS, HALVES = np.array([2.0, 0.0, -1.0]), np.array([2.0, 1.0, -1.0])
TURNS = np.array([0.0, 3.0, -1.0])
HELPS = Check(12, 0.5, 0.1, 0.9, 3, 0)


def run(scores: FloatArray, change: str = "a change") -> Counterfactual:
    return counterfactual(CONTEST, change, scores)


def shares(*parts: tuple[Factor, FloatArray]) -> Shares:
    """Factors that do not interact, with what each does alone."""
    count = len(parts)
    runs = {Places(): run(STAYS)} | {Places({place}): run(scores) for place, (_, scores) in enumerate(parts)}
    runs[Places(range(count))] = run(STAYS) if count != 1 else runs[Places({0})]
    nats = tuple(2.0 - run(scores).lead for _, scores in parts)
    return Shares(tuple(factor for factor, _ in parts), nats, 2.0 - sum(nats), runs)


def effects(*odds: float) -> tuple[DemonstrationEffect, ...]:
    """Two of the answer's class with these log odds of a wrong label, by their texts, then two of the rival's."""
    return tuple(
        DemonstrationEffect(place, place // 2, run(STAYS), 0.0, 50.0, 0, 0.0, of, False, None, of)
        for place, of in enumerate((*odds, None, None))
    )


def with_factor(evidence: Evidence, factor: Factor, scores: FloatArray, checked: Check | None = None) -> Evidence:
    return replace(evidence, shares=shares((factor, scores)), checks=(checked,))


def only(evidence: Evidence) -> Cause:
    (cause,) = rank_causes(evidence, NAMES)
    return cause
