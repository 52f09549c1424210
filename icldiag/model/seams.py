"""One table: how each architecture's attention is reached.

Most decoders look their attention function up in transformers' AttentionInterface; registering ours there reaches
them without patching a class. The rest need a seam of their own, or are refused by name.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from torch import nn

from icldiag.errors import ModelError
from icldiag.model import interface, own_seams
from icldiag.model.own_seams import replacing


@dataclass(frozen=True)
class Seam:
    """How to put the instrumented attention into a model, and how to take it out again."""

    name: str
    install: Callable[[Any], Callable[[], None]]  # returns what removes it


def _own(class_name: str, method: str, replacement: Callable[..., Any]) -> Seam:
    return Seam(f"{class_name}.{method}", replacing(class_name, method, replacement))


INTERFACE = Seam("AttentionInterface", interface.install)
OWN_SEAMS = {
    "gptj": _own("GPTJAttention", "_attn", own_seams.gptj),
    "codegen": _own("CodeGenAttention", "_attn", own_seams.gptj),
    "gpt_neo": _own("GPTNeoSelfAttention", "_attn", own_seams.gpt_neo),
    "bloom": _own("BloomAttention", "forward", own_seams.bloom),
    "mpt": _own("MptAttention", "forward", own_seams.mpt),
    "falcon": _own("FalconAttention", "forward", own_seams.falcon),
}


def seam_of(model: Any) -> Seam:
    """The seam of a model's architecture.

    Raises:
        ModelError: its attention cannot be reached, so nothing that icldiag would compute could be trusted.
    """
    kind = model.config.model_type
    if getattr(model.config.get_text_config(), "num_attention_heads", None) is None:
        raise ModelError(f"{type(model).__name__} has no attention, which is what icldiag analyses; use a transformer")
    if kind in OWN_SEAMS:
        return OWN_SEAMS[kind]
    settable = getattr(model, "_can_set_attn_implementation", None)  # newer than the first transformers 5
    if not (settable() if settable else model._supports_attention_backend):
        raise ModelError(
            f"{type(model).__name__} keeps its own attention code, which icldiag cannot instrument; use one of the "
            "architectures that 'icldiag docs architectures' lists, or another on transformers' attention interface"
        )
    return INTERFACE


def decoder_layers(model: Any) -> nn.ModuleList:
    """The list of decoder layers: the one ModuleList with as many members as the configuration has layers."""
    count = model.config.get_text_config().num_hidden_layers
    for module in model.modules():
        if isinstance(module, nn.ModuleList) and len(module) == count:
            return module
    raise ModelError(f"{type(model).__name__}: cannot find its {count} decoder layers")
