"""How much one pass takes at a time: on a CPU by its cache and by when the first answers are wanted, else by memory."""

from __future__ import annotations

from dataclasses import dataclass

_BYTES = 16  # of a float32 score or logit, and of what is made of it (joined, masked, its softmax)
_MOST_PAIRS = 2**27  # more in one call are not quicker on any GPU, and take more than 2 GB


@dataclass(frozen=True)
class Limits:
    """Of one padded batch."""

    rows: int
    scores: int  # of one layer's explicit attention
    logits: int
    pairs: int  # of positions in one head, whose attention and its gradient are rebuilt together
    restarts: bool  # whether leaving out the layers below a change pays
    first: int  # rows of a read's first batch; each has twice as many as the one before

    @staticmethod
    def of(device: str, free: int) -> Limits:
        """A GPU takes about as long for one row as for all, so it is given all that half of its free bytes hold."""
        if device.startswith("cpu"):
            return Limits(rows=64, scores=16_000_000, logits=64_000_000, pairs=6_000_000, restarts=True, first=8)
        quarter = free // 4 // _BYTES
        pairs = min(quarter, _MOST_PAIRS)
        return Limits(rows=2**16, scores=quarter, logits=quarter, pairs=pairs, restarts=False, first=2**16)
