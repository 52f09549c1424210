"""Token rows of different length as one batch, padded at the left.

What decides how a pass is run (the positions it spans, whether anything is padded) is known here, where the rows are
still Python's: asking a GPU for it in the middle of a pass would make it wait.
"""

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
    span: tuple[int, int]  # no position is smaller than the first, none larger than the second
    gap: Tensor | None = None  # (B,) columns between a row's past and its first new token that hold nothing

    def rows(self, which: slice) -> Batch:
        """Some rows, as wide as before."""
        padding = None if self.padding is None else self.padding[which]
        gap = None if self.gap is None else self.gap[which]
        return Batch(self.ids[which], self.positions[which], padding, self.span, gap)


def batch_of(rows: Sequence[Sequence[int]], start: int, device: torch.device | str = "cpu") -> Batch:
    """Left-pad token rows; every row's first token has position `start`."""
    width = max(len(row) for row in rows)
    padding = padding_of([len(row) for row in rows], device)
    ids = torch.tensor([[0] * (width - len(row)) + list(row) for row in rows], device=device)  # (B, T)
    columns = torch.arange(width, device=device)
    positions = columns.expand(len(rows), -1) if padding is None else (columns - padding[:, None]).clamp(min=0)
    return Batch(ids, positions + start, padding, (start, start + width - 1))


def padding_of(lengths: Sequence[int], device: torch.device | str = "cpu") -> Tensor | None:
    """(B,) columns that are empty beside the longest row; None where all are as long."""
    width = max(lengths)
    if min(lengths) == width:
        return None
    return torch.tensor([width - length for length in lengths], device=device)
