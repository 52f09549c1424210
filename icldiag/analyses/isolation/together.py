"""The demonstrations under many cuts as one batch, for devices that take as long for one row as for all."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from icldiag.lazy import no_grad, torch
from icldiag.model.attention import Edit
from icldiag.model.edits import Edits
from icldiag.model.forward import InstrumentedModel, Prefix
from icldiag.model.free_memory import free_memory
from icldiag.model.heads import Heads, KeyValues
from icldiag.model.padding import batch_of

if TYPE_CHECKING:
    from torch import Tensor


def cut_contexts(
    model: InstrumentedModel,
    prefix: Prefix,
    cuts: Sequence[Edits],
    before_layer: Callable[[int], None],
) -> Iterator[list[KeyValues]]:
    """The keys and values of the demonstrations under each cut, layer by layer; a pass for as many as memory holds.

    Args:
        cuts: all of the same rows, and of one way to cut; a layer that a cut leaves whole has no edit in it.
    """
    of_one = sum(kept.keys.nbytes + kept.values.nbytes for kept in prefix.key_values)
    most = max(1, free_memory(str(model.device)) // 4 // of_one)
    for start in range(0, len(cuts), most):
        together = _contexts(model, prefix, cuts[start : start + most], before_layer)
        for row in range(len(cuts[start : start + most])):
            yield [_of_row(kept, row) for kept in together]
        del together  # before the next are made


def _of_row(kept: KeyValues, row: int) -> KeyValues:
    """A row's own, copied: whoever holds it does not hold the others."""
    own = slice(row, row + 1)
    return KeyValues(kept.keys[own].clone(), kept.values[own].clone(), kept.positions[own], kept.last)


@no_grad
def _contexts(
    model: InstrumentedModel, prefix: Prefix, cuts: Sequence[Edits], before_layer: Callable[[int], None]
) -> list[KeyValues]:
    found: list[KeyValues] = []

    def keep(layer: int, heads: Heads, output: Tensor) -> None:
        found.append(heads.key_values)

    batch = batch_of([prefix.ids] * len(cuts), 0, model.device)
    layers = {layer for cut in cuts for layer in cut}
    edits = {layer: _of_rows([cut.get(layer) for cut in cuts]) for layer in layers}
    model.run(batch, edits=edits, observe=keep, before_layer=before_layer)
    return found


def _of_rows(edits: Sequence[Edit | None]) -> Edit:
    """One layer's edit, blocked (B, 1, R, N): nothing in the rows of the batch that have none."""
    like = next(edit for edit in edits if edit is not None)
    assert like.blocked is not None
    nothing = torch.zeros_like(like.blocked)
    blocked = [nothing if edit is None or edit.blocked is None else edit.blocked for edit in edits]
    return Edit(like.rows, torch.stack(blocked)[:, None], renormalise=like.renormalise)
