"""Evidence: confusable classes. Do the answer and the rival look alike to the target, and to the answers?

Seen from the keys (see `analyses.confusion`): distance and cosine of the two classes' anchors, averaged over the deep
half of the layers, and their rank among all pairs of classes. Measured: the ROC-AUC of p(answer) / p(rival) between the
queries whose gold labels are the two. By intervention: the answer's class is taken out of the prompt.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from icldiag.analyses.confusion.compute import Confusion
from icldiag.analyses.explanation.contest import Contest, Counterfactual, counterfactual
from icldiag.analyses.lab import Inquiry, Lab


@dataclass(frozen=True)
class ClassesEvidence:
    """The pair of answer and rival. Ranks are among all pairs that have the number; 1 is closest, or worst separated.

    Undefined numbers are None.
    """

    layers: tuple[int, ...]  # the deep half
    distance: float | None  # mean over these layers
    distance_rank: int | None
    distances: int
    cosine: float | None
    auc: float | None
    auc_rank: int | None
    aucs: int
    auc_queries: tuple[int, int]  # queries of the answer's class and of the rival's
    removed: Counterfactual | None  # the answer's class taken out; None where no other class is shown


def classes_evidence(lab: Lab, contest: Contest, deep: Sequence[Confusion]) -> Inquiry[ClassesEvidence]:
    """Compare two classes.

    Args:
        deep: the confusion of each layer in the deep half.
    """
    pairs = list(combinations(range(len(lab.prompt.labels)), 2))
    own = (min(contest.answer, contest.rival), max(contest.answer, contest.rival))
    distances = {pair: _mean([found.distance[pair] for found in deep]) for pair in pairs}
    defined = [value for value in distances.values() if value is not None]
    aucs = [value for value in (float(deep[0].auc[pair]) for pair in pairs) if not np.isnan(value)]
    auc, distance = float(deep[0].auc[own]), distances[own]
    gold = [query.label for query in lab.prompt.queries]
    return ClassesEvidence(
        layers=tuple(found.layer for found in deep),
        distance=distance,
        distance_rank=None if distance is None else 1 + sum(value < distance for value in defined),
        distances=len(defined),
        cosine=_mean([found.cosine[own] for found in deep]),
        auc=None if np.isnan(auc) else auc,
        auc_rank=None if np.isnan(auc) else 1 + sum(value < auc for value in aucs),
        aucs=len(aucs),
        auc_queries=(gold.count(contest.answer), gold.count(contest.rival)),
        removed=(yield from _without_answer(lab, contest)),
    )


def _without_answer(lab: Lab, contest: Contest) -> Inquiry[Counterfactual | None]:
    kept = [place for place, shown in enumerate(lab.prompt.demonstrations) if shown.label != contest.answer]
    if not kept or len(kept) == len(lab.prompt.demonstrations):
        return None
    (scores,) = yield [lab.question([lab.prompt.queries[contest.query]], kept)]
    return counterfactual(contest, f"class {lab.prompt.label_names[contest.answer]} taken out", scores[0])


def _mean(values: Sequence[float]) -> float | None:
    mean = float(np.mean(values))
    return None if np.isnan(mean) else mean
