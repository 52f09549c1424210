"""Candidates: calibrations of the prompt as it is, or on top of another repair; no demonstration is encoded for them.

What is fitted on the task's texts is fitted on the fitting part and the selection part. A text of the selection part is
judged by a fit that has not seen its fold, so that it is not judged by what was made from it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Literal

import numpy as np

from icldiag.analyses.affine import fit_affine
from icldiag.analyses.calibration import (
    CONTENT_FREE,
    calibrated,
    calibration,
    full_label_calibration,
    random_texts,
)
from icldiag.analyses.repairs.repair import Repair
from icldiag.analyses.repairs.search import Search
from icldiag.model.readout import FloatArray
from icldiag.prompt.adjustments import Calibration
from icldiag.prompt.schema import Example

FOLDS = 5


@dataclass(frozen=True, eq=False)
class Candidate:
    """A repair, and how the selection part is answered with it: (n, C) label scores."""

    repair: Repair
    selection: FloatArray


def calibrations(search: Search) -> Iterator[Candidate]:
    """Of the prompt as it is: by content-free texts, by random words, and those that are fitted."""
    start, whole = search.start, search.whole
    (selection,) = search.raw(start, search.parts.selection)
    texts = search.texts_to_fit_on()
    words = random_texts(texts, search.seed) if texts else ()
    (scores,) = search.raw(start, [Example(text, None) for text in (*CONTENT_FREE, *words)])
    free = scores[: len(CONTENT_FREE)]
    by = [calibration("contextual", free)]
    if words:
        by.append(calibration("domain-context", scores[len(CONTENT_FREE) :]))
    tokens = [len(ids) for ids in search.lab.encoded.label_tokens]
    if whole and max(tokens) > 1:
        by.append(full_label_calibration(free, tokens))
    for one in by:
        name = f"{one.kind} calibration"
        repair = replace(start, family="calibration", name=name, calibration=one)
        yield Candidate(repair, calibrated(selection, one, whole))
    yield from fitted_calibrations(search, start)


def fitted_calibrations(search: Search, of: Repair) -> Iterator[Candidate]:
    """Batch, affine and matrix calibration of a changed prompt whose fitting and selection parts were asked."""
    examples = (*search.parts.fitting, *search.parts.selection)
    fitting, selection = search.raw(of, search.parts.fitting, search.parts.selection)
    scores, gold = np.concatenate([fitting, selection]), [example.label for example in examples]
    (unlabelled,) = search.raw(of, [Example(text, None) for text in search.parts.unlabelled])
    labels = [label for label in gold if label is not None]  # all are

    def batch(rows: Sequence[int]) -> Calibration:
        return calibration("batch", np.concatenate([scores[rows], unlabelled]))

    def supervised(kind: Literal["affine", "matrix"], rows: Sequence[int]) -> Calibration:
        return fit_affine(scores[rows], [labels[row] for row in rows], kind, search.whole)

    fits: list[tuple[str, Callable[[Sequence[int]], Calibration]]] = [
        ("batch", batch),
        ("affine", partial(supervised, "affine")),
        ("matrix", partial(supervised, "matrix")),
    ]
    for kind, fit in fits:
        if of is search.start:
            changed = replace(of, family="calibration", name=f"{kind} calibration")
        else:
            changed = replace(of, family="combination", name=f"{kind} calibration with {of.name}")
        answers = cross_fitted(fit, scores, len(fitting), search.whole)
        yield Candidate(replace(changed, calibration=fit(range(len(scores)))), answers)


def cross_fitted(
    fit: Callable[[Sequence[int]], Calibration], scores: FloatArray, first: int, whole: bool
) -> FloatArray:
    """The rows from `first` on, each calibrated by a fit on all rows but those of its fold.

    The parts go through the classes in turn, so that neighbours in a fold are of different classes.
    """
    found = np.empty_like(scores[first:])
    size = -(-len(found) // FOLDS)
    for start in range(first, len(scores), size):
        fold = range(start, min(start + size, len(scores)))
        others = [row for row in range(len(scores)) if row not in fold]
        found[fold.start - first : fold.stop - first] = calibrated(scores[fold], fit(others), whole)
    return found
