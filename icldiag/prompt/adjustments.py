"""What a prompt file may put in force beside its text: a calibration, and a trained anchor re-weighting (beta)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from icldiag.inputs.files import sha256_of

CalibrationKind = Literal["contextual", "domain-context", "batch"]
KINDS: tuple[CalibrationKind, ...] = get_args(CalibrationKind)

LEAST = 1e-6  # a label that is never answered would be divided by nothing


@dataclass(frozen=True)
class Calibration:
    """Every query's label probabilities are divided by these, and made to sum to 1 again.

    `probabilities` has one number per class in the prompt's order: what the prompt answers when the query says nothing.
    """

    kind: CalibrationKind
    probabilities: tuple[float, ...]

    @classmethod
    def of(cls, kind: CalibrationKind, probabilities: Sequence[float]) -> Calibration:
        """As it is written to a file: six significant digits, so that reading it back changes no answer."""
        return cls(kind, tuple(float(f"{max(value, LEAST):.6g}") for value in probabilities))

    @property
    def shift(self) -> tuple[float, ...]:
        """What is taken from the label scores: dividing probabilities is subtracting logarithms."""
        return tuple(math.log(value) for value in self.probabilities)


@dataclass(frozen=True)
class SavedBeta:
    """A file with a trained beta, and the SHA-256 of its content."""

    path: Path
    sha256: str

    @classmethod
    def at(cls, path: Path) -> SavedBeta:
        """Raises OSError where the file cannot be read."""
        return cls(path, sha256_of(path))
