"""How much one pass takes at a time: on a CPU by its cache and by when the first answers are wanted, else by memory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from icldiag.model.free_memory import free_memory

if TYPE_CHECKING:
    import torch

_BYTES = 16  # of a float32 score or logit, and of what is made of it (joined, masked, its softmax)


@dataclass(frozen=True)
class Limits:
    """Of one padded batch."""

    rows: int
    scores: int  # of one layer's explicit attention
    logits: int
    first: int  # rows of a read's first batch; each has twice as many as the one before

    @staticmethod
    def of(device: torch.device) -> Limits:
        """A GPU takes about as long for one row as for all, so it is given all that half of its free memory holds."""
        if device.type == "cpu":
            return Limits(rows=64, scores=16_000_000, logits=64_000_000, first=8)
        quarter = free_memory(str(device)) // 4 // _BYTES
        return Limits(rows=2**16, scores=quarter, logits=quarter, first=2**16)
