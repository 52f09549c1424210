"""How well the scores separate the classes, whatever they lean to."""

from __future__ import annotations

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
