"""How well the states themselves separate the gold labels, without any unembedding.

Each labelled query is held against the others. With d the squared distance of two states, each dimension divided by
its deviation over the queries, and c running over the labels,

    score_c(i) = - mean_{j in c, j != i} d(i, j) + 1/2 mean_{j, k in c, j != k, both != i} d(j, k)

the squared distance to the class's mean, the query left out, without what few members add to it: where states know
nothing of the labels, the AUC of these scores is 0.5 on average, however few queries a label has.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from icldiag.analyses.measures import labelled
from icldiag.analyses.roc import ENOUGH
from icldiag.model.readout import FloatArray


def state_scores(states: Sequence[FloatArray], gold: Sequence[int | None]) -> tuple[FloatArray, tuple[int, ...]] | None:
    """Scores (m, layers, K) of the m queries with one of the K labels that enough queries have, and which each has.

    None where there are not two such labels.

    Args:
        states: per layer (n, D).
    """
    counts = Counter(label for label in gold if label is not None)
    known = sorted(label for label, count in counts.items() if count >= ENOUGH)
    if len(known) < 2:
        return None
    places = [place for place in labelled(gold).tolist() if gold[place] in known]
    labels = np.array([known.index(gold[place]) for place in places])
    members = np.eye(len(known))[labels]  # (m, K)
    scores = [_scores(np.asarray(hidden[places], np.float64), members) for hidden in states]
    return np.stack(scores, axis=1), tuple(labels.tolist())


def _scores(states: FloatArray, members: FloatArray) -> FloatArray:
    """(m, K) of states (m, D) whose labels' columns are 1."""
    deviation = states.std(axis=0)
    scaled = (states - states.mean(axis=0)) / np.where(deviation > 0, deviation, 1.0)
    squares = (scaled**2).sum(1)
    distances = np.maximum(squares[:, None] + squares - 2 * scaled @ scaled.T, 0.0)
    np.fill_diagonal(distances, 0.0)
    others = members.sum(0) - members  # (m, K) members beside the query
    to_members = distances @ members  # (m, K)
    within = (members * to_members).sum(0) - 2 * members * to_members  # without the query's own
    return np.asarray(within / (2 * others * (others - 1)) - to_members / others)
