"""What a model writes: the likeliest token again and again, each a pass of one token on the keys and values so far."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from icldiag.lazy import no_grad, torch
from icldiag.model.finite import require_finite
from icldiag.model.forward import InstrumentedModel
from icldiag.model.heads import Heads, KeyValues
from icldiag.model.padding import Batch
from icldiag.model.query_batches import query_batches
from icldiag.model.rows import in_pieces

if TYPE_CHECKING:
    from torch import Tensor


@no_grad
def write_on(
    model: InstrumentedModel,
    rows: Sequence[Sequence[int]],
    context: Sequence[KeyValues],
    start: int,
    most: int,
    ends: Callable[[Sequence[int]], bool],
    progress: Callable[[int], None],
) -> list[list[int]]:
    """The tokens that the model writes after each row, at most so many, and none beyond its context window.

    Args:
        context: keys and values that all rows share.
        start: position of each row's first token.
        ends: whether a text of these tokens, at least one, goes no further.
        progress: is told between layers how many rows are done; may raise to stop.
    """
    window = model.context_window
    room = [most if window is None else min(most, window + 1 - start - len(row)) for row in rows]
    written: list[list[int]] = [[] for _ in rows]
    done = 0

    def ask(layer: int) -> None:
        progress(done)

    def write(indices: tuple[int, ...], batch: Batch, which: slice) -> None:
        going = list(indices[which])
        for row in going:
            written[row].clear()  # a piece that memory did not do for
        new, past = batch.rows(which), None
        while going:
            tokens, past = _likeliest(model, new, context, past, ask)
            for row, token in zip(going, tokens.tolist(), strict=True):
                written[row].append(token)
            kept = [
                place for place, row in enumerate(going) if len(written[row]) < room[row] and not ends(written[row])
            ]
            going = [going[place] for place in kept]
            if going:
                at = torch.tensor(kept, device=model.device)
                new, past = _next(new, tokens, at), [_rows(layer, at) for layer in past]

    for part in query_batches(model, rows, start):
        in_pieces(model, slice(0, len(part.indices)), partial(write, part.indices, part.batch), lambda note: None)
        done += len(part.indices)
    progress(done)
    return written


def _likeliest(
    model: InstrumentedModel,
    batch: Batch,
    context: Sequence[KeyValues],
    past: Sequence[KeyValues] | None,
    before_layer: Callable[[int], None],
) -> tuple[Tensor, list[KeyValues]]:
    """The likeliest token after each row (B,), and the rows' keys and values with those of the batch."""
    layers: list[KeyValues] = []

    def observe(layer: int, heads: Heads, output: Tensor) -> None:
        layers.append(heads.key_values)

    run = model.run(batch, context=context, past=past, observe=observe, before_layer=before_layer)
    highest, tokens = run.logits[:, -1].max(-1)
    require_finite(highest, model.dtype)
    return tokens, layers


def _next(batch: Batch, tokens: Tensor, at: Tensor) -> Batch:
    """One new token for each of these rows of a batch."""
    positions = batch.positions[at, -1:] + 1
    padding = None if batch.padding is None else batch.padding[at]
    return Batch(tokens[at, None], positions, padding, (batch.span[0], batch.span[1] + 1))


def _rows(layer: KeyValues, at: Tensor) -> KeyValues:
    at = at.to(layer.keys.device)
    return replace(layer, keys=layer.keys[at], values=layer.values[at], positions=layer.positions[at])
