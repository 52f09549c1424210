"""The area under a ROC curve: the chance that a positive score exceeds a negative one, ties counting half."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from icldiag.model.readout import FloatArray

ENOUGH = 5  # scores of each side, below which an area is mostly chance and nothing is said for it


def roc_auc(positive: Sequence[float] | FloatArray, negative: Sequence[float] | FloatArray) -> float:
    """Of one set of scores; NaN where a side is empty."""
    return float(roc_aucs(np.asarray(positive, np.float64)[None], np.asarray(negative, np.float64)[None])[0])


def roc_aucs(positive: FloatArray, negative: FloatArray) -> FloatArray:
    """Of several sets of scores, (k, n) against (k, m): (k,); NaN where a side is empty."""
    n, m = positive.shape[1], negative.shape[1]
    if n == 0 or m == 0:
        return np.full(len(positive), np.nan)
    from scipy.stats import rankdata  # slow to import, and results are read without it

    ranks = rankdata(np.concatenate([positive, negative], axis=1), axis=1)
    return np.asarray((ranks[:, :n].sum(axis=1) - n * (n + 1) / 2) / (n * m))
