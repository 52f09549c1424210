"""What each new token of a pass may attend to. Layers that see alike share it, so that it is made once a pass.

Shapes are those of heads.py.
"""

from __future__ import annotations

from collections.abc import Callable, MutableMapping
from dataclasses import dataclass, field
from functools import cached_property
from math import inf
from typing import TYPE_CHECKING

from icldiag.lazy import torch

if TYPE_CHECKING:
    from torch import Tensor

#: transformers' mask functions: (batch, head, position of the row, position of the column) -> may it be attended to.
Visible = Callable[["Tensor", "Tensor", "Tensor", "Tensor"], "Tensor"]

ROWS = 512  # rows of explicit attention computed at a time
HIDES = -3.4e38  # a score of which nothing is left after the softmax; about the least of float32


def _ceiling(visible: Tensor) -> Tensor:
    return torch.where(visible, inf, HIDES)


def _by_rows() -> MutableMapping[Tensor, Tensor]:
    return torch.utils.weak.WeakIdKeyDictionary()  # forgets rows that nobody holds


@dataclass(frozen=True, eq=False)
class Visibility:
    """Causal, without padding, as the model has it; a padded row sees itself, so no softmax is over nothing."""

    positions: Tensor  # (B, O + T) in the whole prompt
    new: int  # T
    context: Tensor | None = None  # (1, P) the context's positions
    within: Visible | None = None  # what of the past may be seen, such as a sliding window
    padding: Tensor | None = None  # (B,) columns of O + T that hold nothing, at the left
    gap: Tensor | None = None  # (B,) of T that hold nothing, at the left
    _ceilings: MutableMapping[Tensor, Tensor] = field(default_factory=_by_rows, repr=False)
    _ceilings_of_context: MutableMapping[Tensor, Tensor] = field(default_factory=_by_rows, repr=False)

    @cached_property
    def all_rows(self) -> Tensor:
        """(T,)"""
        return torch.arange(self.new, device=self.positions.device)

    @cached_property
    def blocks(self) -> tuple[Tensor, ...]:
        """All rows, at most `ROWS` in each."""
        return tuple(self.all_rows[start : start + ROWS] for start in range(0, self.new, ROWS))

    @cached_property
    def visible(self) -> Tensor:
        """What all new tokens may attend to: (B or 1, 1, T, O + T)."""
        return self._visible(self.all_rows)

    @cached_property
    def column_positions(self) -> Tensor:
        """Where in the whole prompt each column of the attention stands: (B, S)."""
        if self.context is None:
            return self.positions
        return torch.cat([self.context.expand(len(self.positions), -1), self.positions], dim=1)

    def ceiling(self, rows: Tensor | None) -> Tensor | None:
        """The most that scores of some new tokens, or of all, may be: infinite, or `HIDES` where they may not look;
        (B or 1, 1, R, O + T); None where they see all. On a CPU a limit takes a tenth of the time of a filled mask.
        """
        if self.padding is None and self.new == 1 and self.within is None:
            return None
        rows = self.all_rows if rows is None else rows
        if rows not in self._ceilings:
            self._ceilings[rows] = _ceiling(self._visible(rows))
        return self._ceilings[rows]

    def ceiling_of_context(self, rows: Tensor | None) -> Tensor | None:
        """The same of the context: (B, 1, R, P)."""
        if self.within is None or self.context is None:
            return None
        rows = self.all_rows if rows is None else rows
        if rows not in self._ceilings_of_context:
            self._ceilings_of_context[rows] = _ceiling(self._of_model(self.within, rows, self.context))
        return self._ceilings_of_context[rows]

    def _visible(self, rows: Tensor) -> Tensor:
        own = self.positions.shape[1]
        columns = torch.arange(own, device=rows.device)
        row_columns = rows + (own - self.new)  # (R,)
        visible = (columns <= row_columns[:, None])[None, None]  # (1, 1, R, O + T)
        if self.within is not None:
            visible = visible & self._of_model(self.within, rows, self.positions)  # (B, 1, R, O + T)
        if self.padding is not None:
            visible = visible & (columns >= self.padding[:, None, None, None])  # (B, 1, R, O + T)
        if self.gap is not None:
            of_new = columns - (own - self.new)
            visible = visible & ((of_new < 0) | (of_new >= self.gap[:, None, None, None]))
        if self.padding is not None or self.gap is not None:
            visible = visible | (columns == row_columns[:, None])
        return visible

    def _of_model(self, within: Visible, rows: Tensor, columns: Tensor) -> Tensor:
        """The model's mask function of some rows and columns (B or 1, N), by position: (B, 1, R, N)."""
        of_rows = self.positions[:, self.positions.shape[1] - self.new :][:, rows]  # (B, R)
        batch = torch.arange(len(of_rows), device=columns.device)[:, None, None]
        return within(batch, torch.zeros_like(batch), of_rows[:, :, None], columns[:, None, :])[:, None]
