"""The seam of most decoders: transformers' AttentionInterface and AttentionMaskInterface.

The models ask the mask interface for a mask and hand it on to every layer's attention function unseen. Ours answers
with the rule instead of a T x T tensor, so that a layer sees exactly what its model wants it to see (all of the past, a
sliding window, a chunk), whatever the model, and by position.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NoReturn

from torch import Tensor, nn
from transformers import AttentionInterface, AttentionMaskInterface
from transformers.masking_utils import causal_mask_function

from icldiag.errors import ModelError
from icldiag.model.attention import attend, current
from icldiag.model.heads import Variant
from icldiag.model.visibility import Visible

NAME = "icldiag"


@dataclass(frozen=True)
class MaskRule:
    """In the place of a mask: which positions may see which. `visible` is None where it is the whole past."""

    visible: Visible | None

    def _changed(self, *anything: object) -> NoReturn:
        raise ModelError(
            "the model changes its attention mask itself (sparse attention, or layers that share keys and values), "
            "which icldiag cannot compute exactly; use a model without it"
        )

    __getitem__ = __and__ = __rand__ = __add__ = __radd__ = __mul__ = _changed


def mask_rule(mask_function: Visible, local_size: int | None = None, use_vmap: bool = False, **unused: Any) -> MaskRule:
    """`MaskRule` with the signature of transformers' AttentionMaskInterface."""
    if use_vmap:
        raise ModelError("the model has a mask of its own making, which icldiag cannot compute exactly")
    # Windows and chunks of `local_size` positions hide nothing from a prompt that is not longer.
    whole_past = mask_function is causal_mask_function or (local_size is not None and current().furthest < local_size)
    return MaskRule(None if whole_past else mask_function)


# Arguments with which some architectures change what a row of attention is, beyond what a Variant holds.
_REFUSED = {
    "position_bias": "a learned position bias inside attention",
    "sinks": "sinks of its own kind inside attention",
    "indices": "sparse attention",
    "block_indices": "sparse attention",
}


def interface(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: MaskRule | Tensor | None,
    scaling: float | None = None,
    dropout: float = 0.0,
    softcap: float | None = None,
    s_aux: Tensor | None = None,
    **extra: object,
) -> tuple[Tensor, None]:
    """`attend` with the signature of transformers' AttentionInterface; returns (B, T, H, d).

    `sliding_window` is not read: the mask has it already.
    """
    del dropout  # models are in evaluation mode
    name = type(module).__name__
    if getattr(module, "is_causal", True) is False or extra.get("is_causal") is False:
        raise ModelError(f"{name} looks ahead: icldiag needs a causal (decoder-only) language model")
    for argument, meaning in _REFUSED.items():
        if extra.get(argument) is not None:
            raise ModelError(f"{name} uses {meaning}, which icldiag cannot compute exactly; use a model without it")
    if isinstance(attention_mask, Tensor):
        raise ModelError(f"{name} makes its mask itself, which icldiag cannot compute exactly; use another model")
    visible = attention_mask.visible if attention_mask is not None else None
    scale = query.shape[-1] ** -0.5 if scaling is None else scaling
    variant = Variant(softcap=softcap, sinks=s_aux, visible=visible)
    layer = int(module.layer_idx)  # type: ignore[arg-type]
    return attend(layer, query, key, value, scale, variant).transpose(1, 2).contiguous(), None


AttentionInterface.register(NAME, interface)
AttentionMaskInterface.register(NAME, mask_rule)


def install(model: Any) -> Callable[[], None]:
    """Let the model look up our attention; returns what restores its own."""
    original = model.config._attn_implementation
    model.set_attn_implementation(NAME)
    return lambda: model.set_attn_implementation(original)
