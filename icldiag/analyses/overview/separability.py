"""Do the scores tell the classes apart, wherever the border between them lies?

Per pair of classes the ROC-AUC of p_i / p_j, which factors the label prior out (see `confusion`); on the whole their
mean over the pairs (Hand and Till 2001). An AUC stays high where a lean of the prompt makes every answer the same.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from icldiag.analyses.confusion.separation import drawn, mean_auc_draws, pairwise_auc
from icldiag.analyses.estimates import Estimate, auc_estimate, of_draws
from icldiag.analyses.measures import labelled
from icldiag.analyses.prediction.compute import Prediction
from icldiag.analyses.roc import roc_auc
from icldiag.model.readout import FloatArray, IntArray

DRAWS = 200  # of the bootstrap
MOST = 1000  # labelled queries that the interval is taken from; the AUCs are those of all


@dataclass(frozen=True)
class Pair:
    """Two classes, a < b."""

    a: int
    b: int
    auc: Estimate


@dataclass(frozen=True)
class Separability:
    """Of C classes. Numbers without queries of both sides are NaN."""

    auc: Estimate  # the mean over the pairs of classes that have queries
    pairwise: FloatArray  # (C, C) symmetric, diagonal 1
    one_vs_rest: FloatArray  # (C,) of a class's probability, its queries against all others; a lean moves these
    worst: Pair | None  # the pair that is surest to be badly separated; None of two classes
    pairs: int  # that have queries of both classes
    sample: int  # labelled queries that the interval is taken from


def separability(prediction: Prediction, seed: int = 0) -> Separability | None:
    """None where there are not queries of at least two gold labels.

    Args:
        seed: of the bootstrap, with more than two classes.
    """
    places = labelled(prediction.gold)
    gold = np.array([prediction.gold[place] for place in places], dtype=np.int64)
    present, counts = np.unique(gold, return_counts=True)
    if len(present) < 2:
        return None
    auc = pairwise_auc(prediction)
    found = list(combinations(present.tolist(), 2))
    whole = float(np.mean([auc[pair] for pair in found]))
    of = dict(zip(present.tolist(), counts.tolist(), strict=True))
    if len(found) == 1:
        ((a, b),) = found
        estimate, worst, sample = auc_estimate(whole, of[a], of[b]), None, len(places)
    else:
        chosen = _sample(gold, seed)
        sample = len(chosen)
        draws = mean_auc_draws(prediction.scores[places[chosen]], gold[chosen], drawn(sample, DRAWS, seed))
        interval = of_draws(whole, draws, sample)
        mean = max(1, round(len(places) / len(present)))  # all pairs alike: as if there were one, of so many
        estimate = interval or auc_estimate(whole, mean, mean)
        pairs = [Pair(a, b, auc_estimate(float(auc[a, b]), of[a], of[b])) for a, b in found]
        worst = min(pairs, key=lambda pair: (pair.auc.high, pair.auc.value))
    return Separability(
        auc=estimate,
        pairwise=auc,
        one_vs_rest=_one_vs_rest(prediction.scores[places], gold),
        worst=worst,
        pairs=len(found),
        sample=sample,
    )


def _one_vs_rest(scores: FloatArray, gold: IntArray) -> FloatArray:
    """(C,) ROC-AUC of p / (1 - p)."""
    classes = scores.shape[1]
    found = np.full(classes, np.nan)
    for label in range(classes):
        others = np.delete(scores, label, axis=1)
        top = others.max(1, keepdims=True)
        odds = scores[:, label] - top[:, 0] - np.log(np.exp(others - top).sum(1))
        found[label] = roc_auc(odds[gold == label], odds[gold != label])
    return found


def _sample(gold: IntArray, seed: int) -> IntArray:
    places = list(range(len(gold)))
    return np.array(sorted(random.Random(seed).sample(places, min(MOST, len(places)))), dtype=np.int64)
