"""Evidence: is the label of one demonstration wrong? Tests that do not look at the query under explanation.

A wrong label misleads other queries as well. Over the labelled queries of the answer's and the rival's class the
suspected demonstration is given the rival's label, in this order and in others (an order may mislead by itself), and
the gain is the change of

    log p(gold) / (p(answer) + p(rival))

With the demonstration removed, how well are the two classes separated?
"""

from __future__ import annotations

import random
from dataclasses import dataclass

import numpy as np

from icldiag.analyses.explanation.contest import Contest
from icldiag.analyses.explanation.demonstrations import DemonstrationEffect
from icldiag.analyses.lab import Inquiry, Lab
from icldiag.analyses.orders import sample_orders
from icldiag.analyses.prediction.compute import Prediction
from icldiag.analyses.roc import roc_auc
from icldiag.model.readout import FloatArray

OTHER_ORDERS = 2  # in which the other label is tried, beside the present one
MOST_QUERIES = 24  # that are asked in each


@dataclass(frozen=True)
class SuspectEvidence:
    """What a suspected demonstration does to the labelled queries of the two classes."""

    effect: DemonstrationEffect
    gains: tuple[float, ...]  # nats, mean over queries, in this order and others; empty without other labelled queries
    auc_without: float | None  # ROC-AUC of p(answer) / p(rival), it removed; None without queries of both classes

    @property
    def gain(self) -> float | None:
        """The median over the orders."""
        return float(np.median(self.gains)) if self.gains else None


def suspect_of(contest: Contest, effects: tuple[DemonstrationEffect, ...]) -> DemonstrationEffect | None:
    """Of the answer's demonstrations that turn it, the one whose text reads most like the rival; None if there is none.

    Where none reads like the rival, the one that costs the answer most. The only demonstration of a class is no
    suspect: without it the class is not shown, and that its answer goes then says nothing.
    """
    turning = [effect for effect in effects if effect.label == contest.answer and not effect.alone and effect.turning]
    misread = [effect for effect in turning if effect.text_lead is not None and effect.text_lead < 0]
    if misread:
        return min(misread, key=lambda effect: effect.text_lead or 0.0)
    return min(turning, key=_lead_left, default=None)


def _lead_left(effect: DemonstrationEffect) -> float:
    """The lead that the answer has after the change that costs it more."""
    return min(run.lead for run in (effect.removed, effect.relabelled) if run is not None)


def suspect_evidence(
    lab: Lab, contest: Contest, suspect: DemonstrationEffect, prediction: Prediction, seed: int
) -> Inquiry[SuspectEvidence]:
    """Remove a demonstration, and give it the rival's label, for other queries than the one under explanation.

    Args:
        seed: draws the orders, and the queries where there are more than MOST_QUERIES.
    """
    places = _of_both(contest, prediction)
    others = [place for place in places if place != contest.query]
    others = sorted(random.Random(seed).sample(others, min(MOST_QUERIES, len(others))))
    orders = sample_orders(len(lab.prompt.demonstrations), seed)[:OTHER_ORDERS] if others else ()
    queries = [lab.prompt.queries[place] for place in others]
    relabelled = {suspect.index: contest.rival}
    kept = [place for place in range(len(lab.prompt.demonstrations)) if place != suspect.index]
    own = np.array([prediction.gold[place] == contest.answer for place in places], dtype=bool)  # (n,)
    both = bool(own.any() and not own.all())
    asked = [lab.question(queries, order, labels) for order in orders for labels in ({}, relabelled)]
    if others:
        asked.append(lab.question(queries, labels=relabelled))
    if both:
        asked.append(lab.question([lab.prompt.queries[place] for place in places], kept))
    answers = yield asked
    without = answers.pop() if both else None
    if others:
        answers = [prediction.scores[others], answers.pop(), *answers]
    sign = np.array([1.0 if prediction.gold[place] == contest.answer else -1.0 for place in others])  # (n,)
    losses = [float(np.mean(np.logaddexp(0, -sign * _leads(contest, scores)))) for scores in answers]
    gains = tuple(before - after for before, after in zip(losses[::2], losses[1::2], strict=True))
    auc = None
    if without is not None:
        leads = _leads(contest, without)
        auc = roc_auc(leads[own], leads[~own])
    return SuspectEvidence(suspect, gains, auc)


def _of_both(contest: Contest, prediction: Prediction) -> list[int]:
    """The queries whose gold label is either of the two."""
    return [place for place, label in enumerate(prediction.gold) if label in (contest.answer, contest.rival)]


def _leads(contest: Contest, scores: FloatArray) -> FloatArray:
    """(n,) leads in label scores (n, C)."""
    leads: FloatArray = scores[:, contest.answer] - scores[:, contest.rival]
    return leads
