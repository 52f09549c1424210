"""The reference for what changes a pass: transformers' own model with forward hooks, and nothing of icldiag."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

from icldiag.model.forward import InstrumentedModel

_PROJECTIONS = ("o_proj", "out_proj", "c_proj", "dense", "wo")


@contextmanager
def before_layers(model: InstrumentedModel, change: Callable[[int, Tensor], Tensor]) -> Iterator[None]:
    """Let `change` see and replace each decoder layer's input (1, T, D)."""

    def hook(layer: int) -> Any:
        def before(module: Any, args: Any, kwargs: Any) -> Any:
            if args:
                return (change(layer, args[0]), *args[1:]), kwargs
            return args, {**kwargs, "hidden_states": change(layer, kwargs["hidden_states"])}

        return before

    handles = [one.register_forward_pre_hook(hook(at), with_kwargs=True) for at, one in enumerate(model.layers)]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


@contextmanager
def before_projections(model: InstrumentedModel, change: Callable[[int, Tensor], Tensor]) -> Iterator[None]:
    """The same of the heads' outputs, joined (1, T, H * d), where they enter the layer's output projection."""

    def hook(layer: int) -> Any:
        return lambda module, args: (change(layer, args[0]), *args[1:])

    handles = []
    for layer, module in enumerate(model.layers):
        named = dict(module.named_modules())
        attention = next(name for name in named if name and name.split(".")[-1].endswith(("attn", "attention")))
        # the innermost module that holds the projection, such as attn.attention in GPT-Neo
        own = [
            part
            for name, part in named.items()
            if name.startswith(attention + ".") and name.split(".")[-1] in _PROJECTIONS
        ]
        handles.append(own[0].register_forward_pre_hook(hook(layer)))
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def layer_inputs(model: InstrumentedModel, ids: Sequence[int], run: Callable[..., Tensor]) -> list[Tensor]:
    """What each layer reads of a prompt, (T, D)."""
    found: list[Tensor] = []

    def keep(layer: int, hidden: Tensor) -> Tensor:
        found.append(hidden[0].detach().clone())
        return hidden

    with before_layers(model, keep), torch.no_grad():
        run(model, ids)
    return found


def head_outputs(model: InstrumentedModel, ids: Sequence[int], run: Callable[..., Tensor]) -> list[Tensor]:
    """What each layer's heads give at every token, joined: (T, H * d)."""
    found: list[Tensor] = []

    def keep(layer: int, outputs: Tensor) -> Tensor:
        found.append(outputs.reshape(-1, outputs.shape[-1]).detach().clone())
        return outputs

    with before_projections(model, keep), torch.no_grad():
        run(model, ids)
    return found
