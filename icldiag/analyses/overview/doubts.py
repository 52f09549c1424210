"""Which demonstration's label may be wrong: one whose text reads like another class's.

A demonstration is left out, and its text is asked as a query beside the labelled ones. Its lead, of its own class over
another, is compared with the leads of queries of both (`log_likelihood`). It is doubted where the other class is
likelier by more than 2 n to 1: expected is one wrong label in every second prompt, as likely at any of the n
demonstrations. And without it the queries of neither class may lose much on average in log p of their label: those of
its own lose by a good demonstration that is left out.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from icldiag.analyses.estimates import log_likelihood
from icldiag.analyses.overview.stability import LeftOut, Stability
from icldiag.model.readout import FloatArray

LITTLE = 0.1  # nats that a class may lose


@dataclass(frozen=True)
class Doubt:
    """The text of a demonstration is likelier one of the class `reads` than of its own, by `nats`."""

    demonstration: int
    reads: int
    nats: float


def doubts(found: Stability) -> tuple[Doubt, ...]:
    """The surest first; empty where none is doubted, or no gold label is known."""
    if not found.left_out or not any(label is not None for label in found.gold):
        return ()
    gold = np.array([-1 if label is None else label for label in found.gold])
    expected = math.log(2 * len(found.left_out))
    before = _log_p(found.scores)

    def doubt(run: LeftOut, text: FloatArray) -> Doubt | None:
        likelier = []
        for other in range(len(text)):
            if other == run.label:
                continue
            leads = run.scores[:, run.label] - run.scores[:, other]
            own, rival = leads[gold == run.label], leads[gold == other]
            nats = log_likelihood(float(text[run.label] - text[other]), own.tolist(), rival.tolist())
            if nats is not None and nats > expected and not any(loses(run, label) for label in (run.label, other)):
                likelier.append(Doubt(run.without[0], other, nats))
        return max(likelier, key=lambda one: one.nats, default=None)

    def loses(run: LeftOut, label: int) -> bool:
        rows = gold == label
        return bool((before - _log_p(run.scores))[rows, label].mean() > LITTLE)

    doubted = [doubt(run, run.text) for run in found.left_out if run.text is not None]
    return tuple(sorted((one for one in doubted if one is not None), key=lambda one: -one.nats))


def _log_p(scores: FloatArray) -> FloatArray:
    """Of label words alone: (m, C)."""
    from scipy.special import log_softmax  # slow to import

    return np.asarray(log_softmax(scores, axis=1))
