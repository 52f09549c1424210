"""The target position in every layer: its query vector, and its attention to the label words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from icldiag.lazy import torch
from icldiag.model.heads import Heads, widened
from icldiag.prompt.encoded_prompt import EncodedPrompt

if TYPE_CHECKING:
    from torch import Tensor

    from icldiag.model.forward import Edits


@dataclass(frozen=True)
class Target:
    """The target position of n queries in L layers."""

    queries: tuple[NDArray[np.float32], ...]  # per layer (n, H * d); some architectures have layers of several widths
    inputs: tuple[Tensor, ...]  # per layer (n, D), and the last one's output
    attention: NDArray[np.float64]  # (n, L, C) to the anchors of each class, summed over heads and shots

    @staticmethod
    def joined(parts: Sequence[Target], order: NDArray[np.int64]) -> Target:
        """Batches one behind the other, and all their rows in this order."""
        queries = zip(*(part.queries for part in parts), strict=True)
        inputs = zip(*(part.inputs for part in parts), strict=True)
        return Target(
            tuple(np.concatenate(layer)[order] for layer in queries),
            tuple(torch.cat(layer)[torch.from_numpy(order)] for layer in inputs),
            np.concatenate([part.attention for part in parts])[order],
        )


class TargetReader:
    """Observes passes of queries on the prompt's whole prefix."""

    def __init__(self, encoded: EncodedPrompt, edits: Edits | None) -> None:
        anchors = [(place, one.label_class) for one in encoded.demonstrations for place in one.anchors]
        self.places = torch.tensor([place for place, _ in anchors])
        classes = torch.tensor([of for _, of in anchors])
        self.owners = torch.nn.functional.one_hot(classes, len(encoded.label_tokens)).float()  # (anchors, C)
        self.edits = edits or {}
        self._queries: list[Tensor] = []
        self._attention: list[Tensor] = []

    def observe(self, layer: int, heads: Heads, rows: int) -> None:
        """Keep what the target has in a layer: it is the first of so many rows at the end."""
        device = heads.query.device
        self._queries.append(heads.query[:, :, -rows].flatten(1).float().cpu())
        row = heads.row(-rows)  # (B, H, S)
        edit = self.edits.get(layer)
        if edit is not None and edit.factor is not None:
            row = row * widened(edit.factor, row, 1.0).to(row)
        row = row[..., self.places.to(device)].sum(1)  # (B, anchors)
        self._attention.append((row @ self.owners.to(device)).cpu())

    def forget(self) -> None:
        """Begin anew: a batch that memory did not do for is run again in parts."""
        self._queries, self._attention = [], []

    def taken(self, inputs: Sequence[Tensor]) -> Target:
        """What was kept of the batch, with the layers' inputs at the target, (B, 1, D) each."""
        attention = torch.stack(self._attention, dim=1).double().numpy()  # (B, L, C)
        queries = tuple(vectors.numpy() for vectors in self._queries)
        return Target(queries, tuple(one.squeeze(-2).cpu() for one in inputs), attention)
