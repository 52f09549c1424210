"""Evidence: confusable classes. Do the answer and the rival look alike to the target, and to the answers?

Seen from the keys: what `analyses.confusion` says of the two classes' anchors in its default layer. Measured: the
ROC-AUC of p(answer) / p(rival) between the queries whose gold labels are the two. By intervention: the answer's class
is taken out of the prompt.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from icldiag.analyses.confusion.compute import Confusion
from icldiag.analyses.confusion.separation import pairwise_auc
from icldiag.analyses.contest import Contest, Counterfactual, counterfactual
from icldiag.analyses.estimates import auc_error
from icldiag.analyses.lab import Inquiry, Lab
from icldiag.analyses.prediction.compute import Prediction
from icldiag.analyses.roc import ENOUGH

CONFUSED = 0.75  # ROC-AUC half way between chance and perfect separation


@dataclass(frozen=True)
class ClassesEvidence:
    """The pair of answer and rival. Ranks are among all pairs that have the number; 1 is closest, or worst separated.

    Undefined numbers are None.
    """

    layers: tuple[int, ...]  # whose anchors are compared; none without demonstrations
    distance: float | None
    distance_rank: int | None
    distances: int
    cosine: float | None
    auc: float | None
    auc_rank: int | None
    aucs: int
    auc_queries: tuple[int, int]  # queries of the answer's class and of the rival's
    removed: Counterfactual | None  # the answer's demonstrations taken out; None unless two other classes are shown

    def separated_by(self, auc: float) -> bool:
        """Whether a change that leaves this AUC separates the two: they are not confused then, and half of what was
        missing to a perfect separation is there."""
        return auc >= max(CONFUSED, (1 + (self.auc or 0.0)) / 2)

    @property
    def confused(self) -> bool:
        """Whether the scores do not separate the two classes, over enough queries of both.

        Of few queries the AUC must be lower, by half a standard error: then the odds are two to one that more queries
        would say the same. Of 6 against 6 it is below 0.68, of 50 against 50 below 0.73.
        """
        if self.auc is None or min(self.auc_queries) < ENOUGH:
            return False
        return self.auc < CONFUSED - auc_error(CONFUSED, *self.auc_queries) / 2


def classes_evidence(
    lab: Lab, contest: Contest, confusion: Confusion | None, prediction: Prediction
) -> Inquiry[ClassesEvidence]:
    """Compare two classes by what is known of all; by the answers alone where no demonstration gives anchors."""
    gold = [query.label for query in lab.prompt.queries]
    queries = gold.count(contest.answer), gold.count(contest.rival)
    if confusion is None:
        return _of_answers(contest, prediction, queries)
    pair = confusion.pair(contest.answer, contest.rival)
    return ClassesEvidence(
        layers=(confusion.layer,),
        distance=pair.distance,
        distance_rank=confusion.distance_rank(pair),
        distances=confusion.distances,
        cosine=pair.cosine,
        auc=pair.auc,
        auc_rank=confusion.auc_rank(pair),
        aucs=confusion.separations,
        auc_queries=queries,
        removed=(yield from _without_answer(lab, contest)),
    )


def _of_answers(contest: Contest, prediction: Prediction, queries: tuple[int, int]) -> ClassesEvidence:
    matrix = pairwise_auc(prediction)
    known = matrix[np.triu_indices(len(matrix), 1)]
    known = known[~np.isnan(known)]
    own = float(matrix[contest.answer, contest.rival])
    auc = None if np.isnan(own) else own
    rank = None if auc is None or len(set(known.tolist())) == 1 else 1 + int((known < own).sum())
    return ClassesEvidence((), None, None, 0, None, auc, rank, len(known), queries, None)


def _without_answer(lab: Lab, contest: Contest) -> Inquiry[Counterfactual | None]:
    kept = [place for place, shown in enumerate(lab.prompt.demonstrations) if shown.label != contest.answer]
    if len({lab.prompt.demonstrations[place].label for place in kept}) < 2 or len(kept) == len(
        lab.prompt.demonstrations
    ):
        return None  # with one class left its label is answered whatever the reason was
    (scores,) = yield [lab.question([lab.prompt.queries[contest.query]], kept)]
    return counterfactual(contest, f"demonstrations of {lab.prompt.label_names[contest.answer]} removed", scores[0])
