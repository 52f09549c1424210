"""What a change does to the other queries: a cause of one answer is checked on queries it was not named for.

Of the other labelled queries of the answer's and the rival's class, as many of each up to `MOST`, the gain is the mean
change of

    log p(gold) / (p(answer) + p(rival))

over the two classes with equal weight. What is wrong with the prompt costs these queries, and mending it helps them; a
change that only pushes all answers to the rival gains with one class what it loses with the other.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from icldiag.analyses.contest import Contest
from icldiag.analyses.explanation.factors import Factor, neutralised, read, read_off
from icldiag.analyses.lab import Inquiry, Lab
from icldiag.analyses.measures import labelled
from icldiag.analyses.prediction.compute import Prediction
from icldiag.analyses.roc import roc_auc
from icldiag.model.readout import FloatArray, IntArray

MOST = 12


@dataclass(frozen=True)
class Others:
    """Some other queries of the two classes, by their gold labels."""

    contest: Contest
    queries: tuple[int, ...]
    own: tuple[bool, ...]  # whether the gold label is the answer; else it is the rival
    scores: FloatArray  # (n, C) as the prompt is

    @property
    def both(self) -> bool:
        return any(self.own) and not all(self.own)

    def some(self, most: int) -> Others:
        """No more than so many, as many of each class as there are, up to half."""
        places: list[int] = []
        for side in (True, False):
            places += [place for place, own in enumerate(self.own) if own == side][: most // 2]
        places.sort()
        return Others(
            self.contest,
            tuple(self.queries[place] for place in places),
            tuple(self.own[place] for place in places),
            self.scores[places],
        )


@dataclass(frozen=True)
class Counts:
    """How many of some queries a change fixes and breaks."""

    queries: int
    mended: int  # wrong before, right now
    harmed: int


@dataclass(frozen=True)
class Check:
    """What a change does to them. `error` is the gain's standard error, None where a class has fewer than two."""

    queries: int
    gain: float
    error: float | None
    auc: float  # ROC-AUC of p(answer) / p(rival) between the two classes after the change
    mended: int  # wrong before, right now
    harmed: int
    every: Counts | None = None  # of all other labelled queries, where what the change does to them is read off

    @property
    def helps(self) -> bool:
        """Whether the gain is above what chance would make of it in one of 20 such draws."""
        return self.gain > 1.645 * (self.error or 0.0)


def others_of(contest: Contest, prediction: Prediction, seed: int) -> Others:
    """As many of each class as there are, up to half of `MOST`."""
    drawn: list[int] = []
    generator = random.Random(seed)
    for label in (contest.answer, contest.rival):
        places = [place for place, gold in enumerate(prediction.gold) if gold == label and place != contest.query]
        drawn += generator.sample(places, min(MOST // 2, len(places)))
    drawn.sort()
    own = tuple(prediction.gold[place] == contest.answer for place in drawn)
    return Others(contest, tuple(drawn), own, prediction.scores[drawn])


def check(others: Others, after: FloatArray) -> Check | None:
    """Label scores (n, C) of the same queries under a change; None where there are none of either class."""
    if not others.both:
        return None
    own, pair = np.array(others.own), (others.contest.answer, others.contest.rival)
    sign = np.where(own, 1.0, -1.0)
    gold = np.where(own, *pair)

    def losses(scores: FloatArray) -> FloatArray:
        found: FloatArray = np.logaddexp(0, -sign * (scores[:, pair[0]] - scores[:, pair[1]]))
        return found

    gains = losses(others.scores) - losses(after)
    parts = [gains[own], gains[~own]]
    error = None
    if all(len(part) > 1 for part in parts):
        error = float(np.sqrt(sum(part.var(ddof=1) / len(part) for part in parts)) / 2)
    turned = counts(others.scores, after, gold)
    gain = float(np.mean([part.mean() for part in parts]))
    leads = after[:, pair[0]] - after[:, pair[1]]
    auc = float(roc_auc(leads[own], leads[~own]))
    return Check(len(own), gain, error, auc, turned.mended, turned.harmed)


def counts(before: FloatArray, after: FloatArray, gold: IntArray) -> Counts:
    """Of label scores (n, C) before and after a change."""
    right, now = before.argmax(1) == gold, after.argmax(1) == gold
    return Counts(len(gold), int((now & ~right).sum()), int((right & ~now).sum()))


def likelihood(others: Others, scores: FloatArray) -> float:
    """Log-likelihood of their labels, in nats, by the scores (n, C) of the two classes; the lean between them, which is
    another cause, is first taken out as well as can be. Both classes have equal weight."""
    from scipy.optimize import minimize_scalar  # slow to import

    own = np.array(others.own)
    leads = scores[:, others.contest.answer] - scores[:, others.contest.rival]
    sign = np.where(own, 1.0, -1.0)
    weights = len(own) / 2 / np.where(own, own.sum(), (~own).sum())

    def loss(lean: float) -> float:
        return float((weights * np.logaddexp(0, -sign * (leads - lean))).sum())

    return -float(minimize_scalar(loss).fun)


def checks(
    lab: Lab, contest: Contest, factors: Sequence[Factor], others: Others, prediction: Prediction
) -> Inquiry[tuple[Check | None, ...]]:
    """What each factor, neutral alone, does to the other queries; to all of them where no query is asked for it."""
    if not others.both:
        return (None,) * len(factors)
    queries = [lab.prompt.queries[place] for place in others.queries]
    answers = iter(
        (
            yield [
                neutralised(lab, contest, [factor], lab.content_free if factor.divided else queries)
                for factor in factors
                if factor.scoring is None or not read_off(lab)
            ]
        )
    )
    places = [place for place in labelled(prediction.gold).tolist() if place != contest.query]
    gold, before = np.array([prediction.gold[place] for place in places], dtype=np.int64), prediction.scores[places]
    found = []
    for factor in factors:
        scored = factor.scoring is not None and read_off(lab)
        rows = others.scores if scored else next(answers)
        scores = read(lab, [factor], others.scores, rows) if factor.divided else read(lab, [factor], rows)
        checked = check(others, scores)
        if checked is not None and (scored or factor.divided):
            after = read(lab, [factor], before, rows if factor.divided else None)
            checked = replace(checked, every=counts(before, after, gold))
        found.append(checked)
    return tuple(found)
