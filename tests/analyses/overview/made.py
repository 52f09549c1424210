"""Predictions and overviews made of label scores, so that every verdict has its case."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from icldiag.analyses.calibration import calibrated, calibration
from icldiag.analyses.effect import effect
from icldiag.analyses.measures import measures
from icldiag.analyses.orders import orders_by_last
from icldiag.analyses.overview.compute import Overview
from icldiag.analyses.overview.lean import Calibrated, Lean, Prior, halves
from icldiag.analyses.overview.separability import separability
from icldiag.analyses.overview.stability import LeftOut, Order, Stability
from icldiag.analyses.overview.writing import writing
from icldiag.analyses.prediction.compute import Prediction, TopToken
from icldiag.model.readout import FloatArray, label_probabilities

NAMES = ("Negative", "Positive", "Neutral", "Mixed")


def prediction_of(scores: FloatArray, gold: Sequence[int | None], first: Sequence[str] = ()) -> Prediction:
    """Of label scores (n, C); `first` are the tokens that the model would write, else the labels."""
    n, classes = scores.shape
    names = NAMES[:classes] if classes <= len(NAMES) else tuple(f"label{place}" for place in range(classes))
    predicted = scores.argmax(1)
    tokens = first or [f" {names[label]}" for label in predicted]
    return Prediction(
        labels=names,
        texts=tuple(f"text {place}" for place in range(n)),
        gold=tuple(gold),
        predicted=predicted,
        probabilities=label_probabilities(scores),
        scores=scores,
        top_tokens=tuple((TopToken(token, 0.4),) for token in tokens),
        label_mass=np.full(n, 0.05 if first else 0.9),
    )


def overview_of(
    scores: FloatArray, gold: Sequence[int | None], first: Sequence[str] = (), lean: Lean | None = None
) -> Overview:
    """As far as predictions tell."""
    found = prediction_of(scores, gold, first)
    return Overview(
        labels=found.labels,
        gold=found.gold,
        predicted=found.predicted,
        scores=scores,
        shown=tuple(range(scores.shape[1])),
        measures=measures(found.predicted, gold, scores.shape[1]),
        separability=separability(found),
        writing=writing(found, {f" {name}" for name in found.labels}),
        lean=lean,
    )


def two_classes(n: int, apart: float, shift: float, seed: int = 0) -> tuple[FloatArray, list[int]]:
    """Scores (2n, 2) of n queries of each class whose leads lie `apart` nats from each other, and their gold labels.

    `shift` nats are added to label 1 everywhere.
    """
    generator = np.random.default_rng(seed)
    gold = [0] * n + [1] * n
    leads = generator.normal(0, 1, 2 * n) + np.array(gold) * apart - apart / 2 + shift
    return np.stack([-leads / 2, leads / 2], axis=1), gold


def batch_lean(scores: FloatArray, gold: list[int]) -> Lean:
    """The batch prior alone, cross-fitted."""
    after = scores.copy()
    first, second = halves(len(scores), 0)
    for own, other in ((first, second), (second, first)):
        after[own] = calibrated(scores[own], calibration("batch", scores[other]))
    whole = Calibrated(calibration("batch", scores), after, effect(scores, after, gold))
    return Lean((Prior("batch", len(scores), label_probabilities(scores).mean(0)),), (whole,), 0)


def made_stability(answers_last: bool, seed: int = 0) -> Stability:
    """Eight orders of four demonstrations; the class shown last is answered, or always the gold label."""
    labels, gold = [0, 0, 1, 1], [0, 1] * 6
    orders = orders_by_last(labels, seed, 8)
    own = np.eye(2)[[1] * 12 if answers_last else gold]
    runs = [
        Order(order, np.eye(2)[[labels[order[-1]]] * 12 if answers_last else gold], labels[order[-1]])
        for order in orders
    ]
    left_out = [
        LeftOut((1, 2, 3), own + (0.9 if place == 2 else 0.01) * np.eye(2)[gold], (place,), labels[place], False)
        for place in range(4)
    ]
    return Stability(tuple(range(12)), 12, tuple(gold), own, labels[-1], tuple(runs), tuple(left_out), seed)
