"""Candidates: the three calibrations, of the prompt as it is or of another repair."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from icldiag.analyses.calibration import CONTENT_FREE, calibration, random_texts
from icldiag.analyses.repairs.repair import Repair
from icldiag.analyses.repairs.search import Search
from icldiag.prompt.adjustments import KINDS, CalibrationKind
from icldiag.prompt.schema import Example


def calibrations(search: Search, of: Repair | None = None) -> Iterator[Repair]:
    """Fitted on content-free texts or on the fitting part's texts; no demonstration is encoded again for them."""
    base = of or search.start
    for kind in KINDS:
        texts = _texts(search, kind)
        if not texts:
            continue
        (scores,) = search.raw(base, [Example(text, None) for text in texts])
        found = calibration(kind, scores)
        if of is None:
            yield replace(base, family="calibration", name=f"{kind} calibration", calibration=found)
        else:
            name = f"{kind} calibration with {of.name}"
            yield replace(of, family="combination", name=name, calibration=found)


def _texts(search: Search, kind: CalibrationKind) -> tuple[str, ...]:
    if kind == "contextual":
        return CONTENT_FREE
    texts = search.texts_to_fit_on()
    return texts if kind == "batch" or not texts else random_texts(texts, search.seed)
