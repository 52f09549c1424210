"""Candidates: calibrations of the prompt as it is, or on top of another repair; no demonstration is encoded for them.

What is fitted on the task's texts is fitted on the fitting part and the selection part, and again without each fold
and each two folds of them. So every text is judged by a fit that has not seen it, also where the choice between
candidates is to have seen neither it nor the others of its fold.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Literal

import numpy as np

from icldiag.analyses.affine import NEAREST, fit_affine
from icldiag.analyses.calibration import (
    calibrated,
    calibration,
    full_label_calibration,
)
from icldiag.analyses.search.partition import FOLDS
from icldiag.analyses.search.repair import Repair
from icldiag.analyses.search.search import Search
from icldiag.model.readout import FloatArray, IntArray
from icldiag.prompt.adjustments import Calibration


@dataclass(frozen=True, eq=False)
class Candidate:
    """A repair, and how it answers `Search.judged` while folds are left out.

    answers: (FOLDS, n, C) label scores; [k, i] are those of a fit without fold k and without i's own fold.
    made_of_fitting: whether it was made from the fitting part's texts otherwise than by such fits.
    """

    repair: Repair
    answers: FloatArray
    made_of_fitting: bool


def unfitted(search: Search, repair: Repair, made_of_fitting: bool) -> Candidate:
    """One that no labelled text was fitted on, whose texts were asked: it answers the same whatever is left out."""
    shares = search.shares(repair, search.judged)
    answers = calibrated(search.judged_raw(repair), repair.calibration, search.whole, shares)
    return Candidate(repair, np.broadcast_to(answers, (FOLDS, *answers.shape)), made_of_fitting)


def calibrations(search: Search) -> Iterator[Candidate]:
    """Of the prompt as it is: by content-free texts, by random words, and those that are fitted."""
    start = search.start
    words = search.random_words()
    nothing = search.lab.content_free
    (scores,) = search.raw(start, [*nothing, *words])
    free = scores[: len(nothing)]
    by = [calibration("contextual", free)]
    if words:
        by.append(calibration("domain-context", scores[len(nothing) :]))
    tokens = [len(ids) for ids in search.lab.encoded.label_tokens]
    if search.prompt.scoring == "whole" and max(tokens) > 1:
        by.append(full_label_calibration(free, tokens))
    for one in by:
        by_model = one.fitted_on(search.model.name)
        repair = replace(start, family="calibration", name=f"{one.kind} calibration", calibration=by_model)
        yield unfitted(search, repair, made_of_fitting=one.kind == "domain-context")
    yield from fitted_calibrations(search, start)


def fitted_calibrations(search: Search, of: Repair, made_of_fitting: bool = False) -> Iterator[Candidate]:
    """Batch, affine, matrix and neighbours calibration of a prompt whose fitting and selection parts were asked."""
    folded, scores = search.parts.folded, search.judged_raw(of)
    (unlabelled,) = search.raw(of, search.parts.unlabelled)
    labels = [example.label for example in folded if example.label is not None]  # all are labelled

    def batch(rows: Sequence[int], shares: FloatArray | None) -> Calibration:
        return calibration("batch", np.concatenate([scores[rows], unlabelled]))

    def supervised(
        kind: Literal["affine", "matrix", "neighbours"], rows: Sequence[int], shares: FloatArray | None
    ) -> Calibration:
        own = None if shares is None else shares[rows]
        return fit_affine(scores[rows], [labels[row] for row in rows], kind, search.whole, own)

    def votes(out: Sequence[int]) -> FloatArray:
        return search.neighbours.without(search.judged, folded, search.parts.folds, out, NEAREST)

    fits: list[tuple[str, Fit, Voting | None]] = [
        ("batch", batch, None),
        ("affine", partial(supervised, "affine"), None),
        ("matrix", partial(supervised, "matrix"), None),
    ]
    if search.prompt.labelled:
        fits.append(("neighbours", partial(supervised, "neighbours"), votes))
    for kind, fit, voting in fits:
        if of is search.start:
            changed = replace(of, family="calibration", name=f"{kind} calibration")
        else:
            changed = replace(of, family="combination", name=combined(kind, of.name))
        answers = answers_by_fold(fit, scores, search.parts.folds, search.whole, voting)
        search.progress("", 0, 0)
        fitted = fit(range(len(folded)), None if voting is None else voting(()))
        repair = replace(changed, calibration=fitted.fitted_on(search.model.name))
        yield Candidate(repair, answers, made_of_fitting)


Fit = Callable[[Sequence[int], FloatArray | None], Calibration]  # of rows, and of all rows' shares of votes
Voting = Callable[[Sequence[int]], FloatArray]  # these shares, without some folds


def answers_by_fold(
    fit: Fit, scores: FloatArray, folds: IntArray, whole: bool, voting: Voting | None = None
) -> FloatArray:
    """`Candidate.answers`, from one fit without each fold and one without each two.

    Args:
        scores: (n, C) uncalibrated; rows after those of `folds` are never fitted on.
    """
    answers = np.empty((FOLDS, *scores.shape))
    of = np.full(len(scores), -1)
    of[: len(folds)] = folds
    for one in range(FOLDS):
        for other in range(one, FOLDS):
            shares = None if voting is None else voting((one, other))
            rows = np.flatnonzero((of >= 0) & (of != one) & (of != other)).tolist()
            found = calibrated(scores, fit(rows, shares), whole, shares)
            answers[one, of == other] = found[of == other]
            answers[other, of == one] = found[of == one]
            if one == other:
                answers[one, of < 0] = found[of < 0]
    return answers


def combined(kind: str, change: str) -> str:
    """The name of a change of the prompt and a calibration of the changed prompt."""
    return f"{kind} calibration {change if change.startswith('without ') else f'with {change}'}"
