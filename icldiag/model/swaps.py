"""What one pass swaps in the model's own code: a head of few tokens, skipped layers; and how a layer was called."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from icldiag.lazy import torch

if TYPE_CHECKING:
    from torch import Tensor, nn


_BLOCK = 2**14  # rows of the output embeddings that are float32 at a time


@dataclass(frozen=True)
class LayerCall:
    """One decoder layer as the model called it, to be called again with another input (masks, positions and all)."""

    layer: nn.Module
    arguments: tuple[Any, ...]
    keywords: dict[str, Any]

    def __call__(self, hidden: Tensor) -> Tensor:
        output: Tensor | tuple[Tensor, ...] = self.layer(hidden, *self.arguments, **self.keywords)
        return output[0] if isinstance(output, tuple) else output


@contextmanager
def narrowed(head: nn.Module, tokens: Sequence[int] | Tensor | None) -> Iterator[bool]:
    """Let the output embeddings compute some tokens' logits alone; False where they are of a kind we do not know.

    Of half-precision weights the products are summed and kept in float32: above 16, bfloat16 has steps of 1/8,
    which would be the steps of every lead, and many ties.
    """
    if type(head) is not torch.nn.Linear or "forward" in head.__dict__:  # quantised, or moved about by accelerate
        yield False
        return
    weight: Tensor = head.weight
    bias: Tensor | None = head.bias
    if tokens is not None:
        rows = torch.as_tensor(tokens, device=weight.device)
        weight, bias = weight[rows], None if bias is None else bias[rows]
    elif weight.itemsize >= 4:
        yield False
        return
    head.forward = lambda input: _product(input, weight, bias)  # type: ignore[method-assign]
    try:
        yield tokens is not None
    finally:
        del head.forward


def _product(input: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    if weight.itemsize >= 4:
        return torch.nn.functional.linear(input, weight, bias)
    wide = input.float()
    blocks = [weight[start : start + _BLOCK] for start in range(0, len(weight), _BLOCK)]
    logits = torch.cat([wide @ block.float().T for block in blocks], -1)
    return logits if bias is None else logits + bias.float()


@contextmanager
def changing_input(module: nn.Module, change: Callable[[Tensor], Tensor]) -> Iterator[None]:
    """Let a layer, or a part of one, read something else than the hidden states that it is called with."""

    def before(
        module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        if args:
            return (change(args[0]), *args[1:]), kwargs
        return args, {**kwargs, "hidden_states": change(kwargs["hidden_states"])}

    handle = module.register_forward_pre_hook(before, with_kwargs=True)
    try:
        yield
    finally:
        handle.remove()


@contextmanager
def reading(layer: nn.Module, hidden: Tensor) -> Iterator[None]:
    """Let a layer read this input in the place of what it is called with."""
    with changing_input(layer, lambda given: hidden):
        yield


@contextmanager
def skipping(skipped: nn.ModuleList, handed_on: Tensor | tuple[Tensor]) -> Iterator[None]:
    """Let the skipped layers hand on what the next one needs instead of computing.

    The model's own forward runs around them, so that embeddings, masks, the final norm and the head stay its own code.
    """
    originals = [layer.__dict__.get("forward") for layer in skipped]

    def hand_on(*args: Any, **kwargs: Any) -> Tensor | tuple[Tensor]:
        return handed_on

    try:
        for layer in skipped:
            layer.forward = hand_on
        yield
    finally:
        for layer, original in zip(skipped, originals, strict=True):
            if original is None:
                layer.__dict__.pop("forward", None)
            else:
                layer.forward = original  # a hook of accelerate, set on the instance
