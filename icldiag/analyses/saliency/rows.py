"""A * dL/dA a block of rows at a time: no (layer, head, T, T) tensor ever exists."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from icldiag.lazy import no_grad, torch
from icldiag.model.attention import Edit
from icldiag.model.heads import Heads, products
from icldiag.prompt.encoded_prompt import EncodedPrompt

if TYPE_CHECKING:
    from torch import Tensor

HeadSum = Literal["signed", "absolute"]
_ROWS = 256  # rows of attention rebuilt at a time


@no_grad
def flows(
    heads: Heads, gradient: Tensor, anchors: Tensor, length: int, head_sum: HeadSum, edit: Edit | None
) -> tuple[float, NDArray[np.float32], NDArray[np.float32]]:
    """Sum of I over all pairs j < i, the target's row (T,), and the anchors' rows (n, T), diagonal 0.

    The first `length` tokens are the prompt's; any others are label words'. `edit` is that of the target and these.
    """
    device = heads.query.device
    anchors = anchors.to(device)
    total = 0.0
    label_rows = torch.zeros(len(anchors), length, device=device)
    target_row = torch.zeros(length, device=device)
    for start in range(0, length, _ROWS):
        rows = torch.arange(start, min(start + _ROWS, length), device=device)
        until = int(rows[-1]) + 1  # causal: later columns hold nothing
        attention = heads.attention(rows, until=until)  # (1, H, R, until)
        if until == length:
            _scale(attention[:, :, -1:], edit)
        saliency = _saliency(heads, gradient, rows, attention, head_sum)  # (R, until)
        saliency[torch.arange(len(rows), device=device), rows] = 0.0
        total += float(saliency.sum(dtype=torch.float64))
        inside = (anchors >= start) & (anchors <= rows[-1])
        label_rows[inside, :until] = saliency[anchors[inside] - start]
        if until == length:
            target_row = saliency[-1]
    rows = torch.arange(length, heads.query.shape[2], device=device)
    if len(rows):
        assert edit is not None and edit.blocked is not None  # LabelWords.edits hides the other words
        attention = heads.attention(rows, edit.blocked[1:].to(device))  # (1, H, N, T + N)
        _scale(attention, edit)
        later = _saliency(heads, gradient, rows, attention, head_sum)[:, : length - 1].sum(0)
        target_row[:-1] += later
        total += float(later.sum(dtype=torch.float64))
    return total, target_row.cpu().numpy(), label_rows.cpu().numpy()


def _saliency(heads: Heads, gradient: Tensor, rows: Tensor, attention: Tensor, head_sum: HeadSum) -> Tensor:
    """| sum_h A * dL/dA |, or sum_h | A * dL/dA |, of some rows: (1, H, R, N) -> (R, N)."""
    values = heads.value[:, :, : attention.shape[-1]].to(attention.dtype)
    change = products(gradient[:, :, rows].to(attention.dtype), values)  # dL/dA: (1, H, R, N)
    flow = change.mul_(attention)[0]  # (H, R, N)
    return flow.sum(0).abs() if head_sum == "signed" else flow.abs().sum(0)


def _scale(attention: Tensor, edit: Edit | None) -> None:
    """Apply the edit's factors to rows of attention (1, H, R, S), in place."""
    if edit is not None and edit.factor is not None:
        attention[..., : edit.factor.shape[1]] *= edit.factor.to(attention)[None, :, None]


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
