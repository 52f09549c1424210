"""The prompt's own verdict, before any query's: the label that it answers always or too often, and what undoes that.

The overview's verdict (`overview.verdict`) about the answer of one query, and whether it explains that answer.
"""

from __future__ import annotations

from dataclasses import dataclass

from icldiag.analyses.calibration import FEWEST_QUERIES
from icldiag.analyses.overview.compute import Overview
from icldiag.prompt.adjustments import CalibrationKind


@dataclass(frozen=True)
class Undoing:
    """A calibration that undoes the lean, on queries that it was not fitted on; what it gains, panel Repair says."""

    kind: CalibrationKind
    mends: bool  # it answers this query right


@dataclass(frozen=True)
class Favourite:
    """How often a label is answered."""

    label: int
    answers: int
    queries: int
    labelled: int  # of the answers, those whose gold label is known
    right: int  # and those that are right
    undone: Undoing | None  # None where no calibration makes more answers right than chance does

    @property
    def alike(self) -> bool:
        """Whether every query gets this label."""
        return self.answers == self.queries


def favourite_of(overview: Overview, query: int) -> Favourite | None:
    """What the prompt favours, where this query is answered so; None where the verdict is another one, or there are
    fewer than `FEWEST_QUERIES`, or all answers are ties, in which nothing is favoured.
    """
    verdict, answer = overview.verdict, int(overview.predicted[query])
    few = len(overview.predicted) < FEWEST_QUERIES
    if few or overview.tied or verdict.kind not in ("one label", "too often") or verdict.label != answer:
        return None
    hidden = verdict.hidden_by
    undone = None if hidden is None else Undoing(hidden.kind, bool(overview.explains(query)))
    return Favourite(
        label=answer,
        answers=int(overview.answered[answer]),
        queries=len(overview.predicted),
        labelled=int(overview.counts[:, answer].sum()),
        right=int(overview.counts[answer, answer]),
        undone=undone,
    )
