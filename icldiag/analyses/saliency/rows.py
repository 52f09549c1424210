"""A * dL/dA of as many layers and rows at a time as memory holds: no (layer, head, T, T) tensor need ever exist."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from icldiag.lazy import no_grad, torch
from icldiag.model.attention import Edit
from icldiag.model.heads import Heads, products
from icldiag.model.transfer import to_host
from icldiag.prompt.encoded_prompt import EncodedPrompt

if TYPE_CHECKING:
    from torch import Tensor

HeadSum = Literal["signed", "absolute"]


#: The rows of a block are rebuilt in up to so many parts, each without the columns after it: almost half is saved.
_PARTS = 8


@dataclass(frozen=True)
class Attended:
    """One layer's attention in a pass over one whole prompt, and what the loss says of its output."""

    layer: int
    heads: Heads
    gradient: Tensor  # (1, H, T, d)
    edit: Edit | None = None  # of the target and the rows after it

    def alike(self, other: Attended) -> bool:
        """Whether both can be rebuilt in the same calls."""
        one, two = self.heads, other.heads
        return (
            one.variant.sinks is two.variant.sinks is None
            and one.query.shape == two.query.shape
            and one.key.shape == two.key.shape
            and one.query.device == two.query.device
            and (one.scale, one.variant) == (two.scale, two.variant)
            and (self.edit is None) == (other.edit is None)
        )


@dataclass(frozen=True)
class LayerFlows:
    """I of one layer."""

    layer: int
    total: Tensor  # float64, over all pairs j < i
    into_target: Tensor  # (T,) the target's row
    into_labels: Tensor  # (n, T) the anchors' rows


def in_blocks(layers: Iterator[Attended], pairs: int) -> Iterator[list[Attended]]:
    """Neighbouring layers that are alike: as many as have `pairs` of positions in a part of their rows, or one."""
    block: list[Attended] = []
    for layer in layers:
        _, heads, length, _ = layer.heads.query.shape
        if block and (not block[0].alike(layer) or (len(block) + 1) * heads * length * length > _PARTS * pairs):
            yield block
            block = []
        block.append(layer)
    if block:
        yield block


@no_grad
def flows(block: Sequence[Attended], anchors: Tensor, length: int, head_sum: HeadSum, pairs: int) -> list[LayerFlows]:
    """Sums and rows of I, its diagonal 0, of layers that are alike, on their device.

    The first `length` tokens are the prompt's; any others are label words'.
    """
    heads, gradient, edit = _stacked(block)
    device = heads.query.device
    anchors = anchors.to(device)
    total = torch.zeros(len(block), dtype=torch.float64, device=device)
    label_rows = torch.zeros(len(block), len(anchors), length, device=device)
    target_row = torch.zeros(len(block), length, device=device)
    step = max(1, pairs // (len(block) * heads.query.shape[1] * length))
    for start in range(0, length, step):
        until = min(start + step, length)  # causal: later columns hold nothing
        rows = torch.arange(start, until, device=device)
        attention = heads.attention(rows, until=until)  # (L, H, R, until)
        if until == length:
            _scale(attention[:, :, -1:], edit)
        saliency = _saliency(heads, gradient, rows, attention, head_sum)  # (L, R, until)
        saliency[:, rows - start, rows] = 0.0
        total += saliency.sum(dim=(1, 2), dtype=torch.float64)
        inside = ((anchors >= start) & (anchors < until))[:, None]  # (n, 1)
        label_rows[..., :until] += saliency[:, (anchors - start).clamp(0, until - start - 1)] * inside
        if until == length:
            target_row = saliency[:, -1]
    rows = torch.arange(length, heads.query.shape[2], device=device)
    if len(rows):
        assert edit is not None and edit.blocked is not None  # LabelWords.edits hides the other words
        attention = heads.attention(rows, edit.blocked[1:])  # (L, H, N, T + N)
        _scale(attention, edit)
        later = _saliency(heads, gradient, rows, attention, head_sum)[..., : length - 1].sum(1)
        target_row[:, :-1] += later
        total += later.sum(dim=1, dtype=torch.float64)
    return [LayerFlows(one.layer, total[i], target_row[i], label_rows[i]) for i, one in enumerate(block)]


def on_host(layers: Sequence[LayerFlows]) -> list[LayerFlows]:
    """The same on the CPU, with one transfer from each device."""
    parts = [part.double() for one in layers for part in (one.total, one.into_target, one.into_labels)]
    found = iter(to_host(parts))
    return [LayerFlows(one.layer, next(found), next(found).float(), next(found).float()) for one in layers]


def _stacked(block: Sequence[Attended]) -> tuple[Heads, Tensor, Edit | None]:
    """Layers as the rows of a batch."""
    first = block[0].heads
    heads = replace(
        first,
        query=torch.cat([one.heads.query for one in block]),
        key=torch.cat([one.heads.key for one in block]),
        value=torch.cat([one.heads.value for one in block]),
    )
    edits = [one.edit.to(heads.query.device) for one in block if one.edit is not None]
    edit = None
    if edits:
        factors = [edit.factor for edit in edits if edit.factor is not None]
        edit = replace(edits[0], factor=torch.stack(factors) if len(factors) == len(edits) else None)  # (L, H, N)
    return heads, torch.cat([one.gradient for one in block]), edit


def _saliency(heads: Heads, gradient: Tensor, rows: Tensor, attention: Tensor, head_sum: HeadSum) -> Tensor:
    """| sum_h A * dL/dA |, or sum_h | A * dL/dA |, of some rows: (L, H, R, N) -> (L, R, N)."""
    values = heads.value[:, :, : attention.shape[-1]].to(attention.dtype)
    change = products(gradient[:, :, rows].to(attention.dtype), values)  # dL/dA: (L, H, R, N)
    flow = change.mul_(attention)
    return flow.sum(1).abs() if head_sum == "signed" else flow.abs().sum(1)


def _scale(attention: Tensor, edit: Edit | None) -> None:
    """Apply the edit's factors (L, H, N) to rows of attention (L, H, R, S), in place."""
    if edit is not None and edit.factor is not None:
        attention[..., : edit.factor.shape[-1]] *= edit.factor.to(attention)[:, :, None]


def of_demonstrations(label_rows: NDArray[np.float32], encoded: EncodedPrompt) -> NDArray[np.float32]:
    """The mean over each demonstration's anchors: (anchors, T) -> (demonstrations, T)."""
    stops = np.cumsum([len(places) for places in encoded.all_anchors])
    return np.stack([rows.mean(0) for rows in np.split(label_rows, stops[:-1])])


def three_means(
    total: float, target_row: NDArray[np.float32], label_rows: NDArray[np.float32], positions: Tensor
) -> tuple[float, float, float]:
    """S_wp, S_pq and S_ww. There are p pairs j < p; S_ww has what the other two leave of all pairs."""
    anchors = positions.numpy()
    pairs = len(target_row) * (len(target_row) - 1) // 2
    into_labels, from_labels = float(label_rows.sum(dtype=np.float64)), float(target_row[anchors].sum(dtype=np.float64))
    others = pairs - int(anchors.sum()) - len(anchors)
    return (
        into_labels / int(anchors.sum()),
        from_labels / len(anchors),
        max(total - into_labels - from_labels, 0.0) / others,
    )
