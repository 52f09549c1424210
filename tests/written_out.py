"""Attention plainly written, in transformers' own layers: what the instrumented model is checked against."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import transformers
from torch import Tensor

from icldiag.model.forward import InstrumentedModel
from icldiag.prompt.encode import EncodedPrompt

Change = Callable[[int, Tensor, Tensor], Tensor]  # layer, scores (1, H, T, T), attention -> attention


def unchanged(layer: int, scores: Tensor, attention: Tensor) -> Tensor:
    return attention


def plain_run(
    model: InstrumentedModel, ids: list[int], change: Change, record: dict[int, Tensor] | None = None
) -> Tensor:
    """The whole prompt through transformers' own layers, with attention written out and changed by `change`.

    Returns the logits (V,); `record` receives every layer's attention, with its gradient where one is wanted.
    """

    def written_out(layer: int, query: Tensor, key: Tensor, value: Tensor, scale: float) -> Tensor:
        groups = query.shape[1] // key.shape[1]
        key, value = key.repeat_interleave(groups, 1), value.repeat_interleave(groups, 1)
        scores = query @ key.transpose(2, 3) * scale
        length = scores.shape[-1]
        scores = scores.masked_fill(torch.ones(length, length, dtype=torch.bool).triu(1), -torch.inf)
        attention = change(layer, scores, scores.softmax(-1))
        if record is not None:
            attention.requires_grad_() if attention.is_leaf else attention.retain_grad()
            record[layer] = attention
        return attention @ value

    def as_interface(module: Any, query: Tensor, key: Tensor, value: Tensor, mask: Any, **extra: Any) -> Any:
        scaling = extra.get("scaling")
        scale = query.shape[-1] ** -0.5 if scaling is None else scaling
        return written_out(module.layer_idx, query, key, value, scale).transpose(1, 2), None

    with model.plain() as plain:
        if model.seam.name == "AttentionInterface":
            transformers.AttentionInterface.register("written_out", as_interface)
            before = plain.config._attn_implementation
            plain.set_attn_implementation("written_out")
            try:
                return plain(input_ids=torch.tensor([ids])).logits[0, -1]  # type: ignore[no-any-return]
            finally:
                plain.set_attn_implementation(before)
        modules = [module for module in plain.modules() if type(module).__name__ == "GPTJAttention"]
        for module in modules:
            module._attn = lambda q, k, v, mask=None, of=module: (
                written_out(of.layer_idx, q, k, v, 1 / float(of.scale_attn)),
                None,
            )
        try:
            return plain(input_ids=torch.tensor([ids])).logits[0, -1]  # type: ignore[no-any-return]
        finally:
            for module in modules:
                del module._attn


def ids_of(encoded: EncodedPrompt, query: int) -> list[int]:
    return [*encoded.prefix, *encoded.queries[query].ids]
