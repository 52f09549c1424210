"""Supervised calibration: label scores are changed by an affine map that is fitted on labelled texts.

    z  =  W log p(. | x)  +  b  +  w v(x),  softmaxed over the labels,    W = a I + D,    b = a c + e

- affine (Gundem et al. 2025, arXiv 2505.23783): D is diagonal, so each label has a scale and a bias;
- matrix (matrix scaling, Guo et al. 2017, arXiv 1706.04599): D is full, so one label's score may speak for another;
- neighbours: the same, and w > 0: v(x) are the labels' shares of the votes of the examples nearest to x (`Votes`).

c is batch calibration's bias. The fit minimises the log-loss of the gold labels, each class with the same weight, plus
penalties on D, on e, on w and on log a, which weigh less the more texts there are: with few texts it is batch
calibration at a common scale, which does not change an answer; with many it may move each border between two labels and
turn it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np

from icldiag.model.readout import FloatArray
from icldiag.prompt.adjustments import LEAST, Calibration

# What a squared deviation costs, in nats of a text's log-loss. The common scale's is there for texts that are all
# answered right, which would drive it up for ever.
WEIGHT_PENALTY, BIAS_PENALTY, SCALE_PENALTY, VOTES_PENALTY = 1.0, 0.3, 0.01, 0.1
NEAREST = 10  # examples that vote
LARGEST = 100.0  # log a where exp stops: a step of the search may try more than a number holds, and no fit ends near it


def fit_affine(
    scores: FloatArray,
    gold: Sequence[int],
    kind: Literal["affine", "matrix", "neighbours"] = "affine",
    whole: bool = False,
    shares: FloatArray | None = None,
) -> Calibration:
    """The map that these texts ask for.

    Args:
        scores: (n, C) uncalibrated label scores.
        gold: (n,) class indices; a class without any text is moved by its mean probability alone.
        whole: whether scores are log-probabilities of whole label words.
        shares: (n, C) of the votes of the neighbours, none of which was found among texts left out with this one.
    """
    from scipy.optimize import minimize  # slow to import
    from scipy.special import log_softmax, softmax

    n, classes = scores.shape
    log_p = scores if whole else log_softmax(scores, axis=1)  # (n, C)
    right = np.eye(classes)[list(gold)]  # (n, C)
    weight = 1 / right.sum(0)[list(gold)]  # (n,)
    weight /= weight.sum()
    batch = -np.log(np.maximum(weight @ softmax(scores, axis=1), LEAST))  # (C,)
    mean = weight @ log_p  # (C,) taken off where D is applied, so that D alone moves no border of the mean text
    free = np.eye(classes) if kind == "affine" else np.ones((classes, classes))
    moved, centred, of_gold = log_p + batch, log_p - mean, (np.arange(n), list(gold))
    votes = np.zeros((n, classes)) if shares is None or kind != "neighbours" else shares

    def parts(parameters: FloatArray) -> tuple[float, float, FloatArray, FloatArray]:
        deviation, bias = parameters[2 : 2 + classes**2], parameters[2 + classes**2 :]
        return parameters[0], parameters[1], deviation.reshape(classes, classes) * free, bias

    def loss(parameters: FloatArray) -> tuple[float, FloatArray]:  # some thirty times a fit, so with little around it
        log_scale, voting, deviation, bias = parts(parameters)
        scale = np.exp(min(log_scale, LARGEST))
        z = scale * moved + centred @ deviation.T + bias + voting * votes
        z -= z.max(axis=1, keepdims=True)
        p = np.exp(z)
        total = p.sum(axis=1, keepdims=True)
        error = weight[:, None] * (p / total - right)  # d loss / d z, (n, C)
        penalty = WEIGHT_PENALTY * (deviation**2).sum() + BIAS_PENALTY * bias @ bias + SCALE_PENALTY * log_scale**2
        penalty += VOTES_PENALTY * voting**2
        gradient = np.empty_like(parameters)
        gradient[0] = scale * np.vdot(error, moved) + 2 * SCALE_PENALTY * log_scale / n
        gradient[1] = np.vdot(error, votes) + 2 * VOTES_PENALTY * voting / n
        gradient[2 : 2 + classes**2] = (free * (error.T @ centred) + 2 * WEIGHT_PENALTY * deviation / n).ravel()
        gradient[2 + classes**2 :] = error.sum(axis=0) + 2 * BIAS_PENALTY * bias / n
        return float(penalty / n - weight @ (z[of_gold] - np.log(total[:, 0]))), gradient

    start = np.zeros(2 + classes**2 + classes)
    bounds = [(None, None), (0, None), *[(None, None)] * (classes**2 + classes)]
    log_scale, voting, deviation, bias = parts(minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds).x)
    weights = np.exp(log_scale) * np.eye(classes) + deviation
    bias = np.exp(log_scale) * batch + bias - deviation @ mean
    if kind == "affine":
        return Calibration.affine(kind, np.diag(weights), bias - bias.max())
    found = Calibration.affine("matrix", weights, bias - bias.max())
    return found if kind == "matrix" else found.with_votes(NEAREST, voting)
