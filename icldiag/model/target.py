"""The target position in every layer: its query vector, and where its attention goes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from icldiag.lazy import torch
from icldiag.model.heads import Heads, widened
from icldiag.model.transfer import to_host
from icldiag.prompt.destinations import DESTINATIONS, destination_of_positions
from icldiag.prompt.encoded_prompt import EncodedPrompt

if TYPE_CHECKING:
    from torch import Tensor

    from icldiag.model.edits import Edits


@dataclass(frozen=True)
class Target:
    """The target position of n queries in L layers."""

    queries: tuple[NDArray[np.float32], ...]  # per layer (n, H * d); some architectures have layers of several widths
    inputs: tuple[Tensor, ...]  # per layer (n, D), and the last one's output
    attention: NDArray[np.float64]  # (n, L, C) to the anchors of each class, summed over heads and shots
    destinations: NDArray[np.float64]  # (n, L, len(DESTINATIONS)) shares of all attention to tokens

    @staticmethod
    def joined(parts: Sequence[Target], order: NDArray[np.int64]) -> Target:
        """Batches one behind the other, and all their rows in this order."""
        queries = zip(*(part.queries for part in parts), strict=True)
        inputs = zip(*(part.inputs for part in parts), strict=True)
        return Target(
            tuple(np.concatenate(layer)[order] for layer in queries),
            tuple(torch.cat(layer)[torch.from_numpy(order)] for layer in inputs),
            np.concatenate([part.attention for part in parts])[order],
            np.concatenate([part.destinations for part in parts])[order],
        )


class TargetReader:
    """Observes passes of queries on the prompt's whole prefix.

    In a pass it keeps a row of attention a layer, summed over heads; what of it goes where is added up at the end.
    """

    def __init__(self, encoded: EncodedPrompt, edits: Edits | None) -> None:
        anchors = [(place, one.label_class) for one in encoded.demonstrations for place in one.anchors]
        self.places = [place for place, _ in anchors]
        self.owners = np.eye(len(encoded.label_tokens))[[of for _, of in anchors]]  # (anchors, C)
        self.destinations = destination_of_positions(encoded)  # (n, longest)
        self.edits = edits or {}
        self._queries: list[Tensor] = []
        self._rows: list[Tensor] = []
        self._columns: Tensor | None = None

    def observe(self, layer: int, heads: Heads, rows: int) -> None:
        """Keep what the target has in a layer: it is the first of so many rows at the end."""
        self._queries.append(heads.query[:, :, -rows].flatten(1).float())
        row = heads.row(-rows)  # (B, H, S)
        edit = self.edits.get(layer)
        if edit is not None and edit.factor is not None:
            row = row * widened(edit.factor, row, 1.0).to(row)
        self._rows.append(row.sum(1).float())  # (B, S)
        if self._columns is None:  # the same in every layer
            self._columns = heads.visibility.column_positions

    def forget(self) -> None:
        """Begin anew: a batch that memory did not do for is run again in parts."""
        self._queries, self._rows, self._columns = [], [], None

    def taken(self, indices: Sequence[int], inputs: Sequence[Tensor]) -> Target:
        """What was kept of a batch of these queries, with the layers' inputs at the target, (B, 1, D) each."""
        assert self._columns is not None
        layers = len(self._queries)
        vectors, columns = to_host([*self._queries, *self._rows]), to_host([self._columns])[0]
        rows = torch.stack(vectors[layers:], dim=1).double().numpy()  # (B, L, S)
        queries = tuple(one.numpy() for one in vectors[:layers])
        attention = rows[..., self.places] @ self.owners  # (B, L, C)
        states = to_host([one.squeeze(-2) for one in inputs])
        return Target(queries, states, attention, self._shares(indices, rows, columns.numpy()))

    def _shares(
        self, indices: Sequence[int], rows: NDArray[np.float64], columns: NDArray[np.int64]
    ) -> NDArray[np.float64]:
        """Of rows (B, L, S), the share that goes to each part of the prompt: (B, L, DESTINATIONS)."""
        own = self.destinations[list(indices)]  # (B, longest)
        of_columns = columns.clip(max=own.shape[1] - 1)  # (B, S); behind the target nothing is seen
        part = np.take_along_axis(own, of_columns, axis=1)
        found = rows @ np.eye(len(DESTINATIONS))[part]  # (B, L, DESTINATIONS)
        total = found.sum(axis=-1, keepdims=True)
        return np.asarray(np.divide(found, total, out=np.zeros_like(found), where=total > 0))
