"""`python -m benchmarks.survey`: every causal language model of the installed transformers, tried or refused.

Each gets a tiny configuration (sizes that its configuration class knows are made small, all else stays its default)
and the check that icldiag makes when it loads a model. The result is a list on stdout; it takes some minutes.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterator
from typing import Any

import torch
import transformers
from transformers.models.auto.configuration_auto import CONFIG_MAPPING_NAMES
from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES

from icldiag.errors import ModelError
from icldiag.model.forward import InstrumentedModel
from icldiag.model.parity import require_parity

_LARGEST = 50_000_000  # weights; what stays larger than this is told as untried

_WIDTH = ("hidden_size", "n_embd", "d_model", "word_embed_proj_dim")
_INNER = ("intermediate_size", "ffn_dim", "ffn_hidden_size", "n_inner", "decoder_ffn_dim", "encoder_ffn_dim")
_LAYERS = ("num_hidden_layers", "n_layer", "n_layers", "num_layers", "decoder_layers", "encoder_layers")
_HEADS = ("num_attention_heads", "n_head", "n_heads", "num_heads", "decoder_attention_heads")
_WINDOW = ("max_position_embeddings", "n_positions", "max_seq_len")
_SMALL: dict[str, Any] = {
    **dict.fromkeys(_WIDTH, 32),
    **dict.fromkeys(_INNER, 48),
    **dict.fromkeys(_LAYERS, 4),
    **dict.fromkeys(_HEADS, 4),
    **dict.fromkeys(_WINDOW, 256),
    **dict.fromkeys(("num_key_value_heads", "num_kv_heads"), 2),
    **dict.fromkeys(("pad_token_id", "bos_token_id", "eos_token_id"), 0),
    **dict.fromkeys(("moe_intermediate_size", "q_lora_rank", "kv_lora_rank", "index_head_dim"), 16),
    **dict.fromkeys(("num_experts", "num_local_experts", "n_routed_experts", "moe_num_experts"), 4),
    **dict.fromkeys(("qk_rope_head_dim", "qk_nope_head_dim", "v_head_dim", "head_dim", "mamba_d_state"), 8),
    **dict.fromkeys(("n_group", "topk_group", "first_k_dense_replace", "n_shared_experts"), 1),
    "num_experts_per_tok": 2,
    "vocab_size": 400,
    "vocab_size_per_layer_input": 400,
    "hidden_size_per_layer_input": 8,
    "num_kv_shared_layers": 0,
    "rotary_dim": 4,
    "sliding_window": 7,
    "attention_chunk_size": 7,
    "is_decoder": True,
}


def tiny_config(kind: str) -> Any:
    """The model type's configuration with what is known made small; with latent attention, as many keys as queries."""
    of = getattr(transformers, CONFIG_MAPPING_NAMES[kind])
    names = set(inspect.signature(of).parameters).union(*(vars(base).get("__annotations__", {}) for base in of.__mro__))
    renamed = getattr(of, "attribute_map", {})
    chosen = {name: value for name, value in _SMALL.items() if name in names and renamed.get(name) not in names}
    if "kv_lora_rank" in chosen:
        chosen["num_key_value_heads"] = 4
    return of(**chosen)


def outcome(kind: str) -> str:
    """'exact' with the difference, 'refused' with the reason, or 'untried' with the reason."""
    try:
        config = tiny_config(kind)
        with torch.device("meta"):
            weights = sum(p.numel() for p in transformers.AutoModelForCausalLM.from_config(config).parameters())
        if weights > _LARGEST:
            return f"untried: its tiny configuration has {weights / 1e6:.0f} M weights"
        model = transformers.AutoModelForCausalLM.from_config(config)
    except Exception as error:  # a configuration of its own fails in its own way; the row says which
        return f"untried: no tiny configuration ({type(error).__name__}: {' '.join(str(error).split())[:100]})"
    for weight in model.parameters():
        if weight.ndim >= 2:
            torch.nn.init.normal_(weight, std=0.2)
    try:
        parity = require_parity(InstrumentedModel(model, None, kind))
    except ModelError as error:
        return f"refused: {error}"
    return f"exact: {max(parity.difference, parity.split_difference):.0e}"


def survey(kinds: list[str]) -> Iterator[tuple[str, str]]:
    for kind in kinds:
        torch.manual_seed(0)
        yield kind, outcome(kind)


def main() -> None:
    transformers.utils.logging.set_verbosity_error()
    found: dict[str, list[str]] = {}
    for kind, result in survey(sys.argv[1:] or list(MODEL_FOR_CAUSAL_LM_MAPPING_NAMES)):
        print(f"{kind:28} {result}", flush=True)
        found.setdefault(result.split(":")[0], []).append(kind)
    for result, kinds in found.items():
        print(f"\n{len(kinds)} {result}: {', '.join(kinds)}")


if __name__ == "__main__":
    main()
