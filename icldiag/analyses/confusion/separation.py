"""How well the scores separate the classes, whatever they lean to."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

import numpy as np

from icldiag.analyses.prediction.compute import Prediction
from icldiag.analyses.roc import roc_auc
from icldiag.model.readout import FloatArray, IntArray


def pairwise_auc(prediction: Prediction) -> FloatArray:
    """(C, C) ROC-AUC of p_i / p_j between gold-i and gold-j queries; NaN without queries of both."""
    with np.errstate(divide="ignore"):
        logs = np.log(prediction.probabilities)
    return separation(logs, np.array([-1 if label is None else label for label in prediction.gold]))


def separation(scores: FloatArray, gold: IntArray) -> FloatArray:
    """The same of label scores (n, C), up to a constant of each query, and gold labels (n,), -1 where unknown."""
    classes = scores.shape[1]
    auc = np.full((classes, classes), np.nan)
    np.fill_diagonal(auc, 1.0)
    for i, j in combinations(range(classes), 2):
        ratio = scores[:, i] - scores[:, j]  # the logarithm of p_i / p_j keeps the order and cannot overflow
        auc[i, j] = auc[j, i] = roc_auc(ratio[gold == i], ratio[gold == j])
    return auc


def drawn(count: int, draws: int, seed: int) -> FloatArray:
    """(draws, n) how often each of n queries is drawn, with replacement."""
    weights = np.random.default_rng(seed).multinomial(count, np.full(count, 1 / count), size=draws)
    return np.asarray(weights, np.float64)


def mean_auc_draws(scores: FloatArray, gold: IntArray, weights: FloatArray) -> FloatArray:
    """(draws,) means over the pairs of labels, of queries (n, C) that are drawn so often (draws, n)."""
    total, pairs = np.zeros(len(weights)), np.zeros(len(weights))
    for auc in _pair_draws(scores, gold, weights):
        defined = np.isfinite(auc)
        total += np.where(defined, auc, 0)
        pairs += defined
    return np.asarray(np.divide(total, pairs, out=np.full(len(weights), np.nan), where=pairs > 0))


def _pair_draws(scores: FloatArray, gold: IntArray, weights: FloatArray) -> Iterator[FloatArray]:
    """(draws,) of each pair; NaN where a draw has no query of either class."""
    places = {int(label): np.flatnonzero(gold == label) for label in np.unique(gold)}
    for a, b in combinations(places, 2):
        lead = scores[:, a] - scores[:, b]
        mine, yours = lead[places[a], None], lead[None, places[b]]
        above = (mine > yours) + 0.5 * (mine == yours)  # (n_a, n_b)
        first, second = weights[:, places[a]], weights[:, places[b]]
        count = first.sum(1) * second.sum(1)
        won = ((first @ above) * second).sum(1)
        yield np.divide(won, count, out=np.full(len(count), np.nan), where=count > 0)
