"""A calibration as a prompt file writes it."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping
from typing import TypeVar

from icldiag.arguments import HEAVIEST
from icldiag.errors import PromptError
from icldiag.prompt.adjustments import KINDS as CALIBRATIONS
from icldiag.prompt.adjustments import PRIORS, SCALES, Calibration
from icldiag.prompt.fields import CalibrationFields, no_such_class
from icldiag.quoting import quoted

_VOTES = ("nearest", "weight")
T = TypeVar("T")
Complaint = Callable[..., PromptError]  # of a reason and a place inside the file

_WEIGHTS = {kind: "scale" if kind in SCALES else "matrix" for kind in CALIBRATIONS}  # of the kinds that have them


def calibration_of(given: CalibrationFields | None, classes: dict[str, int], error: Complaint) -> Calibration | None:
    """Raises PromptError, which `error` makes of a reason and a place."""
    return None if given is None else dataclasses.replace(_fitted(given, classes, error), model=given.model)


def _fitted(given: CalibrationFields, classes: dict[str, int], error: Complaint) -> Calibration:
    fields: tuple[str, ...] = ("probabilities",) if given.kind in PRIORS else (_WEIGHTS[given.kind], "bias")
    fields += _VOTES if given.kind == "neighbours" else ()
    for field in ("probabilities", "scale", "matrix", "bias", *_VOTES):
        if field not in fields and getattr(given, field) is not None:
            reason = f"is not for the kind {given.kind!r}, which has {' and '.join(fields)}; remove it"
            raise error(reason, "calibration", field)
    for field in fields:
        if getattr(given, field) is None:
            raise error("this field is missing", "calibration", field)
    if given.probabilities is not None:
        prior = _of_each_class(given.probabilities, classes, error, "probabilities")
        for name, value in given.probabilities.items():
            if not 0 < value <= 1:
                reason = f"{value:g} is no probability to divide by; write a number above 0, up to 1"
                raise error(reason, "calibration", "probabilities", name)
        total = math.fsum(prior)
        if not math.isclose(total, 1, abs_tol=0.01):
            reason = f"the numbers sum to {total:.3g}; probabilities of all classes sum to 1"
            raise error(reason, "calibration", "probabilities")
        return Calibration(given.kind, tuple(-math.log(value) for value in prior))
    bias = _of_each_class(given.bias or {}, classes, error, "bias")
    if given.scale is not None:
        return Calibration(given.kind, bias, scale=_of_each_class(given.scale, classes, error, "scale"))
    rows = _of_each_class(given.matrix or {}, classes, error, "matrix")
    matrix = [_of_each_class(row, classes, error, "matrix", name) for name, row in zip(classes, rows, strict=True)]
    found = Calibration(given.kind, bias, matrix=tuple(matrix))
    if given.nearest is None or given.weight is None:
        return found
    return found.with_votes(given.nearest, given.weight)


def _of_each_class(given: Mapping[str, T], classes: dict[str, int], error: Complaint, *inside: str) -> tuple[T, ...]:
    """What a field of the calibration says of each class, in their order."""
    place = ("calibration", *inside)
    for name, value in given.items():
        if name not in classes:
            raise error(no_such_class(name, classes), *place, name)
        if isinstance(value, float) and not abs(value) <= HEAVIEST:
            raise error(f"{value:g} will not do here; write a number from {-HEAVIEST:g} to {HEAVIEST:g}", *place, name)
    missing = [name for name in classes if name not in given]
    if missing:
        raise error(f"there is no number for the class {quoted(missing[0])}; write one for each class", *place)
    return tuple(given[name] for name in classes)
