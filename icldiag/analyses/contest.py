"""What an explanation is about: why one label was answered and not another; and what a change did to that."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from icldiag.analyses.prediction.compute import Prediction
from icldiag.model.readout import FloatArray

HALF = 1 / 2  # of the lead, or of the other orders
TIE = 1e-5  # nats; padded batches move scores by about 1e-6


@dataclass(frozen=True)
class Contest:
    """Why `answer` and not `rival`? The rival of a wrong answer is the gold label, of any other the runner-up."""

    query: int
    answer: int
    rival: int
    gold: int | None
    lead: float  # log p(answer) / p(rival) in nats; not negative

    @property
    def wrong(self) -> bool:
        return self.gold is not None and self.gold != self.answer

    @property
    def tie(self) -> bool:
        """Whether the two are as close as padding moves scores: which of them is answered says nothing."""
        return self.lead <= TIE

    def weighs(self, run: Counterfactual) -> bool:
        """Whether a change turns the answer or takes half of its lead."""
        return run.turned or self.lead - run.lead >= HALF * self.lead > 0

    def lead_in(self, scores: FloatArray) -> float:
        """The lead in other label scores (C,) of the same query."""
        return float(scores[self.answer] - scores[self.rival])


def contest_of(prediction: Prediction, query: int) -> Contest:
    """The contest of one query."""
    answer, rival = int(prediction.predicted[query]), prediction.rival(query)
    scores = prediction.scores[query]
    return Contest(query, answer, rival, prediction.gold[query], float(scores[answer] - scores[rival]))


@dataclass(frozen=True)
class Counterfactual:
    """One change that was run, and what became of the query's answer."""

    change: str  # what was done, as in "demonstration 3 removed"
    answer: int
    lead: float  # of the same two labels
    probability: float  # of the rival
    turned: bool  # the rival is answered now


def counterfactual(contest: Contest, change: str, scores: FloatArray) -> Counterfactual:
    """Describe what label scores (C,) under a change say."""
    chances = np.exp(scores - scores.max())
    answer = int(scores.argmax())
    best = np.delete(scores, contest.rival).max()
    turned = bool(scores[contest.rival] > best + TIE)  # a tie turns nothing
    probability = float(chances[contest.rival] / chances.sum())
    return Counterfactual(change, answer, contest.lead_in(scores), probability, turned)


def percentile(value: float, among: Sequence[float]) -> float | None:
    """Per cent of the numbers that are smaller, ties counting half; None where there are fewer than two numbers."""
    if len(among) < 2:
        return None
    values = np.asarray(among)
    return float(100 * ((values < value).mean() + (values == value).mean() / 2))
