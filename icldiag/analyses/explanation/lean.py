"""The prompt's own verdict, before any query's: are all answers alike, or does one label take other queries' too?

Seen in the answers alone, by the rule of the overview (`overview.verdict`): all answers are the same, or a label is
answered wrongly more often than it is missed, more so than chance does (McNemar's exact test over the labels).
"""

from __future__ import annotations

from dataclasses import dataclass

from icldiag.analyses.calibration import FEWEST_QUERIES
from icldiag.analyses.effect import SIGNIFICANT, mcnemar
from icldiag.analyses.prediction.compute import Prediction


@dataclass(frozen=True)
class Lean:
    """How often a label is answered."""

    label: int
    answers: int
    queries: int
    labelled: int  # of the answers, those whose gold label is known
    right: int  # and those that are right

    @property
    def alike(self) -> bool:
        """Whether every query gets this label."""
        return self.answers == self.queries


def lean_of(prediction: Prediction, label: int) -> Lean | None:
    """The lean to a label; None where the answers do not show one, or there are fewer than `FEWEST_QUERIES`."""
    predicted, gold = [int(answer) for answer in prediction.predicted], prediction.gold
    answers = [query for query, answer in enumerate(predicted) if answer == label]
    labelled = [query for query in answers if gold[query] is not None]
    right = sum(gold[query] == label for query in labelled)
    missed = sum(known == label != answer for answer, known in zip(predicted, gold, strict=True))
    lean = Lean(label, len(answers), len(predicted), len(labelled), right)
    if len(predicted) < FEWEST_QUERIES:
        return None
    if lean.alike and right < len(predicted):
        return lean
    taken = len(labelled) - right
    return lean if taken > missed and mcnemar(taken, missed) * len(prediction.labels) < SIGNIFICANT else None
