"""How well the states themselves separate the gold labels, without any unembedding.

Each labelled query is held against the others. With d the squared distance of two states, each dimension divided by
its deviation over the queries, and c running over the labels,

    score_c(i) = - mean_{j in c, j != i} d(i, j) + 1/2 mean_{j, k in c, j != k, both != i} d(j, k)

the squared distance to the class's mean, the query left out, without what few members add to it: where states know
nothing of the labels, the AUC of these scores is 0.5 on average over texts, however few queries a label has.

Of the texts at hand it need not be: a query that is left out makes its own label's others the farther ones. So the
labels are shuffled among these queries, and what the same states then give is the AUC of knowing nothing here. The
intervals are of 95 %, from queries drawn with replacement, each with the scores that it has: what the others that it
is held against add to the uncertainty is not in them. The difference from the output's scores is drawn with the same
queries, and of the same labels.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from icldiag.analyses.confusion.separation import drawn, mean_auc_draws
from icldiag.analyses.estimates import Estimate, auc_estimate, of_draws
from icldiag.analyses.measures import labelled
from icldiag.analyses.roc import ENOUGH, roc_aucs
from icldiag.model.readout import FloatArray, IntArray

DRAWS = 200  # of the bootstrap
SHUFFLES = 200
MOST = 1000  # queries that intervals and shuffled labels are taken from; the AUCs are of all


@dataclass(frozen=True)
class StateAuc:
    """The AUC of the states row by row: before the first layer, and after each."""

    labels: tuple[int, ...]  # that enough queries have
    queries: int  # that have one of them
    estimates: tuple[Estimate, ...]  # (L + 1)
    shuffled: tuple[Estimate, ...]  # (L + 1) the mean where labels are shuffled, and 95 % of the shuffles
    output: Estimate  # of the output's scores, of the same queries and labels
    differences: tuple[Estimate | None, ...]  # (L + 1) states minus output; None where the draws do not vary

    @property
    def auc(self) -> FloatArray:
        """(L + 1,)"""
        return np.array([one.value for one in self.estimates])

    @property
    def surely_as_well(self) -> list[bool]:
        """(L + 1) whether the states separate as well as the output's scores or better: the whole interval says so."""
        return [one is not None and one.low >= 0 for one in self.differences]


def state_auc(
    states: Sequence[FloatArray], gold: Sequence[int | None], output: FloatArray, seed: int = 0
) -> StateAuc | None:
    """None where no two labels have enough queries.

    Args:
        states: per row (n, D).
        output: (n, C) the scores that are answered by.
        seed: of the draws and of the shuffles.
    """
    places, known, labels = _labelled(gold)
    if len(known) < 2:
        return None
    count, generator = len(places), np.random.default_rng(seed)
    some = np.sort(generator.permutation(count)[:MOST])
    weights = drawn(len(some), DRAWS, seed)
    orders = [generator.permutation(len(some)) for _ in range(SHUFFLES)]
    scores = output[places][:, known]
    mean = max(1, count // len(known))
    of_output = mean_auc_draws(scores[some], labels[some], weights)
    value = float(mean_auc(scores[:, None], labels.tolist())[0])
    estimates, shuffled, differences = [], [], []
    for hidden in states:
        used = np.asarray(hidden[places], np.float64)
        found = _scores(used, np.eye(len(known))[labels])
        auc = float(mean_auc(found[:, None], labels.tolist())[0])
        draws = mean_auc_draws(found[some], labels[some], weights)
        estimates.append(of_draws(auc, draws, len(some)) or auc_estimate(auc, mean, mean))
        differences.append(of_draws(auc - value, draws - of_output, len(some)))
        shuffled.append(_shuffled(used[some], labels[some], orders))
    return StateAuc(
        labels=tuple(known),
        queries=count,
        estimates=tuple(estimates),
        shuffled=tuple(shuffled),
        output=of_draws(value, of_output, len(some)) or auc_estimate(value, mean, mean),
        differences=tuple(differences),
    )


def _shuffled(states: FloatArray, labels: IntArray, orders: Sequence[IntArray]) -> Estimate:
    """The AUC of the same states where each order gives the labels to other queries."""
    members = np.eye(labels.max() + 1)[labels]
    scores = _scores(states, np.concatenate([members[order] for order in orders], axis=1))
    scores = scores.reshape(len(labels), len(orders), -1)  # (m, shuffles, K)
    alike = np.sort(labels)  # in each shuffle the queries stand by their shuffled label
    rows = np.stack(
        [scores[np.argsort(labels[order], kind="stable"), place] for place, order in enumerate(orders)], axis=1
    )
    found = mean_auc(rows, alike.tolist())
    low, high = np.percentile(found, [2.5, 97.5])
    return Estimate(float(found.mean()), float(low), float(high))


def mean_auc(scores: FloatArray, gold: Sequence[int | None]) -> FloatArray:
    """(rows,) mean pairwise AUC of scores (n, rows, C); NaN without queries of two gold labels."""
    wanted = np.array([-1 if label is None else label for label in gold])
    present = sorted(set(wanted.tolist()) - {-1})
    if len(present) < 2:
        return np.full(scores.shape[1], np.nan)
    found = []
    for a, b in combinations(present, 2):
        lead = (scores[..., a] - scores[..., b]).T  # (rows, n)
        found.append(roc_aucs(lead[:, wanted == a], lead[:, wanted == b]))
    return np.asarray(np.mean(found, axis=0))


def _labelled(gold: Sequence[int | None]) -> tuple[IntArray, list[int], IntArray]:
    """The m queries with a label that enough queries have, the K labels, and (m,) which of these each query has."""
    counts = Counter(label for label in gold if label is not None)
    known = sorted(label for label, count in counts.items() if count >= ENOUGH)
    places = np.array([place for place in labelled(gold).tolist() if gold[place] in known], dtype=np.int64)
    return places, known, np.array([known.index(gold[place] or 0) for place in places], dtype=np.int64)


def _scores(states: FloatArray, members: FloatArray) -> FloatArray:
    """(m, K) of states (m, D) whose labels' columns are 1; as many columns more for the labels in other orders."""
    deviation = states.std(axis=0)
    scaled = (states - states.mean(axis=0)) / np.where(deviation > 0, deviation, 1.0)
    squares = (scaled**2).sum(1)
    distances = np.maximum(squares[:, None] + squares - 2 * scaled @ scaled.T, 0.0)
    np.fill_diagonal(distances, 0.0)
    others = members.sum(0) - members  # (m, K) members beside the query
    to_members = distances @ members  # (m, K)
    within = (members * to_members).sum(0) - 2 * members * to_members  # without the query's own
    return np.asarray(within / (2 * others * (others - 1)) - to_members / others)
