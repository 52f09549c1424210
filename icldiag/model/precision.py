"""A half-precision model computes in float32 for a while, where memory holds its weights twice."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain
from typing import TYPE_CHECKING

from icldiag.lazy import torch
from icldiag.model.free_memory import free_memory

if TYPE_CHECKING:
    from torch import Tensor

    from icldiag.model.forward import InstrumentedModel

ROOM = 1.2  # of the weights' bytes, for the work that they are wanted for


@contextmanager
def in_float32(model: InstrumentedModel) -> Iterator[bool]:
    """Within the block the half-precision weights are float32; afterwards they are what they were, bit by bit.

    Yields whether all weights are float32, or more: not of a model whose weights are quantised or partly elsewhere,
    nor where memory does not hold them.
    """
    with model.turns:
        weights = list(chain(model.model.parameters(), model.model.buffers()))
        halves = {id(weight): weight for weight in weights if weight.is_floating_point() and weight.itemsize < 4}
        wanted = sum(4 * weight.numel() for weight in halves.values())
        plain = all(type(weight.data) is torch.Tensor and not weight.is_meta for weight in weights)
        integers = any(not parameter.is_floating_point() for parameter in model.model.parameters())
        if not plain or integers or wanted * ROOM > free_memory(str(model.device)):
            yield not halves and not integers
            return
        before: list[tuple[Tensor, Tensor]] = [(weight, weight.data) for weight in halves.values()]
        try:
            for weight, of_old in before:
                weight.data = of_old.float()
            yield True
        finally:
            for weight, of_old in before:
                weight.data = of_old
