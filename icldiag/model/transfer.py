"""Tensors from a device to the host, all at once: every transfer makes a GPU wait."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from icldiag.lazy import torch

if TYPE_CHECKING:
    from torch import Tensor


def to_host(tensors: Sequence[Tensor]) -> tuple[Tensor, ...]:
    """Tensors of one dtype, of any shapes and on any devices, on the CPU: one transfer from each device."""
    found: dict[int, Tensor] = {}
    for device in {tensor.device for tensor in tensors}:
        here = [place for place, tensor in enumerate(tensors) if tensor.device == device]
        if device.type == "cpu":
            found.update((place, tensors[place]) for place in here)
            continue
        flat, start = torch.cat([tensors[place].flatten() for place in here]).cpu(), 0
        for place in here:
            shape = tensors[place].shape
            found[place] = flat[start : start + shape.numel()].view(shape)
            start += shape.numel()
    return tuple(found[place] for place in range(len(tensors)))
