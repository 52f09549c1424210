"""What a prompt file may put in force beside its text: a calibration, and a trained anchor re-weighting (beta)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from icldiag.inputs.files import sha256_of

PriorKind = Literal["contextual", "domain-context", "batch"]  # probabilities are divided by those of a prior
CalibrationKind = Literal[PriorKind, "full-label", "affine"]
PRIORS: tuple[PriorKind, ...] = get_args(PriorKind)
KINDS: tuple[CalibrationKind, ...] = get_args(CalibrationKind)

LEAST = 1e-6  # a label that is never answered would be divided by nothing


@dataclass(frozen=True)
class Calibration:
    """One number per class in the prompt's order, added to the label scores, and where there is a scale one that
    multiplies them before:

        z(y)  =  scale(y) log p(y)  +  bias(y),  softmaxed over the labels

    log p is a whole label word's log-probability where words are scored whole, and the log-probability among the labels
    where they are scored by their first tokens. Without a scale it makes no difference which.
    """

    kind: CalibrationKind
    bias: tuple[float, ...]
    scale: tuple[float, ...] | None = None

    @classmethod
    def dividing(cls, kind: PriorKind, prior: Sequence[float]) -> Calibration:
        """Label probabilities are divided by those of a prior: in logarithms, they lose its logarithm."""
        return cls(kind, tuple(-math.log(_rounded(max(value, LEAST))) for value in prior))

    @classmethod
    def affine(cls, kind: CalibrationKind, scale: Sequence[float], bias: Sequence[float]) -> Calibration:
        """A scale and a bias for each class."""
        return cls(kind, tuple(map(_rounded, bias)), tuple(map(_rounded, scale)))

    @property
    def prior(self) -> tuple[float, ...] | None:
        """What probabilities are divided by; None with a scale."""
        return None if self.scale is not None else tuple(_rounded(math.exp(-value), 12) for value in self.bias)


def _rounded(value: float, digits: int = 6) -> float:
    """To significant digits: a number that is as short in a file, and changes no answer when it is read back."""
    return float(f"{value:.{digits}g}")


@dataclass(frozen=True)
class SavedBeta:
    """A file with a trained beta, and the SHA-256 of its content."""

    path: Path
    sha256: str

    @classmethod
    def at(cls, path: Path) -> SavedBeta:
        """Raises OSError where the file cannot be read."""
        return cls(path, sha256_of(path))
