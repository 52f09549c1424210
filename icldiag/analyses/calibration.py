"""Calibration: divide the label probabilities by what the prompt answers when the query says nothing.

    p'(y | x)  =  p(y | x) / q(y),  made to sum to 1 over the labels

q is the mean of the label probabilities, each softmaxed over the labels only, over

- contextual (Zhao et al. 2021, arXiv 2102.09690): the content-free queries "N/A", "" and "[MASK]";
- domain-context (Fei et al. 2023, arXiv 2305.19148): 20 queries of words drawn at random from the task's own texts,
  each as long as these texts are on average;
- batch (Zhou et al. 2023, arXiv 2309.17249): a batch of queries of the task, their labels unknown.

In logarithms, as it is done here, the label scores lose log q. A calibration moves the border between labels and
nothing else: it mends a label prior, and it cannot mend two labels whose scores do not separate the classes.
"""

from __future__ import annotations

import random
from collections.abc import Sequence

import numpy as np

from icldiag.model.readout import FloatArray, label_probabilities
from icldiag.prompt.adjustments import Calibration, CalibrationKind

CONTENT_FREE = ("N/A", "", "[MASK]")
RANDOM_TEXTS = 20


def calibration(kind: CalibrationKind, scores: FloatArray) -> Calibration:
    """The calibration whose q is the mean answer to queries with these uncalibrated label scores, (n, C)."""
    return Calibration.of(kind, label_probabilities(scores).mean(axis=0).tolist())


def calibrated(scores: FloatArray, by: Calibration | None) -> FloatArray:
    """Label scores (n, C) with a calibration in force."""
    return scores if by is None else scores - np.array(by.shift)


def random_texts(texts: Sequence[str], seed: int, count: int = RANDOM_TEXTS) -> tuple[str, ...]:
    """Texts of words drawn with replacement from `texts`, each as many as these have on average, rounded."""
    words = [word for text in texts for word in text.split()]
    if not words:
        return ("",) * count
    length = max(1, round(len(words) / len(texts)))
    generator = random.Random(seed)
    return tuple(" ".join(generator.choices(words, k=length)) for _ in range(count))
