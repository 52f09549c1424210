"""What a prompt file may put in force beside its text: a calibration, and a trained anchor re-weighting (beta)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePath
from typing import Literal, get_args

import numpy as np
from numpy.typing import ArrayLike

from icldiag.arguments import Count, Weight, check_fields
from icldiag.errors import PromptError
from icldiag.inputs.files import sha256_of
from icldiag.quoting import quoted

PriorKind = Literal["contextual", "domain-context", "batch"]  # probabilities are divided by those of a prior
ScaleKind = Literal["full-label", "affine"]
CalibrationKind = Literal[PriorKind, ScaleKind, "matrix", "neighbours"]
PRIORS: tuple[PriorKind, ...] = get_args(PriorKind)
SCALES: tuple[ScaleKind, ...] = get_args(ScaleKind)
KINDS: tuple[CalibrationKind, ...] = get_args(CalibrationKind)
FITTED: tuple[CalibrationKind, ...] = ("batch", "affine", "matrix", "neighbours")  # to texts; each holds the one before

LEAST = 1e-6  # a label that is never answered would be divided by nothing


@dataclass(frozen=True)
class Votes:
    """The labelled examples nearest to a text, by BM25, vote for their labels, each by its likeness.

    A label's score gains `weight` nats times its share of the votes, as kNN-LM interpolates a model's distribution with
    that of neighbours (Khandelwal et al. 2020, arXiv 1911.00172), here on the scale of logarithms.
    """

    nearest: Count
    weight: Weight

    def __post_init__(self) -> None:
        check_fields(self, PromptError)


@dataclass(frozen=True)
class Calibration:
    """Label scores are changed by it, all numbers in the order of the prompt's C classes:

        z(y)  =  scale(y) log p(y)  +  bias(y),  or  sum over k of matrix(y, k) log p(k)  +  bias(y)

    The answer is the label with the greatest z, its probability z's softmax over the labels. log p is a whole label
    word's log-probability where words are scored whole, and the log-probability among the labels where they are scored
    by their first tokens; with the bias alone it makes no difference which. `votes` are added to z.
    """

    kind: CalibrationKind
    bias: tuple[Weight, ...]
    scale: tuple[Weight, ...] | None = None  # None: 1, or there is a matrix
    matrix: tuple[tuple[Weight, ...], ...] | None = None
    votes: Votes | None = None
    model: str | None = None  # whose scores it was fitted on, without its folder; None where that is not known

    def __post_init__(self) -> None:
        check_fields(self, PromptError)

    def fitted_on(self, model: str) -> Calibration:
        """The same, with the name of the model."""
        return replace(self, model=PurePath(model).name)

    def warning(self, model: str) -> str | None:
        """That it was fitted on another model than this one; None where it was not, or that is not known.

        Models are told apart by the last part of their name, so that a model's folder may move.
        """
        if self.model is None or self.model == PurePath(model).name:
            return None
        return (
            f"the {self.kind} calibration was fitted on the scores of {quoted(self.model)} and is applied to those of "
            f"{quoted(PurePath(model).name)}; name its model with --model, fit it again with icldiag repair, or remove "
            "'calibration'"
        )

    @classmethod
    def dividing(cls, kind: PriorKind, prior: Sequence[float]) -> Calibration:
        """Label probabilities are divided by those of a prior: in logarithms, they lose its logarithm."""
        return cls(kind, tuple(-math.log(_rounded(max(value, LEAST))) for value in prior))

    @classmethod
    def affine(cls, kind: CalibrationKind, weights: ArrayLike, bias: ArrayLike) -> Calibration:
        """A bias for each class, (C,), and a scale, (C,), or a row of the matrix, (C, C)."""
        rounded = np.vectorize(_rounded, otypes=[float])
        offsets, by = tuple(rounded(bias).tolist()), rounded(weights)
        if by.ndim == 1:
            return cls(kind, offsets, scale=tuple(by.tolist()))
        return cls(kind, offsets, matrix=tuple(map(tuple, by.tolist())))

    def with_votes(self, nearest: int, weight: float) -> Calibration:
        """A matrix calibration with the neighbours' votes."""
        return replace(self, kind="neighbours", votes=Votes(nearest, _rounded(weight)))

    @property
    def asks_neighbours(self) -> bool:
        """Whether answers depend on the labelled examples; a fit that gains nothing by their votes weighs these 0."""
        return self.votes is not None and self.votes.weight > 0

    @property
    def prior(self) -> tuple[float, ...] | None:
        """What probabilities are divided by, if this is all that is done to them."""
        if self.scale is not None or self.matrix is not None:
            return None
        return tuple(_rounded(math.exp(-value), 12) for value in self.bias)


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
