"""A prompt's first tokens as pieces of what earlier passes kept, and many of them as one padded batch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from icldiag.lazy import torch
from icldiag.model.heads import KeyValues

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True, eq=False)
class Piece:
    """Tokens [start, stop) of one row of keys and values, (B, K, N, d) per layer."""

    key_values: Sequence[KeyValues]
    row: int
    start: int
    stop: int

    def at(self, layer: int) -> KeyValues:
        found, row, columns = self.key_values[layer], slice(self.row, self.row + 1), slice(self.start, self.stop)
        return KeyValues(
            found.keys[row, :, columns], found.values[row, :, columns], found.positions[row, columns], found.last
        )


@dataclass(frozen=True, eq=False)
class Past:
    """A prompt's first tokens, as pieces one behind the other."""

    pieces: tuple[Piece, ...]

    def __len__(self) -> int:
        return sum(piece.stop - piece.start for piece in self.pieces)

    def cut(self, start: int, stop: int) -> Past:
        """Only the tokens [start, stop)."""
        kept, reached = [], 0
        for piece in self.pieces:
            size = piece.stop - piece.start
            first, last = max(start - reached, 0), min(stop - reached, size)
            if first < last:
                kept.append(replace(piece, start=piece.start + first, stop=piece.start + last))
            reached += size
        return Past(tuple(kept))

    def at(self, layer: int) -> KeyValues:
        """(1, K, tokens, d)"""
        first, *rest = (piece.at(layer) for piece in self.pieces)
        for later in rest:
            first = first.then(later)
        return first


def shared_tokens(pasts: Sequence[Past]) -> int:
    """How many first tokens all these pasts have in the same place."""
    count = 0
    for pieces in zip(*(past.pieces for past in pasts), strict=False):
        if len({(id(piece.key_values), piece.row, piece.start) for piece in pieces}) > 1:
            break
        sizes = {piece.stop - piece.start for piece in pieces}
        count += min(sizes)
        if len(sizes) > 1:
            break
    return count


@dataclass(frozen=True)
class _Source:
    """The tokens of the rows' own pasts that stand in one pass's keys and values."""

    key_values: Sequence[KeyValues]
    row: Tensor  # (n,) in them
    column: Tensor  # (n,)
    own_row: Tensor  # (n,) in the batch
    own_column: Tensor  # (n,)

    def indices(self, device: torch.device) -> list[Tensor]:
        """Row, column, the batch's row and the batch's column, on a device."""
        return [index.to(device) for index in (self.row, self.column, self.own_row, self.own_column)]


@dataclass(frozen=True)
class OwnPasts:
    """The rows' own pasts as one padded batch: of each pass that has some of them, all in one copy a layer."""

    sources: tuple[_Source, ...]
    rows: int
    columns: int
    first: int  # the position after the context, which padding is given

    @staticmethod
    def of(owns: Sequence[Past], columns: int, first: int, device: torch.device) -> OwnPasts:
        places: dict[int, list[NDArray[np.int64]]] = {}
        passes: dict[int, Sequence[KeyValues]] = {}
        for row, own in enumerate(owns):
            column = columns - len(own)
            for piece in own.pieces:
                tokens = np.arange(piece.stop - piece.start)
                here = [np.full_like(tokens, piece.row), tokens + piece.start, np.full_like(tokens, row)]
                places.setdefault(id(piece.key_values), []).append(np.stack([*here, tokens + column]))
                passes[id(piece.key_values)] = piece.key_values
                column += len(tokens)
        return OwnPasts(
            tuple(
                _Source(passes[one], *torch.from_numpy(np.concatenate(found, axis=1)).to(device))
                for one, found in places.items()
            ),
            len(owns),
            columns,
            first,
        )

    def at(self, layer: int) -> KeyValues:
        """(B, K, O, d) in one layer."""
        like = self.sources[0].key_values[layer]
        size = self.rows, self.columns
        keys = like.keys.new_zeros(size[0], like.keys.shape[1], size[1], like.keys.shape[3])
        values = like.values.new_zeros(size[0], like.values.shape[1], size[1], like.values.shape[3])
        last = self.first
        for source in self.sources:
            found = source.key_values[layer]
            row, column, to, place = source.indices(found.keys.device)
            keys[to, :, place] = found.keys[row, :, column]
            values[to, :, place] = found.values[row, :, column]
            last = max(last, found.last)
        return KeyValues(keys, values, self._positions.to(like.keys.device), last)

    @cached_property
    def _positions(self) -> Tensor:
        """(B, O), the same in every layer."""
        like = self.sources[0].key_values[0].positions
        positions = like.new_full((self.rows, self.columns), self.first)
        for source in self.sources:
            row, column, to, place = source.indices(like.device)
            positions[to, place] = source.key_values[0].positions.to(like.device)[row, column]
        return positions
