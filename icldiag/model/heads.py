"""One layer's queries, keys and values, and what a row of attention over them is, in every architecture.

    attention = softmax(cap(scale * Q K^T) + bias, over the visible columns and the sink)

Most architectures have no cap, no bias and no sink, and see all that is not in the future; what a `Variant` holds is
all that the others do differently. Whatever depends on distance (ALiBi, sliding windows) is computed from the tokens'
positions in the whole prompt and never from their place in a cache, so that it stays right when cache entries are
dropped.

Shapes: B batch, H query heads, K key-value heads (H = K * groups), T new tokens, P tokens of the shared context,
O tokens of each row's own past, R rows, S = P + O + T columns, d width of a head.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

from icldiag.lazy import torch
from icldiag.model.visibility import ROWS, Visibility, Visible

if TYPE_CHECKING:
    from torch import Tensor

#: What is added to the scores of a column, by its position: (B, N) -> (B, H, 1, N).
Bias = Callable[["Tensor"], "Tensor"]


@dataclass(frozen=True)
class KeyValues:
    """Keys and values of one layer, as attention reads them (after rotary positions)."""

    keys: Tensor  # (B, K, tokens, d)
    values: Tensor  # (B, K, tokens, d)
    positions: Tensor  # (B, tokens) in the whole prompt
    last: int  # no position is larger

    def at(self, places: Tensor) -> KeyValues:
        """Only the tokens at the given places; they keep their positions."""
        return KeyValues(self.keys[:, :, places], self.values[:, :, places], self.positions[:, places], self.last)

    def then(self, later: KeyValues) -> KeyValues:
        """These tokens, and later ones behind them."""
        return KeyValues(
            torch.cat([self.keys, later.keys], dim=2),
            torch.cat([self.values, later.values], dim=2),
            torch.cat([self.positions, later.positions], dim=1),
            max(self.last, later.last),
        )


@dataclass(frozen=True)
class Variant:
    """What a row of attention has beyond softmax(scale * Q K^T) over the past."""

    softcap: float | None = None  # scores become softcap * tanh(scores / softcap)
    sinks: Tensor | None = None  # (H,) the score of a column that holds nothing, so that rows sum to less than one
    visible: Visible | None = None  # what of the past may be seen, such as a sliding window
    bias: Bias | None = None  # ALiBi

    @property
    def is_masked_softmax(self) -> bool:
        """Whether a fused kernel with a mask computes it."""
        return self.softcap is None and self.sinks is None and self.bias is None


PLAIN = Variant()


@dataclass(frozen=True)
class Heads:
    """One layer's queries, keys and values in one pass. S = P + O + T columns."""

    query: Tensor  # (B, H, T, d)
    key: Tensor  # (B, K, O + T, d)
    value: Tensor  # (B, K, O + T, d)
    visibility: Visibility
    scale: float
    variant: Variant = PLAIN
    context: KeyValues | None = None  # (1, K, P, d)
    last: int = 0  # no position is larger

    def detached(self) -> Heads:
        """The same numbers without their history."""
        return replace(self, query=self.query.detach(), key=self.key.detach(), value=self.value.detach())

    @property
    def key_values(self) -> KeyValues:
        """The keys and values of the rows' own tokens, past and new, for a later pass."""
        return KeyValues(self.key, self.value, self.visibility.positions, self.last)

    def attention(self, rows: Tensor | None = None, blocked: Tensor | None = None, until: int | None = None) -> Tensor:
        """The attention after the softmax, in float32 at least, of some rows or of all: (B, H, R, S).

        Without context, `until` leaves out the columns from there on, which must be hidden from all the rows.
        """
        query = (self.query if rows is None else self.query[:, :, rows]) * self.scale  # (B, H, R, d)
        ceiling = self.visibility.ceiling(rows)  # (B or 1, 1, R, O + T)
        key, positions = self.key, self.visibility.positions
        if until is not None:
            key, positions = key[:, :, :until], positions[:, :until]
            ceiling = None if ceiling is None else ceiling[..., :until]
        scores = self._scores(query, key, positions, ceiling)  # (B, H, R, O + T)
        if self.context is not None:
            ceiling = self.visibility.ceiling_of_context(rows)
            shared = self._scores(query, self.context.keys, self.context.positions, ceiling)
            scores = torch.cat([shared, scores], dim=-1)  # (B, H, R, S)
        if blocked is not None:
            scores = scores.masked_fill(widened(blocked, scores, False), torch.finfo(scores.dtype).min)
        exact = torch.promote_types(scores.dtype, torch.float32)
        if self.variant.sinks is None:
            return scores.softmax(dim=-1, dtype=exact)  # one kernel on a GPU, from half precision too
        sinks = self.variant.sinks.to(scores.dtype)[None, :, None, None].expand(*scores.shape[:3], 1)
        return torch.cat([scores, sinks], dim=-1).softmax(dim=-1, dtype=exact)[..., :-1]

    @cached_property
    def whole(self) -> Tensor:
        """The attention of all rows, (B, H, T, S), computed once: for the output, and for whoever observes a row."""
        return self.attention()

    def row(self, place: int) -> Tensor:
        """The attention of one row, counted from either end: (B, H, S)."""
        new = self.query.shape[2]
        if new <= ROWS:
            return self.whole[:, :, place]
        return self.attention(torch.tensor([place % new], device=self.query.device))[:, :, 0]

    def weigh(self, attention: Tensor) -> Tensor:
        """Each row's weighted sum of the values: (B, H, R, S) -> (B, H, R, d)."""
        attention = attention.to(self.value.dtype)
        if self.context is None:
            return _weigh(attention, self.value)
        shared = self.context.keys.shape[2]
        return _weigh(attention[..., :shared], self.context.values) + _weigh(attention[..., shared:], self.value)

    def output(self) -> Tensor:
        """The attention's output for all new tokens, unedited: (B, H, T, d)."""
        new, alone = self.query.shape[2], self.context is None and self.visibility.padding is None
        if alone and self.variant.is_masked_softmax and self.key.shape[2] == new:
            mask = None if self.variant.visible is None else self.visibility.visible
            return torch.nn.functional.scaled_dot_product_attention(
                self.query,
                self.key,
                self.value,
                attn_mask=mask,
                is_causal=mask is None and new > 1,
                scale=self.scale,
                enable_gqa=self.key.shape[1] != self.query.shape[1],
            )
        if new <= ROWS:
            return self.weigh(self.whole)
        return torch.cat([self.weigh(self.attention(rows)) for rows in self.visibility.blocks], dim=2)

    def _scores(self, query: Tensor, keys: Tensor, positions: Tensor, ceiling: Tensor | None) -> Tensor:
        """Capped, biased and masked scores of scaled queries (B, H, R, d) against some columns: (B, H, R, N).

        They stay in the model's precision where nothing is computed of them but the softmax.
        """
        scores = products(query, keys)
        if not self.variant.is_masked_softmax:
            scores = scores.to(torch.promote_types(scores.dtype, torch.float32))
        if self.variant.softcap is not None:
            scores = (scores / self.variant.softcap).tanh() * self.variant.softcap
        if self.variant.bias is not None:
            scores = scores + self.variant.bias(positions).to(scores.dtype)
        return scores if ceiling is None else scores.clamp_(max=ceiling)  # what overflows there is hidden, too


def products(query: Tensor, keys: Tensor) -> Tensor:
    """(B, H, R, d) x (B or 1, K, N, d) -> (B, H, R, N). Keys shared by the batch are multiplied once, not copied."""
    batch, heads, rows, width = query.shape
    kv_heads, count = keys.shape[1], keys.shape[2]
    grouped = query.reshape(batch, kv_heads, heads // kv_heads * rows, width)
    if keys.shape[0] == 1 and batch > 1:
        of_group = grouped.shape[2]  # told, for where there are no columns nothing else says it
        flat = grouped.transpose(0, 1).reshape(kv_heads, batch * of_group, width)  # (K, B * groups * R, d)
        scores = flat @ keys[0].transpose(1, 2)  # (K, B * groups * R, N)
        return scores.view(kv_heads, batch, of_group, count).transpose(0, 1).reshape(batch, heads, rows, count)
    scores = grouped.flatten(0, 1).bmm(keys.flatten(0, 1).transpose(1, 2))  # (B * K, groups * R, N)
    return scores.view(batch, heads, rows, count)


def _weigh(attention: Tensor, values: Tensor) -> Tensor:
    """(B, H, R, N) x (B or 1, K, N, d) -> (B, H, R, d)."""
    batch, heads, rows, count = attention.shape
    kv_heads, width = values.shape[1], values.shape[3]
    grouped = attention.reshape(batch, kv_heads, heads // kv_heads * rows, count)
    if values.shape[0] == 1 and batch > 1:
        of_group = grouped.shape[2]
        flat = grouped.transpose(0, 1).reshape(kv_heads, batch * of_group, count)  # (K, B * groups * R, N)
        output = flat @ values[0]  # (K, B * groups * R, d)
        return output.view(kv_heads, batch, of_group, width).transpose(0, 1).reshape(batch, heads, rows, width)
    output = grouped.flatten(0, 1).bmm(values.flatten(0, 1))  # (B * K, groups * R, d)
    return output.view(batch, heads, rows, width)


def widened(columns: Tensor, attention: Tensor, value: float) -> Tensor:
    """(..., N) with `value` for the rest of the attention's columns: (..., S)."""
    missing = attention.shape[-1] - columns.shape[-1]
    return torch.nn.functional.pad(columns, (0, missing), value=value) if missing else columns
