"""THE instrumented attention function: capture, mask, scale; used by every architecture.

One fused kernel computes all rows. The few rows that an intervention changes (label words or the target position)
are computed again, explicitly, and put in their place: an intervention costs R rows of attention instead of T, and
where nothing is edited nothing differs from the plain model. An intervention is an argument of one forward pass and
never touches the model, so there is nothing to restore when a pass ends, fails or is cancelled.

Shapes are those of heads.py; R are the edited rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from icldiag.errors import AnalysisError
from icldiag.lazy import torch
from icldiag.model.heads import PLAIN, Heads, KeyValues, Variant, widened
from icldiag.model.visibility import Visibility, Visible

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Edit:
    """What one layer's attention does differently in a few rows.

    rows: (R,) different indices into the T new tokens, in ascending order.
    blocked: (R, N) bool, N <= S first columns; True may not be attended to. (B, 1, R, N) where the rows of the batch
        differ.
    factor: (H, N) of the N <= S first columns; A'(row, column) = factor * A(row, column), after the softmax and without
        renormalisation. (B, H, R, N) where rows of the batch, or edited rows, differ.
    renormalise: block before the softmax, so that a row still sums to 1; otherwise set blocked columns to 0 after it.
    """

    rows: Tensor
    blocked: Tensor | None = None
    factor: Tensor | None = None
    renormalise: bool = True

    def to(self, device: torch.device) -> Edit:
        """The same edit on a device."""

        def moved(tensor: Tensor | None) -> Tensor | None:
            return None if tensor is None else tensor.to(device)

        return replace(self, rows=self.rows.to(device), blocked=moved(self.blocked), factor=moved(self.factor))

    def factors(self, attention: Tensor) -> Tensor:
        """`factor` for attention of the edited rows (B, H, R, S), where there is one; as wide as that."""
        assert self.factor is not None
        return widened(self.factor[:, None] if self.factor.dim() == 2 else self.factor, attention, 1.0)


def product(first: Tensor | None, second: Tensor | None) -> Tensor | None:
    """The product of two factors (H, N) and (H, M) of the first columns; what one of them lacks is 1."""
    if first is None or second is None:
        return first if second is None else second
    longer, shorter = (first, second) if first.shape[1] >= second.shape[1] else (second, first)
    found = longer.clone()
    found[:, : shorter.shape[1]] *= shorter
    return found


Observer = Callable[[int, Heads, "Tensor"], None]  # layer, its heads, its output (B, H, T, d)
Swap = Callable[[int, "Tensor"], "Tensor"]  # layer, its heads' output (B, H, T, d) -> what goes on in its place


@dataclass(frozen=True)
class Pass:
    """All that one forward pass brings along for the attention function."""

    positions: Tensor  # (B, T) of the new tokens in the whole prompt
    span: tuple[int, int]  # the smallest and the largest of them
    context: Sequence[KeyValues] | None = None  # per layer, shared by the whole batch
    past: Sequence[KeyValues] | None = None  # per layer, each row's own
    padding: Tensor | None = None  # (B,)
    gap: Tensor | None = None  # (B,)
    edits: Mapping[int, Edit] = field(default_factory=dict)
    observe: Observer | None = None
    before_layer: Callable[[int], None] | None = None  # may raise Cancelled
    swap: Swap | None = None
    _visible: dict[tuple[torch.device, Visible | None], Visibility] = field(
        default_factory=dict, init=False, repr=False
    )

    def visibility(
        self, device: torch.device, past: KeyValues | None, context: KeyValues | None, within: Visible | None
    ) -> Visibility:
        """What the new tokens see, made once for all layers that see alike: a token has one position in all of them."""
        key = device, within
        if key not in self._visible:  # a model may be spread over several devices
            positions, padding, gap = (
                None if tensor is None else tensor.to(device) for tensor in (self.positions, self.padding, self.gap)
            )
            assert positions is not None
            if past is not None:
                positions = torch.cat([past.positions, positions], dim=1)
            of_context = None if context is None else context.positions
            self._visible[key] = Visibility(positions, self.positions.shape[1], of_context, within, padding, gap)
        return self._visible[key]

    @property
    def furthest(self) -> int:
        """No position of all that this pass attends to is larger."""
        return max(self.span[1], self.context[0].last if self.context else 0)


_current: ContextVar[Pass | None] = ContextVar("icldiag_pass", default=None)


@contextmanager
def active(this: Pass) -> Iterator[None]:
    """Make `this` the pass that the attention function serves, in this thread, until the block ends."""
    token = _current.set(this)
    try:
        yield
    finally:
        _current.reset(token)


def current() -> Pass:
    """The pass being served in this thread."""
    this = _current.get()
    if this is None:
        raise RuntimeError("this model is instrumented by icldiag; call it inside InstrumentedModel.plain()")
    return this


def attend(layer: int, query: Tensor, key: Tensor, value: Tensor, scale: float, variant: Variant = PLAIN) -> Tensor:
    """Attention of one layer in the active pass: (B, H, T, d) and twice (B, K, T, d) -> (B, H, T, d)."""
    this = current()
    if this.before_layer is not None:
        this.before_layer(layer)
    past = this.past[layer] if this.past is not None else None
    if past is not None:
        key, value = torch.cat([past.keys, key], dim=2), torch.cat([past.values, value], dim=2)
    context = this.context[layer] if this.context is not None else None
    if context is not None and (variant.bias is not None or variant.visible is not None):
        _check_order(context, this.span[0])
    visibility = this.visibility(query.device, past, context, variant.visible)
    heads = Heads(query, key, value, visibility, scale, variant, context, this.span[1])
    edit = this.edits.get(layer)
    if edit is not None:
        edit = edit.to(query.device)
    if edit is not None and len(edit.rows) == query.shape[2]:  # every row is edited, as in a pass of one token
        output = heads.weigh(_edited_attention(heads, edit, None))
    else:
        output = heads.output()
        if edit is not None:
            output = _with_edit(heads, output, edit)
    if this.swap is not None:
        output = this.swap(layer, output)
    if this.observe is not None:
        this.observe(layer, heads, output)
    return output


def _check_order(context: KeyValues, first: int) -> None:
    if first <= context.last:
        raise AnalysisError(
            "the queries' positions begin again before the demonstrations end, which has no meaning for a model with "
            "ALiBi or sliding windows; keep the positions ('kept')"
        )


def _with_edit(heads: Heads, output: Tensor, edit: Edit) -> Tensor:
    """The output with the edited rows in place of the plain ones: (B, H, T, d)."""
    if edit.blocked is not None:
        return output.index_copy(2, edit.rows, heads.weigh(_edited_attention(heads, edit, edit.rows)).to(output.dtype))
    # Scaling alone adds (factor - 1) A V, so that a factor of one changes nothing, not by one bit.
    attention = heads.attention(edit.rows)  # (B, H, R, S)
    added = heads.weigh(attention * (edit.factors(attention) - 1.0))
    return output.index_add(2, edit.rows, added.to(output.dtype))


def _edited_attention(heads: Heads, edit: Edit, rows: Tensor | None) -> Tensor:
    attention = heads.attention(rows, edit.blocked if edit.renormalise else None)  # (B, H, R, S)
    if edit.blocked is not None and not edit.renormalise:
        attention = attention.masked_fill(widened(edit.blocked, attention, False), 0.0)
    return attention if edit.factor is None else attention * edit.factors(attention)
