"""What may be put in force as a beta."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
from numpy.typing import ArrayLike, NDArray

from icldiag.errors import AnalysisError, NotFinite
from icldiag.quoting import quoted

LARGEST = 40.0  # exp(40) is squared in the norms of a float32 model, with some room: beyond, they give nothing or NaN


def as_beta(given: ArrayLike, shape: tuple[int, int, int] | None = None) -> NDArray[np.float32]:
    """Numbers of whatever kind as (layer, head, demonstration); a torch tensor on the CPU is one.

    Raises:
        AnalysisError: they are no numbers, not finite or too large, or of another shape, where that is known.
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
    if beta.size and beta.max() > LARGEST:
        raise AnalysisError(
            f"beta is up to {beta.max():g}, and a weight times exp({beta.max():g}) is more than the model can compute "
            f"with (at most {LARGEST:g}); train it again, with a lower learning rate"
        )
    if shape is not None and beta.shape != shape:
        raise AnalysisError(f"beta has shape {beta.shape}, this model and prompt need {shape}")
    return beta


@contextmanager
def naming_beta(in_force: Callable[[], NDArray[np.float32] | None]) -> Iterator[None]:
    """Scores that are no numbers are told with the re-weighting in force, if there is one."""
    try:
        yield
    except NotFinite as error:
        beta = in_force()
        if beta is None or not beta.size:
            raise
        raise AnalysisError(
            f"{error}; a re-weighting is in force (beta up to {beta.max():.3g}): without it, or trained again with a "
            "lower learning rate, there may be answers"
        ) from None
