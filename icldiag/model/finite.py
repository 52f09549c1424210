"""Scores that are no finite numbers are never an answer: the largest of them would be whichever stands first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from icldiag.errors import NotFinite

if TYPE_CHECKING:
    import torch
    from torch import Tensor


def require_finite(scores: Tensor, dtype: torch.dtype, calibration: str | None = None) -> None:
    """Raise NotFinite where one of them, on the host, is NaN or infinite.

    Args:
        dtype: of the model that gave them.
        calibration: the kind of the one that was applied to them.
    """
    if scores.device.type != "cpu" or scores.detach().isfinite().all():  # elsewhere a pass would wait for the device
        return
    name = str(dtype).removeprefix("torch.")
    if dtype.itemsize < 4:
        reason = f"the model overflows in {name}; try --dtype float32"
    else:
        reason = f"the model overflows in {name}, or its weights are damaged; use another model"
    if calibration is not None:
        reason += f", or remove 'calibration' ({calibration}) from the prompt"
    raise NotFinite(f"the scores are not finite numbers, so there is no answer: {reason}")
