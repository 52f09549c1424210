"""Calibration: divide the label probabilities by what the prompt answers when the query says nothing.

    p'(y | x)  =  p(y | x) / q(y),  made to sum to 1 over the labels

q is the mean of the label probabilities, each softmaxed over the labels only, over

- contextual (Zhao et al. 2021, arXiv 2102.09690): the content-free queries "N/A", "" and "[MASK]";
- domain-context (Fei et al. 2023, arXiv 2305.19148): 20 queries of words drawn at random from the task's own texts,
  each as long as these texts are on average;
- batch (Zhou et al. 2023, arXiv 2309.17249): a batch of queries of the task, their labels unknown.

In logarithms, as it is done here, the label scores lose log q. Such a calibration moves the border between labels and
nothing else: it mends a label prior, and it cannot mend two labels whose scores do not separate the classes.

Full-label calibration (Sanz-Guerrero and von der Wense 2025, arXiv 2511.14385), where words of several tokens are
scored whole, first takes the geometric mean over a word's tokens, so that a long word is not punished for its length:

    p'(y | x)  =  p(y | x)^(1 / tokens of y) / q(y),  where q is the contextual prior of such means

Those that are fitted on labelled texts are in `analyses/affine.py`.
"""

from __future__ import annotations

import random
from collections.abc import Sequence

import numpy as np

from icldiag.model.readout import FloatArray, label_probabilities
from icldiag.prompt.adjustments import LEAST, Calibration, PriorKind
from icldiag.prompt.schema import Example, Prompt

CONTENT_FREE = ("N/A", "", "[MASK]")
RANDOM_TEXTS = 20
FEWEST_QUERIES = 4  # a batch of fewer says more about its texts than about the prompt


def content_free(prompt: Prompt) -> tuple[Example, ...]:
    """Queries that say nothing, alike in every field of the template."""
    return prompt.like_queries([prompt.uniform(text) for text in CONTENT_FREE])


def prior_of(scores: FloatArray) -> FloatArray:
    """The mean answer (C,) to queries with these label scores (n, C)."""
    return np.asarray(label_probabilities(scores).mean(axis=0))


def calibration(kind: PriorKind, scores: FloatArray) -> Calibration:
    """The calibration whose q is the mean answer to queries with these uncalibrated label scores, (n, C)."""
    return Calibration.dividing(kind, prior_of(scores).tolist())


def full_label_calibration(scores: FloatArray, tokens: Sequence[int]) -> Calibration:
    """From log-probabilities of whole label words after content-free queries, (n, C), and each word's tokens."""
    scale = 1 / np.array(tokens)
    prior = np.maximum(prior_of(scores * scale), LEAST)
    return Calibration.affine("full-label", scale, -np.log(prior))


def calibrated(
    scores: FloatArray, by: Calibration | None, whole: bool = False, shares: FloatArray | None = None
) -> FloatArray:
    """Label scores (n, C) with a calibration in force.

    Args:
        whole: whether they are whole words' log-probabilities.
        shares: (n, C) of the neighbours' votes, where the calibration counts these.
    """
    if by is None:
        return scores
    if by.prior is not None:
        return np.asarray(scores + np.array(by.bias))
    from scipy.special import log_softmax  # slow to import

    log_probabilities = scores if whole else log_softmax(scores, axis=1)
    weighted = log_probabilities * np.array(by.scale) if by.scale else log_probabilities @ np.array(by.matrix).T
    votes = 0.0 if by.votes is None or shares is None else by.votes.weight * shares
    return np.asarray(weighted + np.array(by.bias) + votes)


def random_queries(prompt: Prompt, examples: Sequence[Example], seed: int) -> tuple[Example, ...]:
    """Queries of words that are drawn, field by field, from the texts of these examples; see `random_texts`."""
    drawn = []
    for place, field in enumerate(prompt.fields):
        texts = [example.text_of(field) for example in examples]
        drawn.append(random_texts(texts, seed if place == 0 else f"{seed}/{field}"))
    rows = [dict(zip(prompt.fields, texts, strict=True)) for texts in zip(*drawn, strict=True)]
    return prompt.like_queries([prompt.example(row) for row in rows])


def random_texts(texts: Sequence[str], seed: int | str, count: int = RANDOM_TEXTS) -> tuple[str, ...]:
    """Texts of words drawn with replacement from `texts`, each as many as these have on average, rounded."""
    words = [word for text in texts for word in text.split()]
    if not words:
        return ("",) * count
    length = max(1, round(len(words) / len(texts)))
    generator = random.Random(seed)
    return tuple(" ".join(generator.choices(words, k=length)) for _ in range(count))
