"""Recency: is the class answered that was shown last?

Over orders of the same demonstrations the share of answers that are the class shown last, less the mean share of that
class in the orders where it is not last. If it does not matter which class is last, exchanging the last classes among
the orders changes nothing: a permutation test says how often chance does as much.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from icldiag.analyses.effect import SIGNIFICANT
from icldiag.analyses.overview.stability import Stability
from icldiag.model.readout import IntArray

PERMUTATIONS = 2000


@dataclass(frozen=True)
class Recency:
    """Over the present order and the others."""

    last: float  # mean share of answers that are the class shown last
    otherwise: float  # of the same classes where they are not last
    p_value: float  # one-sided: of at least this excess by chance
    orders: int

    @property
    def excess(self) -> float:
        return self.last - self.otherwise

    @property
    def sure(self) -> bool:
        """Whether the class shown last is answered more often than chance has it."""
        return self.excess > 0 and self.p_value < SIGNIFICANT


def recency(stability: Stability) -> Recency | None:
    """None where the orders do not differ in the class that is last."""
    runs = [(stability.last, stability.predicted), *((order.last, order.predicted) for order in stability.orders)]
    lasts = np.array([last for last, _ in runs])
    if len(set(lasts.tolist())) < 2:
        return None
    classes = stability.scores.shape[1]
    shares = np.array([np.bincount(predicted, minlength=classes) / len(predicted) for _, predicted in runs])  # (o, C)

    def means(lasts: IntArray) -> tuple[float, float]:
        own, others = [], []
        for label in np.unique(lasts):
            here = lasts == label
            own += shares[here, label].tolist()
            others += [float(shares[~here, label].mean())] * int(here.sum())
        return float(np.mean(own)), float(np.mean(others))

    found, otherwise = means(lasts)
    generator = np.random.default_rng(stability.seed)
    drawn = [means(generator.permutation(lasts)) for _ in range(PERMUTATIONS)]
    as_much = sum(own - others >= found - otherwise - 1e-12 for own, others in drawn)
    return Recency(found, otherwise, (1 + as_much) / (1 + PERMUTATIONS), len(runs))
