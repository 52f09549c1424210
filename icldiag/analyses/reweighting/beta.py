"""What may be put in force as a beta."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from icldiag.errors import AnalysisError
from icldiag.quoting import quoted


def as_beta(given: ArrayLike, shape: tuple[int, int, int] | None = None) -> NDArray[np.float32]:
    """Numbers of whatever kind as (layer, head, demonstration); a torch tensor on the CPU is one.

    Raises:
        AnalysisError: they are no numbers, not finite, or of another shape, where that is known.
    """
    try:
        beta = np.asarray(given)
    except (TypeError, ValueError, RuntimeError):
        beta = np.asarray(None)
    if beta.dtype.kind not in "fiu":
        raise AnalysisError(f"beta must be an array of numbers, not {quoted(given)}")
    beta = beta.astype(np.float32, copy=False)
    if not np.isfinite(beta).all():
        raise AnalysisError("beta holds numbers that are not finite; train it again, with a lower learning rate")
    if shape is not None and beta.shape != shape:
        raise AnalysisError(f"beta has shape {beta.shape}, this model and prompt need {shape}")
    return beta
