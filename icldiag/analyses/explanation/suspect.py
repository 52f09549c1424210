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

from icldiag.analyses.confusion.compute import roc_auc
from icldiag.analyses.explanation.contest import Contest
from icldiag.analyses.explanation.demonstrations import DemonstrationEffect
from icldiag.analyses.explanation.order import sample_orders
from icldiag.analyses.explanation.variants import Variants
from icldiag.analyses.prediction.compute import Prediction
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
    variants: Variants, contest: Contest, suspect: DemonstrationEffect, prediction: Prediction, seed: int
) -> SuspectEvidence:
    """Remove a demonstration, and give it the rival's label, for other queries than the one under explanation.

    Args:
        seed: draws the orders, and the queries where there are more than MOST_QUERIES.
    """
    return SuspectEvidence(
        suspect,
        _gains(variants, contest, suspect.index, prediction, seed),
        _separation_without(variants, contest, suspect.index, prediction),
    )


def _gains(variants: Variants, contest: Contest, suspect: int, prediction: Prediction, seed: int) -> tuple[float, ...]:
    places = [place for place in _of_both(contest, prediction) if place != contest.query]
    if not places:
        return ()
    places = sorted(random.Random(seed).sample(places, min(MOST_QUERIES, len(places))))
    queries = [variants.prompt.queries[place] for place in places]
    sign = np.array([1.0 if prediction.gold[place] == contest.answer else -1.0 for place in places])  # (n,)
    gains = []
    for order in (None, *sample_orders(len(variants.prompt.demonstrations), seed)[:OTHER_ORDERS]):
        before = prediction.scores[places] if order is None else variants.ask(order, queries)
        after = variants.ask(order, queries, {suspect: contest.rival})
        loss = [np.logaddexp(0, -sign * _leads(contest, scores)) for scores in (before, after)]  # (n,) each
        gains.append(float(np.mean(loss[0] - loss[1])))
    return tuple(gains)


def _separation_without(variants: Variants, contest: Contest, suspect: int, prediction: Prediction) -> float | None:
    places = _of_both(contest, prediction)
    own = np.array([prediction.gold[place] == contest.answer for place in places])  # (n,)
    if own.all() or not own.any():
        return None
    kept = [place for place in range(len(variants.prompt.demonstrations)) if place != suspect]
    leads = _leads(contest, variants.ask(kept, [variants.prompt.queries[place] for place in places]))
    return roc_auc(leads[own], leads[~own])


def _of_both(contest: Contest, prediction: Prediction) -> list[int]:
    """The queries whose gold label is either of the two."""
    return [place for place, label in enumerate(prediction.gold) if label in (contest.answer, contest.rival)]


def _leads(contest: Contest, scores: FloatArray) -> FloatArray:
    """(n,) leads in label scores (n, C)."""
    leads: FloatArray = scores[:, contest.answer] - scores[:, contest.rival]
    return leads
