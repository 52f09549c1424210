"""Evidence: the label prior, what is answered whatever the query says.

The prior is the mean of the label probabilities of content-free queries, of queries of random words, and of the batch
of all queries (see `analyses.calibration`). Dividing it out is the counterfactual: would the rival be answered then?
Where the classes have different numbers of demonstrations, the prompt is also asked with as many of each.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from icldiag.analyses.calibration import CONTENT_FREE, FEWEST_QUERIES, prior_of, random_texts
from icldiag.analyses.explanation.contest import Contest, Counterfactual, counterfactual
from icldiag.analyses.lab import Inquiry, Lab
from icldiag.model.readout import FloatArray
from icldiag.prompt.adjustments import Calibration, PriorKind
from icldiag.prompt.schema import Example

BALANCED_DRAWS = 4


@dataclass(frozen=True)
class PriorSource:
    """One way to measure the prior."""

    kind: PriorKind
    texts: int
    probabilities: FloatArray  # (C,)
    lean: float  # log of the answer's prior over the rival's, in nats
    rank: int  # of the answer's prior among the classes, 1 for the largest
    divided: Counterfactual


@dataclass(frozen=True)
class PriorEvidence:
    """`balanced` is empty where all classes have as many demonstrations."""

    sources: tuple[PriorSource, ...]
    counts: tuple[int, ...]  # demonstrations of each class
    draws: tuple[tuple[int, ...], ...]  # demonstrations that are left, as many of each class, by a seeded draw
    balanced: tuple[Counterfactual, ...]  # of each draw

    @property
    def mended_by_balance(self) -> bool:
        """Whether half of the draws with as many demonstrations of each class, in this order, answer the rival."""
        return bool(self.balanced) and 2 * sum(run.turned for run in self.balanced) >= len(self.balanced)

    @property
    def median(self) -> int:
        """Place of the draw with the (lower) median lead."""
        return sorted(range(len(self.draws)), key=lambda place: self.balanced[place].lead)[(len(self.draws) - 1) // 2]

    def source(self, kind: PriorKind) -> PriorSource | None:
        return next((source for source in self.sources if source.kind == kind), None)


def prior_evidence(lab: Lab, contest: Contest, scores: FloatArray, seed: int) -> Inquiry[PriorEvidence]:
    """Measure the prior in three ways, divide each out, and balance the classes.

    Args:
        scores: (n, C) label scores of all queries of the prompt; they are the batch.
    """
    prompt, own = lab.prompt, scores[contest.query]
    words = random_texts([example.text for example in (*prompt.demonstrations, *prompt.queries)], seed)
    texts = [Example(text, None) for text in (*CONTENT_FREE, *words)]
    draws = tuple(tuple(kept) for kept in balanced_draws(prompt.demonstrations, seed))
    asked = [lab.question(texts), *(lab.question([prompt.queries[contest.query]], kept) for kept in draws)]
    free, *balanced = yield asked
    measured: list[tuple[PriorKind, FloatArray]] = [
        ("contextual", free[: len(CONTENT_FREE)]),
        ("domain-context", free[len(CONTENT_FREE) :]),
    ]
    if len(scores) >= FEWEST_QUERIES:
        measured.append(("batch", scores))
    return PriorEvidence(
        tuple(_source(contest, own, kind, rows) for kind, rows in measured),
        tuple(sum(shown.label == label for shown in prompt.demonstrations) for label in range(len(prompt.labels))),
        draws,
        tuple(counterfactual(contest, "as many demonstrations of each class", drawn[0]) for drawn in balanced),
    )


def lean(contest: Contest, scores: FloatArray) -> float:
    """Log of the answer's mean probability over the rival's in label scores (n, C)."""
    mean = np.maximum(prior_of(scores), 1e-12)
    return float(np.log(mean[contest.answer] / mean[contest.rival]))


def _source(contest: Contest, own: FloatArray, kind: PriorKind, rows: FloatArray) -> PriorSource:
    prior = prior_of(rows)
    bias = np.array(Calibration.dividing(kind, prior.tolist()).bias)
    rank = 1 + int((prior > prior[contest.answer]).sum())
    divided = counterfactual(contest, f"{kind} prior divided out", own + bias)
    return PriorSource(kind, len(rows), prior, lean(contest, rows), rank, divided)


def balanced_draws(demonstrations: Sequence[Example], seed: int) -> list[list[int]]:
    """Places of as many demonstrations of each shown class as the scarcest has; none where they are balanced."""
    places: dict[int | None, list[int]] = {}
    for place, shown in enumerate(demonstrations):
        places.setdefault(shown.label, []).append(place)
    fewest = min(map(len, places.values()))
    if fewest == max(map(len, places.values())):
        return []
    generator = random.Random(seed)
    draws = []
    for _ in range(BALANCED_DRAWS):
        draws.append(sorted(place for of in places.values() for place in generator.sample(of, fewest)))
    return draws
