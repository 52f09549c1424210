"""Evidence: the label prior, what is answered whatever the query says.

The prior is the overview's (`analyses.overview.lean`): the mean of the label probabilities of content-free queries, of
queries of random words, and of the batch of all queries. Dividing it out is the counterfactual: would the rival be
answered then? Where the answer has more demonstrations than the rival, the prompt is asked with as many of each class.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from icldiag.analyses.balance import Ranking, rankings, surplus
from icldiag.analyses.calibration import prior_of
from icldiag.analyses.contest import Contest, Counterfactual, counterfactual
from icldiag.analyses.lab import Inquiry, Lab
from icldiag.analyses.overview.lean import Calibrated, Lean, Prior
from icldiag.model.readout import FloatArray
from icldiag.prompt.adjustments import Calibration, PriorKind
from icldiag.prompt.schema import Prompt


@dataclass(frozen=True)
class PriorSource:
    """One way to measure the prior."""

    kind: PriorKind
    texts: int
    probabilities: FloatArray  # (C,)
    lean: float  # log of the answer's prior over the rival's, in nats
    rank: int  # of the answer's prior among the classes, 1 for the largest
    divided: Counterfactual  # by what other queries have, where that is known
    applied: Counterfactual  # by what all of them have, as a calibration of the prompt has it


@dataclass(frozen=True)
class PriorEvidence:
    """`draws` and `balanced` are empty where the answer has no more demonstrations than the rival."""

    sources: tuple[PriorSource, ...]
    counts: tuple[int, ...]  # demonstrations of each class
    draws: tuple[Ranking, ...]
    balanced: tuple[Counterfactual, ...]  # as many of each class, by each draw

    @property
    def median(self) -> int:
        """Place of the draw with the (lower) median lead."""
        return sorted(range(len(self.draws)), key=lambda place: self.balanced[place].lead)[(len(self.draws) - 1) // 2]

    def source(self, kind: PriorKind) -> PriorSource | None:
        return next((source for source in self.sources if source.kind == kind), None)


def prior_evidence(lab: Lab, contest: Contest, measured: Lean, scores: FloatArray, seed: int) -> Inquiry[PriorEvidence]:
    """Divide out the prior as it was measured, and balance the classes.

    Args:
        scores: (n, C) label scores of all queries of the prompt.
    """
    prompt, labels = lab.prompt, [shown.label for shown in lab.prompt.demonstrations]
    counts = tuple(labels.count(label) for label in range(len(prompt.labels)))
    draws = rankings(labels, seed) if counts[contest.answer] > counts[contest.rival] else ()
    kept = [[place for place in range(len(labels)) if place not in surplus(labels, draw)] for draw in draws]
    balanced = yield [lab.question([prompt.queries[contest.query]], places) for places in kept]
    return PriorEvidence(
        tuple(
            _source(contest, scores[contest.query], prior, _unseen(prompt, measured, prior))
            for prior in measured.priors
        ),
        counts,
        draws,
        tuple(counterfactual(contest, "as many demonstrations of each class", drawn[0]) for drawn in balanced),
    )


def lean(contest: Contest, scores: FloatArray) -> float:
    """Log of the answer's mean probability over the rival's in label scores (n, C)."""
    return _lean(contest, prior_of(scores))


def _lean(contest: Contest, prior: FloatArray) -> float:
    mean = np.maximum(prior, 1e-12)
    return float(np.log(mean[contest.answer] / mean[contest.rival]))


def _unseen(prompt: Prompt, measured: Lean, prior: Prior) -> Calibrated | None:
    """The answers with the same prior divided out, each measured without the query that it answers; None where that is
    not known: with few queries, or a calibration in force."""
    known = (one for one in measured.calibrated if one.kind == prior.kind)
    return next(known, None) if prompt.calibration is None else None


def _source(contest: Contest, own: FloatArray, measured: Prior, unseen: Calibrated | None) -> PriorSource:
    kind, prior = measured.kind, measured.probabilities
    bias = np.array(Calibration.dividing(kind, prior.tolist()).bias)
    rank, change = 1 + int((prior > prior[contest.answer]).sum()), f"{kind} prior divided out"
    applied = counterfactual(contest, change, own + bias)
    divided = applied if unseen is None else counterfactual(contest, change, unseen.scores[contest.query])
    return PriorSource(kind, measured.texts, prior, _lean(contest, prior), rank, divided, applied)
