"""Numbers with their uncertainty. All intervals are of 95 %.

A share has Wilson's score interval (1927). An AUC has the score interval of Newcombe (2006, method 5), which is to
Mann-Whitney's statistic what Wilson's is to a share: it is not empty where all pairs are in order, nor with few of
them. Numbers that have no such formula are bootstrapped over the queries.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from icldiag.model.readout import FloatArray, IntArray

Z = 1.959964  # of a standard normal, two-sided 95 %


@dataclass(frozen=True)
class Estimate:
    """A measured number and its interval."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:.2f} ({self.low:.2f} to {self.high:.2f})"


def share(right: int, count: int) -> Estimate:
    """A share with Wilson's interval. Raises ValueError without any."""
    if count < 1:
        raise ValueError("a share of nothing")
    p, spread = right / count, Z * Z / count
    centre = (p + spread / 2) / (1 + spread)
    half = Z * math.sqrt(p * (1 - p) / count + spread / (4 * count)) / (1 + spread)
    return Estimate(p, max(0.0, min(p, centre - half)), min(1.0, max(p, centre + half)))


def auc_estimate(auc: float, positives: int, negatives: int) -> Estimate:
    """An AUC from so many positives and negatives with Newcombe's interval. Raises ValueError without either."""
    if min(positives, negatives) < 1:
        raise ValueError("an AUC of one side")

    def inside(theta: float) -> bool:
        return (auc - theta) ** 2 <= (Z * auc_error(theta, positives, negatives)) ** 2

    return Estimate(auc, _border(inside, auc, 0.0), _border(inside, auc, 1.0))


def auc_error(auc: float, positives: int, negatives: int) -> float:
    """The standard error of an AUC that is this in truth (Newcombe 2006, method 5)."""
    more = (positives + negatives) / 2 - 1
    spread = auc * (1 - auc) * (1 + more * ((1 - auc) / (2 - auc) + auc / (1 + auc)))
    return float(np.sqrt(spread / (positives * negatives)))


def _border(inside: Any, start: float, end: float) -> float:
    """Where `inside` ends on the way from `start`, by halves."""
    if abs(end - start) < 1e-12:
        return end
    for _ in range(50):
        middle = (start + end) / 2
        start, end = (middle, end) if inside(middle) else (start, middle)
    return (start + end) / 2


def mean_test(values: FloatArray, groups: IntArray) -> float:
    """Two-sided p that the mean of values (n,) from fixed groups (n,) is 0; 1 where that is undefined.

    Only what differs within the groups is chance: Student's t with the pooled variance within them. Where the groups'
    own means differ, a test that takes all values as one sample loses most of its power.
    """
    freedom, error = _mean_error(values, groups)
    mean = float(values.mean())
    if freedom < 1 or mean == 0:
        return 1.0
    if error == 0:
        return 0.0
    from scipy.stats import t  # slow to import

    return float(2 * t.sf(abs(mean) / error, freedom))


def mean_estimate(values: FloatArray, groups: IntArray) -> Estimate:
    """The mean of values (n,) from fixed groups (n,) and its interval, as `mean_test` has it; NaN where undefined."""
    freedom, error = _mean_error(values, groups)
    mean = float(values.mean())
    if freedom < 1:
        return Estimate(mean, math.nan, math.nan)
    from scipy.stats import t  # slow to import

    half = float(t.ppf(0.975, freedom)) * error
    return Estimate(mean, mean - half, mean + half)


def _mean_error(values: FloatArray, groups: IntArray) -> tuple[int, float]:
    """Degrees of freedom, and the standard error of the mean by the pooled variance within the groups."""
    names, places = np.unique(groups, return_inverse=True)
    freedom = len(values) - len(names)
    means = np.bincount(places, values) / np.bincount(places)
    squares = float(((values - means[places]) ** 2).sum())
    return freedom, math.sqrt(squares / max(freedom, 1) / len(values))


def of_draws(value: float, draws: Sequence[float] | Any, count: int) -> Estimate | None:
    """The bootstrap's percentiles; None where the draws do not vary, which says nothing of the uncertainty.

    They are expanded as Hesterberg (2015, arXiv 1411.5279) says, since draws from few queries vary too little.

    Args:
        count: queries that were drawn from.
    """
    defined = np.asarray(draws, dtype=float)
    defined = defined[np.isfinite(defined)]
    if count < 2 or not defined.size or np.ptp(defined) == 0:
        return None
    from scipy.stats import norm, t  # slow to import

    outside = 100 * norm.cdf(t.ppf(0.025, count - 1) * math.sqrt(count / (count - 1)))
    low, high = np.percentile(defined, [outside, 100 - outside])
    return Estimate(value, min(value, float(low)), max(value, float(high)))


def log_likelihood(lead: float, own: Sequence[float], rival: Sequence[float]) -> float | None:
    """How much likelier a lead of one class over its rival is for a text of the rival's, in nats; None if undefined.

    The two classes' leads are taken to be normal with one variance, unknown, so that a further text has Student's t
    distribution around each mean.

    Args:
        own: leads of texts of the class.
        rival: leads of texts of its rival.
    """
    freedom = len(own) + len(rival) - 2
    if not len(own) or not len(rival) or freedom < 1:
        return None
    means = [float(np.mean(rival)), float(np.mean(own))]
    squares = float(np.var(own) * len(own) + np.var(rival) * len(rival))
    if means[1] <= means[0] or squares == 0:  # the prompt does not tell the classes apart
        return None
    from scipy.stats import t  # slow to import

    spread = np.sqrt(squares / freedom)
    counts = (len(rival), len(own))
    densities = [
        t.logpdf(lead, freedom, mean, spread * np.sqrt(1 + 1 / count))
        for mean, count in zip(means, counts, strict=True)
    ]
    return float(densities[0] - densities[1])


def times(nats: float) -> str:
    """Odds of so many nats, at least 1, as one would say them."""
    return "over 1000" if nats > math.log(1000) else f"{math.exp(nats):.{1 if nats < math.log(10) else 0}f}"
