"""THE instrumented attention function: capture, mask, scale; used by every architecture.

One fused kernel computes all rows. The few rows that an intervention changes (label words or the target position)
are computed again, explicitly, and put in their place: an intervention costs R rows of attention instead of T, and
where nothing is edited nothing differs from the plain model. An intervention is an argument of one forward pass and
never touches the model, so there is nothing to restore when a pass ends, fails or is cancelled.

Shapes: B batch, H query heads, K key-value heads (H = K * groups), T new tokens, P tokens of the shared context,
O tokens of each row's own past, R edited rows, S = P + O + T columns, d width of a head.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from icldiag.errors import ModelError
from icldiag.lazy import torch

if TYPE_CHECKING:
    from torch import Tensor, nn


@dataclass(frozen=True)
class KeyValues:
    """Keys and values of one layer, as attention reads them (after rotary positions). Each (B, K, tokens, d)."""

    keys: Tensor
    values: Tensor

    def at(self, positions: Tensor) -> KeyValues:
        """Only the given positions."""
        return KeyValues(self.keys[:, :, positions], self.values[:, :, positions])


@dataclass(frozen=True)
class Edit:
    """What one layer's attention does differently in a few rows.

    rows: (R,) different indices into the T new tokens, in ascending order.
    blocked: (R, N) bool, N <= S first columns; True may not be attended to.
    factor: (H, N) of the N <= S first columns; A'(row, column) = factor * A(row, column), after the softmax and without
        renormalisation.
    renormalise: block before the softmax, so that a row still sums to 1; otherwise set blocked columns to 0 after it.
    """

    rows: Tensor
    blocked: Tensor | None = None
    factor: Tensor | None = None
    renormalise: bool = True


@dataclass(frozen=True)
class Heads:
    """One layer's queries, keys and values in one pass. S = P + O + T columns."""

    query: Tensor  # (B, H, T, d)
    key: Tensor  # (B, K, O + T, d)
    value: Tensor  # (B, K, O + T, d)
    scale: float
    context: KeyValues | None = None  # (1, K, P, d)
    padding: Tensor | None = None  # (B,) columns of O + T that hold nothing, at the left

    def detached(self) -> Heads:
        """The same numbers without their history."""
        return replace(self, query=self.query.detach(), key=self.key.detach(), value=self.value.detach())

    def attention(self, rows: Tensor | None = None, blocked: Tensor | None = None, until: int | None = None) -> Tensor:
        """The attention after the softmax, in float32, of some rows or of all: (B, H, R, S).

        Without context, `until` leaves out the columns from there on, which must be hidden from all the rows.
        """
        query = (self.query if rows is None else self.query[:, :, rows]) * self.scale  # (B, H, R, d)
        key = self.key if until is None else self.key[:, :, :until]
        scores = products(query, key).float()  # (B, H, R, O + T)
        if self.padding is not None or self.query.shape[2] > 1:  # a single new token sees everything
            hidden = ~self._visible(rows)[..., :until]  # (B or 1, 1, R, O + T)
            scores = scores.masked_fill(hidden, torch.finfo(scores.dtype).min)
        if self.context is not None:
            shared = products(query, self.context.keys).float()  # (B, H, R, P)
            scores = torch.cat([shared, scores], dim=-1)  # (B, H, R, S)
        if blocked is not None:
            scores = scores.masked_fill(_widened(blocked, scores, False), torch.finfo(scores.dtype).min)
        return scores.softmax(dim=-1)

    def weigh(self, attention: Tensor) -> Tensor:
        """Each row's weighted sum of the values: (B, H, R, S) -> (B, H, R, d)."""
        attention = attention.to(self.value.dtype)
        if self.context is None:
            return _weigh(attention, self.value)
        shared = self.context.keys.shape[2]
        return _weigh(attention[..., :shared], self.context.values) + _weigh(attention[..., shared:], self.value)

    def output(self) -> Tensor:
        """The attention's output for all new tokens, unedited: (B, H, T, d)."""
        if self.context is None and self.padding is None and self.key.shape[2] == self.query.shape[2]:
            return torch.nn.functional.scaled_dot_product_attention(
                self.query,
                self.key,
                self.value,
                is_causal=self.query.shape[2] > 1,
                scale=self.scale,
                enable_gqa=self.key.shape[1] != self.query.shape[1],
            )
        return self.weigh(self.attention())

    def _visible(self, rows: Tensor | None) -> Tensor:
        """Causal, without padding; a padded row sees itself, so that no softmax is over nothing."""
        new, own = self.query.shape[2], self.key.shape[2]
        columns = torch.arange(own, device=self.key.device)
        row_columns = columns[own - new :] if rows is None else columns[own - new :][rows]  # (R,)
        visible = (columns <= row_columns[:, None])[None, None]  # (1, 1, R, O + T)
        if self.padding is not None:
            visible = visible & (columns >= self.padding[:, None, None, None])  # (B, 1, R, O + T)
            visible = visible | (columns == row_columns[:, None])
        return visible


def products(query: Tensor, keys: Tensor) -> Tensor:
    """(B, H, R, d) x (B or 1, K, N, d) -> (B, H, R, N). Keys shared by the batch are multiplied once, not copied."""
    batch, heads, rows, width = query.shape
    kv_heads, count = keys.shape[1], keys.shape[2]
    grouped = query.reshape(batch, kv_heads, heads // kv_heads * rows, width)
    if keys.shape[0] == 1 and batch > 1:
        flat = grouped.transpose(0, 1).reshape(kv_heads, -1, width)  # (K, B * groups * R, d)
        scores = flat @ keys[0].transpose(1, 2)  # (K, B * groups * R, N)
        return scores.view(kv_heads, batch, -1, count).transpose(0, 1).reshape(batch, heads, rows, count)
    scores = grouped.flatten(0, 1).bmm(keys.flatten(0, 1).transpose(1, 2))  # (B * K, groups * R, N)
    return scores.view(batch, heads, rows, count)


def _weigh(attention: Tensor, values: Tensor) -> Tensor:
    """(B, H, R, N) x (B or 1, K, N, d) -> (B, H, R, d)."""
    batch, heads, rows, count = attention.shape
    kv_heads, width = values.shape[1], values.shape[3]
    grouped = attention.reshape(batch, kv_heads, heads // kv_heads * rows, count)
    if values.shape[0] == 1 and batch > 1:
        flat = grouped.transpose(0, 1).reshape(kv_heads, -1, count)  # (K, B * groups * R, N)
        output = flat @ values[0]  # (K, B * groups * R, d)
        return output.view(kv_heads, batch, -1, width).transpose(0, 1).reshape(batch, heads, rows, width)
    output = grouped.flatten(0, 1).bmm(values.flatten(0, 1))  # (B * K, groups * R, d)
    return output.view(batch, heads, rows, width)


Observer = Callable[[int, "Heads", "Tensor"], None]  # layer, its heads, its output (B, H, T, d)


@dataclass(frozen=True)
class Pass:
    """All that one forward pass brings along for the attention function."""

    context: tuple[KeyValues, ...] | None = None  # per layer, shared by the whole batch
    past: tuple[KeyValues, ...] | None = None  # per layer, each row's own
    padding: Tensor | None = None  # (B,)
    edits: Mapping[int, Edit] = field(default_factory=dict)
    observe: Observer | None = None
    before_layer: Callable[[int], None] | None = None  # may raise Cancelled


_current: ContextVar[Pass | None] = ContextVar("icldiag_pass", default=None)


@contextmanager
def active(this: Pass) -> Iterator[None]:
    """Make `this` the pass that the attention function serves, in this thread, until the block ends."""
    token = _current.set(this)
    try:
        yield
    finally:
        _current.reset(token)


def attend(layer: int, query: Tensor, key: Tensor, value: Tensor, scale: float) -> Tensor:
    """Attention of one layer in the active pass: (B, H, T, d) and twice (B, K, T, d) -> (B, H, T, d)."""
    this = _current.get()
    if this is None:
        raise RuntimeError("this model is instrumented by icldiag; call it inside InstrumentedModel.plain()")
    if this.before_layer is not None:
        this.before_layer(layer)
    if this.past is not None:
        past = this.past[layer]
        key, value = torch.cat([past.keys, key], dim=2), torch.cat([past.values, value], dim=2)
    context = this.context[layer] if this.context is not None else None
    heads = Heads(query, key, value, scale, context, this.padding)
    edit = this.edits.get(layer)
    if edit is not None and len(edit.rows) == query.shape[2]:  # every row is edited, as in a pass of one token
        output = heads.weigh(_edited_attention(heads, edit))
    else:
        output = heads.output()
        if edit is not None:
            output = _with_edit(heads, output, edit)
    if this.observe is not None:
        this.observe(layer, heads, output)
    return output


def _with_edit(heads: Heads, output: Tensor, edit: Edit) -> Tensor:
    """The output with the edited rows in place of the plain ones: (B, H, T, d)."""
    if edit.blocked is not None:
        return output.index_copy(2, edit.rows, heads.weigh(_edited_attention(heads, edit)).to(output.dtype))
    # Scaling alone adds (factor - 1) A V, so that a factor of one changes nothing, not by one bit.
    assert edit.factor is not None
    attention = heads.attention(edit.rows)  # (B, H, R, S)
    added = heads.weigh(attention * _widened(edit.factor - 1.0, attention, 0.0)[:, None])
    return output.index_add(2, edit.rows, added.to(output.dtype))


def _edited_attention(heads: Heads, edit: Edit) -> Tensor:
    attention = heads.attention(edit.rows, edit.blocked if edit.renormalise else None)  # (B, H, R, S)
    if edit.blocked is not None and not edit.renormalise:
        attention = attention.masked_fill(_widened(edit.blocked, attention, False), 0.0)
    return attention if edit.factor is None else attention * _widened(edit.factor, attention, 1.0)[:, None]


def _widened(columns: Tensor, attention: Tensor, value: float) -> Tensor:
    """(..., N) with `value` for the rest of the attention's columns: (..., S)."""
    return torch.nn.functional.pad(columns, (0, attention.shape[-1] - columns.shape[-1]), value=value)


# Arguments with which some architectures change what a row of attention is.
_REFUSED = {
    "softcap": "soft-capped attention scores",
    "s_aux": "attention sinks",
    "position_bias": "a position bias inside attention",
}


def interface(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    scaling: float | None = None,
    dropout: float = 0.0,
    **extra: object,
) -> tuple[Tensor, None]:
    """`attend` with the signature of transformers' AttentionInterface; returns (B, T, H, d)."""
    del attention_mask, dropout  # no mask is built for an implementation of this name; models are in evaluation mode
    if getattr(module, "is_causal", True) is False:
        raise ModelError(f"{type(module).__name__} looks ahead: icldiag needs a causal (decoder-only) language model")
    for name, meaning in _REFUSED.items():
        if extra.get(name) is not None:
            raise ModelError(
                f"{type(module).__name__} uses {meaning}, which icldiag cannot compute exactly yet; "
                "use a model without them"
            )
    window = extra.get("sliding_window")
    layer = int(module.layer_idx)  # type: ignore[arg-type]
    if isinstance(window, int):
        _check_window(window, layer, query.shape[2])
    scale = query.shape[-1] ** -0.5 if scaling is None else scaling
    return attend(layer, query, key, value, scale).transpose(1, 2).contiguous(), None


def _check_window(window: int, layer: int, new: int) -> None:
    this = _current.get()
    total = new
    for cached in (this.context, this.past) if this is not None else ():
        total += cached[layer].keys.shape[2] if cached is not None else 0
    if total > window:
        raise ModelError(
            f"the prompt has {total} tokens and layer {layer} looks back only {window} (sliding window), which icldiag "
            "cannot compute exactly yet; use fewer or shorter demonstrations"
        )
