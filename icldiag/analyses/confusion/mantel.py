"""Does one matrix predict another? Mantel's test (1967, Cancer Research 27) of two matrices over the same classes.

Pairs share classes, so they are no independent samples: not pairs but classes are permuted, of one matrix against the
other. All orders of up to seven classes are tried, of more a thousand at random.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import permutations

import numpy as np

from icldiag.model.readout import FloatArray, IntArray

SURE = 0.05  # the p that is taken for an answer
_ALL_ORDERS_OF = 7  # classes
_ORDERS = 999  # drawn where there are more
_RESAMPLES = 9999  # of several prompts
_LEAST_FOR_AN_INTERVAL = 4
_ROUNDING = 1e-9


@dataclass(frozen=True)
class Mantel:
    """A rank correlation over the pairs of classes, against that in other orders of the classes.

    Of several prompts, it is the mean correlation.
    """

    spearman: float
    classes: int
    p: float  # share of the orders whose correlation is at least as large; this order is one of them
    least: float  # the smallest p that can be had with so few classes
    interval: tuple[float, float] | None  # 95 %; see the function that made it

    @property
    def predicts(self) -> bool:
        """Whether small numbers of the one matrix go with small numbers of the other, surely."""
        return self.spearman > 0 and self.p <= SURE

    @property
    def can_tell(self) -> bool:
        """Whether there are classes enough for any correlation to be sure."""
        return self.least <= SURE


def mantel(first: FloatArray, second: FloatArray) -> Mantel | None:
    """Test two symmetric matrices (C, C); a class that has no number in one of them is left out.

    The interval leaves out each class in turn (jackknife); None with fewer than four classes. The test is None with
    fewer than three, or where all numbers of a matrix are equal.
    """
    first, second = _complete(first, second)
    classes = len(first)
    if classes < 3:
        return None
    orders = _orders(classes)
    found = _correlations(first, second, orders)
    if found is None:
        return None
    rest = [np.delete(np.arange(classes), out) for out in range(classes)]
    without = [_correlations(first[np.ix_(kept, kept)], second[np.ix_(kept, kept)]) for kept in rest]
    return Mantel(
        float(found[0]), classes, _share(found, found[0]), 1 / len(orders), _jackknife(found[0], without, classes)
    )


def correlation(first: FloatArray, second: FloatArray) -> float | None:
    """Spearman's over the pairs of classes that have both numbers; None under three pairs, or without spread."""
    found = _correlations(*_complete(first, second))
    return None if found is None else float(found[0])


def pooled_mantel(matrices: Sequence[tuple[FloatArray, FloatArray]], seed: int = 0) -> Mantel | None:
    """Test the mean correlation of several prompts: the classes of each are permuted on their own.

    The interval is a bootstrap over the prompts; None with fewer than four. The test is None where that of each is.
    """
    random = np.random.default_rng(seed)
    pairs = [_complete(first, second) for first, second in matrices]
    of_each = [_correlations(first, second, _orders(len(first))) for first, second in pairs if len(first) > 2]
    defined = [found for found in of_each if found is not None]
    if not defined:
        return None
    observed = np.array([found[0] for found in defined])
    means = np.mean([random.choice(found, _RESAMPLES) for found in defined], axis=0)
    interval = None
    if len(defined) >= _LEAST_FOR_AN_INTERVAL:
        resampled = random.choice(observed, (_RESAMPLES, len(observed))).mean(axis=1)
        low, high = np.quantile(resampled, (0.025, 0.975))
        interval = (float(low), float(high))
    p = _share(np.append(means, observed.mean()), observed.mean())
    least = max(1 / (1 + _RESAMPLES), float(np.prod([1 / len(found) for found in defined])))
    return Mantel(float(observed.mean()), max(len(first) for first, _ in pairs), p, least, interval)


def _complete(first: FloatArray, second: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Both matrices of the classes that have numbers in both."""
    off = ~np.eye(len(first), dtype=bool)
    defined = [(~np.isnan(matrix) & off).any(axis=1) for matrix in (first, second)]  # (C,) each
    kept = np.flatnonzero(defined[0] & defined[1])
    return first[np.ix_(kept, kept)], second[np.ix_(kept, kept)]


def _orders(classes: int) -> IntArray:
    """(orders, classes): all of them or a sample; the first is the given one."""
    if classes <= _ALL_ORDERS_OF:
        return np.array(list(permutations(range(classes))), np.int64).reshape(-1, classes)
    random = np.random.default_rng(0)
    drawn = random.permuted(np.tile(np.arange(classes), (_ORDERS, 1)), axis=1)
    return np.concatenate([np.arange(classes)[None], drawn])


def _correlations(first: FloatArray, second: FloatArray, orders: IntArray | None = None) -> FloatArray | None:
    """Spearman's correlation over pairs with the classes of the first matrix in each order; None where undefined."""
    from scipy.stats import rankdata  # slow to import, and results are read without it

    rows, columns = np.triu_indices(len(first), 1)
    if len(rows) < 3:
        return None
    ranks = [rankdata(matrix[rows, columns]) for matrix in (first, second)]
    centred = [rank - rank.mean() for rank in ranks]
    norm = math.sqrt(float((centred[0] ** 2).sum() * (centred[1] ** 2).sum()))
    if norm == 0 or np.isnan(norm):
        return None
    square = np.zeros(first.shape)
    square[rows, columns] = square[columns, rows] = centred[0]
    if orders is None:
        orders = np.arange(len(first))[None]
    return np.asarray(square[orders[:, rows], orders[:, columns]] @ centred[1] / norm)


def _share(found: FloatArray, observed: float) -> float:
    return float((found >= observed - _ROUNDING).mean())


def _jackknife(observed: float, without: Sequence[FloatArray | None], classes: int) -> tuple[float, float] | None:
    left = [float(one[0]) for one in without if one is not None]
    if classes < _LEAST_FOR_AN_INTERVAL or len(left) < classes:
        return None
    deviation = math.sqrt((classes - 1) * float(np.var(left)))
    return max(-1.0, observed - 1.96 * deviation), min(1.0, observed + 1.96 * deviation)
