"""One table: how each architecture's attention is reached.

Most decoders look their attention function up in transformers' AttentionInterface; registering ours there reaches
them without patching a class. The rest need a seam of their own, or are refused by name.
"""

from __future__ import annotations

import types
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from transformers import AttentionInterface

from icldiag.errors import ModelError
from icldiag.model import attention

_IMPLEMENTATION = "icldiag"
AttentionInterface.register(_IMPLEMENTATION, attention.interface)


@dataclass(frozen=True)
class Seam:
    """How to put the instrumented attention into a model, and how to take it out again."""

    name: str
    install: Callable[[Any], Callable[[], None]]  # returns what removes it


def _install_interface(model: Any) -> Callable[[], None]:
    original = model.config._attn_implementation
    model.set_attn_implementation(_IMPLEMENTATION)
    return lambda: model.set_attn_implementation(original)


def _gptj_attention(
    self: Any, query: Tensor, key: Tensor, value: Tensor, attention_mask: Tensor | None = None
) -> tuple[Tensor, None]:
    """In the place of GPTJAttention._attn, which computes scores in float32 whatever the model's dtype."""
    del attention_mask
    output = attention.attend(self.layer_idx, query.float(), key.float(), value.float(), 1.0 / float(self.scale_attn))
    return output.to(value.dtype), None  # (B, H, T, d)


def _install_gptj(model: Any) -> Callable[[], None]:
    modules = [module for module in model.modules() if type(module).__name__ == "GPTJAttention"]
    for module in modules:
        module._attn = types.MethodType(_gptj_attention, module)

    def remove() -> None:
        for module in modules:
            del module._attn

    return remove


INTERFACE = Seam("AttentionInterface", _install_interface)
OWN_SEAMS = {"gptj": Seam("GPTJAttention._attn", _install_gptj)}


def seam_of(model: Any) -> Seam:
    """The seam of a model's architecture.

    Raises:
        ModelError: its attention cannot be reached, so nothing that icldiag would compute could be trusted.
    """
    kind = model.config.model_type
    if kind in OWN_SEAMS:
        return OWN_SEAMS[kind]
    if not getattr(type(model), "_supports_attention_backend", False):
        raise ModelError(
            f"{type(model).__name__} keeps its own attention code, which icldiag cannot instrument yet; "
            "use a GPT-2, GPT-J, GPT-NeoX, OPT, Llama, Qwen2 or another model on transformers' attention interface"
        )
    return INTERFACE


def decoder_layers(model: Any) -> nn.ModuleList:
    """The list of decoder layers: the one ModuleList with as many members as the configuration has layers."""
    count = model.config.get_text_config().num_hidden_layers
    for module in model.modules():
        if isinstance(module, nn.ModuleList) and len(module) == count:
            return module
    raise ModelError(f"{type(model).__name__}: cannot find its {count} decoder layers")


def first_difference(plain: Tensor, instrumented: Tensor) -> float:
    """The largest difference between two sets of logits, relative to the plain ones' largest size."""
    scale = max(float(plain.float().abs().max()), torch.finfo(torch.float32).tiny)
    return float((plain.float() - instrumented.float()).abs().max()) / scale
