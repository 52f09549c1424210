"""What a GGUF file says of its model and transformers 5.23 does not read: put into the configuration, or refused.

Without it a model would load and be another one: with other positions, without its window.
"""

from __future__ import annotations

from math import pi
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from icldiag.errors import ModelError
from icldiag.model.gguf_file import Header

#: Field of the architecture -> attribute of transformers' configuration, where that has it.
_FIELDS = {
    "context_length": "max_position_embeddings",
    "attention.key_length": "head_dim",
    "attention.sliding_window": "sliding_window",
    "attn_logit_softcapping": "attn_logit_softcapping",
    "final_logit_softcapping": "final_logit_softcapping",
    "expert_feed_forward_length": "moe_intermediate_size",
}
#: Layers of the Gemma models whose scores are scaled by the width of a head in the stream, not by that of its keys.
_GEMMA_27B = {"gemma2": 46, "gemma3": 62}
_FREQUENCIES = "rope_freqs.weight"
_LLAMA_3 = {"low_freq_factor": 1.0, "high_freq_factor": 4.0, "original_max_position_embeddings": 8192}  # 3.1 to 3.3


def complete(name: str, config: Any, header: Header, file: Path) -> None:
    """Put into a configuration that transformers made of the file what else the file says.

    Raises:
        ModelError: the file scales rotary positions in a way that would be lost.
    """
    for field, attribute in _FIELDS.items():
        value = header.size(field)
        if value is not None and hasattr(config, attribute) and getattr(config, attribute) != value:
            setattr(config, attribute, value)
    if header.architecture in _GEMMA_27B:  # no field says it; llama.cpp goes by the number of layers too
        large = config.num_hidden_layers == _GEMMA_27B[header.architecture]
        config.query_pre_attn_scalar = config.hidden_size // config.num_attention_heads if large else config.head_dim
    scaling = header.size("rope.scaling.type") or "none"
    if scaling != "none":
        raise ModelError(_unread(name, scaling))
    tensors = {tensor.name: tensor for tensor in header.tensors}
    if any(tensor.startswith("rope_factors_") for tensor in tensors):
        raise ModelError(_unread(name, "rope_factors"))
    if _FREQUENCIES in tensors:
        _scale_as_llama_3(name, config, _float32(file, header.begin + tensors[_FREQUENCIES].offset, tensors))


def _unread(name: str, scaling: str) -> str:
    return (
        f"model {name!r}: its GGUF file scales rotary positions ({scaling}), which transformers does not read from it; "
        "name the model's folder of safetensors, or its name on the hub"
    )


def _float32(file: Path, begin: int, tensors: dict[str, Any]) -> NDArray[np.float32]:
    with file.open("rb") as content:
        content.seek(begin)
        return np.frombuffer(content.read(4 * tensors[_FREQUENCIES].shape[-1]), "<f4")


def _scale_as_llama_3(name: str, config: Any, factors: NDArray[np.float32]) -> None:
    """Llama 3.1's scaling of rotary frequencies, of which the file holds the outcome, a divisor for each.

    Raises:
        ModelError: the divisors are not those of Llama 3.1 to 3.3 with any factor.
    """
    base, width = config.rope_parameters["rope_theta"], 2 * len(factors)
    factor = float(factors.max())
    lengths = 2 * pi * base ** (np.arange(0, width, 2) / width)  # tokens in a turn
    low, high = _LLAMA_3["low_freq_factor"], _LLAMA_3["high_freq_factor"]
    smooth = np.clip((_LLAMA_3["original_max_position_embeddings"] / lengths - low) / (high - low), 0, 1)
    if not np.allclose(factors, 1 / ((1 - smooth) / factor + smooth), rtol=1e-4):
        raise ModelError(_unread(name, f"{_FREQUENCIES}, otherwise than Llama 3 does"))
    config.rope_parameters = {**config.rope_parameters, **_LLAMA_3, "rope_type": "llama3", "factor": factor}
