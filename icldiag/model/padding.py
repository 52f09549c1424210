"""Token rows of different length as one batch, padded at the left."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from icldiag.lazy import torch

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Batch:
    """Token rows of different length, padded at the left so that every row's last token is in the last column."""

    ids: Tensor  # (B, T)
    positions: Tensor  # (B, T)
    padding: Tensor | None  # (B,) padded columns of each row; None where there are none
    gap: Tensor | None = None  # (B,) columns between a row's past and its first new token that hold nothing

    @property
    def last_position(self) -> int:
        return int(self.positions.max())

    def rows(self, which: slice) -> Batch:
        """Some rows, as wide as before."""
        padding = None if self.padding is None else self.padding[which]
        gap = None if self.gap is None else self.gap[which]
        return Batch(self.ids[which], self.positions[which], padding, gap)


def batch_of(rows: Sequence[Sequence[int]], start: int, device: torch.device | str = "cpu") -> Batch:
    """Left-pad token rows; every row's first token has position `start`."""
    width = max(len(row) for row in rows)
    padding = torch.tensor([width - len(row) for row in rows], device=device)  # (B,)
    ids = torch.tensor([[0] * (width - len(row)) + list(row) for row in rows], device=device)  # (B, T)
    positions = (torch.arange(width, device=device) - padding[:, None]).clamp(min=0) + start  # (B, T)
    return Batch(ids, positions, padding if bool(padding.any()) else None)
