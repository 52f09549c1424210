"""Seams of the architectures that keep their own attention code: GPT-J, GPT-Neo, CodeGen, BLOOM, MPT and Falcon.

Each replaces, on every attention module, the one method in which scores become an output; projections, rotary
positions and everything else stay the model's own code.
"""

from __future__ import annotations

import math
import types
from collections.abc import Callable
from functools import cache, lru_cache
from typing import Any

import torch
from torch import Tensor
from transformers.masking_utils import sliding_window_overlay
from transformers.models.falcon.modeling_falcon import apply_rotary_pos_emb

from icldiag.model.attention import attend
from icldiag.model.heads import PLAIN, Bias, Variant

Remove = Callable[[], None]


def replacing(class_name: str, method: str, replacement: Callable[..., Any]) -> Callable[[Any], Remove]:
    """What puts `replacement` in the place of a method of all modules of a class, and returns what takes it out."""

    def install(model: Any) -> Remove:
        modules = [module for module in model.modules() if type(module).__name__ == class_name]
        before = [(module, _place(module, method)) for module in modules]
        kept = [module.__dict__.get(name) for module, name in before]
        for module, name in before:
            setattr(module, name, types.MethodType(replacement, module))

        def remove() -> None:
            for (module, name), original in zip(before, kept, strict=True):
                if original is None:
                    delattr(module, name)
                else:
                    setattr(module, name, original)

        return remove

    return install


def _place(module: Any, method: str) -> str:
    """Where the method stands: a hook of accelerate has moved `forward`, and calls it around moving weights."""
    return "_old_forward" if method == "forward" and hasattr(module, "_hf_hook") else method


def merged(output: Tensor) -> Tensor:
    """Heads side by side: (B, H, T, d) -> (B, T, H * d)."""
    return output.transpose(1, 2).flatten(2)


# ---- GPT-J, GPT-Neo and CodeGen: one method from Q, K, V to the output, with scores in float32 whatever the dtype ----


def _in_float32(layer: int, query: Tensor, key: Tensor, value: Tensor, scale: float, variant: Variant = PLAIN) -> Any:
    output = attend(layer, query.float(), key.float(), value.float(), scale, variant)
    return output.to(value.dtype), None  # (B, H, T, d)


def gptj(self: Any, query: Tensor, key: Tensor, value: Tensor, attention_mask: object = None) -> Any:
    """GPTJAttention._attn, and CodeGenAttention._attn, which has the same names."""
    return _in_float32(self.layer_idx, query, key, value, 1.0 / float(self.scale_attn))


_window = cache(sliding_window_overlay)  # one function for all layers, by which a pass knows that they see alike


def gpt_neo(self: Any, query: Tensor, key: Tensor, value: Tensor, attention_mask: object = None) -> Any:
    """GPTNeoSelfAttention._attn: unscaled, and in every other layer within a window."""
    local = self.attention_type == "local"
    variant = Variant(visible=_window(self.config.window_size)) if local else PLAIN
    return _in_float32(self.layer_id, query, key, value, 1.0, variant)


# ---- BLOOM, MPT and Falcon: the whole of attention, with ALiBi ------------------------------------------------------


@lru_cache(maxsize=64)
def alibi_slopes(heads: int, device: torch.device) -> Tensor:
    """The (H,) slopes of Press et al. 2022 (arXiv 2108.12409): 2^(-8 i / H) for powers of two.

    Other numbers of heads take those of the next smaller power, then every other one of the next larger.
    """
    power = 2 ** math.floor(math.log2(heads))
    exponents = [8 * i / power for i in range(1, power + 1)]
    exponents += [8 * i / (2 * power) for i in range(1, 2 * power, 2)][: heads - power]
    return torch.tensor([2.0**-exponent for exponent in exponents], device=device)


def _alibi(slopes: Tensor, dtype: torch.dtype, scale: float = 1.0) -> Bias:
    """slope * position, rounded as the model rounds it; a constant along a row drops out of the softmax."""

    def bias(positions: Tensor) -> Tensor:
        distances = slopes[None, :, None] * positions[:, None, :]  # (B, H, N)
        return distances.to(dtype)[:, :, None] * scale

    return bias


def bloom(self: Any, hidden_states: Tensor, residual: Tensor, *_: object, **__: object) -> Any:
    """BloomAttention.forward."""
    query, key, value = self._reshape(self.query_key_value(hidden_states))
    variant = Variant(bias=_alibi(alibi_slopes(self.num_heads, query.device), query.dtype))
    output = attend(self.layer_idx, query, key, value, self.inv_norm_factor, variant)
    return self.dense(merged(output)) + residual, None


def mpt(self: Any, hidden_states: Tensor, *_: object, **__: object) -> Any:
    """MptAttention.forward."""
    mixed = self.Wqkv(hidden_states)
    if self.clip_qkv:
        mixed = mixed.clamp(min=-self.clip_qkv, max=self.clip_qkv)
    query, key, value = (
        part.unflatten(2, (self.n_heads, self.head_dim)).transpose(1, 2) for part in mixed.chunk(3, dim=2)
    )
    variant = Variant(bias=_alibi(alibi_slopes(self.n_heads, query.device), torch.float32))
    return self.out_proj(merged(attend(self.layer_idx, query, key, value, self.softmax_scale, variant))), None


def falcon(
    self: Any,
    hidden_states: Tensor,
    alibi: Tensor | None,
    *_: object,
    position_embeddings: tuple[Tensor, Tensor] | None = None,
    **__: object,
) -> Any:
    """FalconAttention.forward. With grouped queries it repeats keys and values; once each is enough here."""
    query, key, value = (part.transpose(1, 2) for part in self._split_heads(self.query_key_value(hidden_states)))
    if self.new_decoder_architecture:
        repeats = self.num_heads // self.num_kv_heads
        key, value = key[:, ::repeats], value[:, ::repeats]
    variant = PLAIN
    if alibi is None:
        assert position_embeddings is not None
        query, key = apply_rotary_pos_emb(query, key, *position_embeddings)
    else:
        slopes = alibi_slopes(self.num_heads, query.device).bfloat16()
        variant = Variant(bias=_alibi(slopes, query.dtype, self.inv_norm_factor))
    output = attend(self.layer_idx, query, key, value, 1.0 / math.sqrt(self.head_dim), variant)
    return self.dense(merged(output)), None
