"""Tiny GGUF files, written as llama.cpp's converter writes them: its names, orders and offsets of weights."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import gguf
import numpy as np
from numpy.typing import NDArray

from tests.conftest import tiny_tokenizer, tiny_weights

Weight = NDArray[np.float32]
Written = Callable[[str, Weight, Any], Weight]  # (transformers' name, value, configuration)


def _as_is(name: str, weight: Weight, config: Any) -> Weight:
    return weight


def _interleaved(name: str, weight: Weight, config: Any) -> Weight:
    """Llama's queries and keys: halves that rotary positions turn lie side by side."""
    heads = config.num_attention_heads if "q_proj" in name else config.num_key_value_heads
    if "q_proj" not in name and "k_proj" not in name:
        return weight
    return weight.reshape(heads, 2, weight.shape[0] // heads // 2, -1).swapaxes(1, 2).reshape(weight.shape)


def _transposed(name: str, weight: Weight, config: Any) -> Weight:
    """GPT-2's linear layers, which transformers keeps the other way round."""
    return weight.T if weight.ndim == 2 and ".h." in name else weight


def _from_one(name: str, weight: Weight, config: Any) -> Weight:
    """Norms that transformers keeps as differences from 1."""
    return weight + 1 if name.endswith("norm.weight") else weight


def _from_one_but_biases(name: str, weight: Weight, config: Any) -> Weight:
    return weight + 1 if "norm" in name and name.endswith("weight") else weight


def _by_kind(name: str, weight: Weight, config: Any) -> Weight:
    """BLOOM's queries, keys and values, which transformers keeps head by head."""
    if "query_key_value" not in name:
        return weight
    return weight.reshape(config.n_head, 3, -1, *weight.shape[1:]).swapaxes(0, 1).reshape(weight.shape)


class Tiny(NamedTuple):
    """A tiny checkpoint with what a file of its architecture can say, and how its weights are written."""

    checkpoint: str
    written: Written = _as_is
    fields: Mapping[str, Any] = MappingProxyType({})


#: By `general.architecture`.
ARCHITECTURES = {
    "bloom": Tiny("bloom", _by_kind),
    "falcon": Tiny("falcon"),
    "gemma2": Tiny("gemma2", _from_one),
    "gemma3": Tiny("gemma3_text", _from_one, {"num_hidden_layers": 6, "layer_types": None}),
    "gpt2": Tiny("gpt2", _transposed),
    "llama": Tiny("llama", _interleaved),
    "nemotron": Tiny("nemotron", _from_one_but_biases),
    "phi3": Tiny("phi3"),
    "qwen2": Tiny("qwen2"),
    "qwen3": Tiny("qwen3"),
    "qwen3moe": Tiny("qwen3_moe", _as_is, {"norm_topk_prob": True}),
    "stablelm": Tiny("stablelm", _as_is, {"qk_layernorm": False}),
    "starcoder2": Tiny("starcoder2"),
}


def write_gguf(
    path: Path, architecture: str = "llama", kind: str = "F32", model: Any = None, more: dict[str, Any] | None = None
) -> Any:
    """Write a tiny checkpoint; returns it as transformers has it.

    Args:
        kind: of the matrices whose rows are multiples of a block, such as Q8_0; all else is float32.
        model: the checkpoint; by default the tests' own of this architecture.
        more: tensors beside the checkpoint's, by the file's names for them.
    """
    checkpoint, written, fields = ARCHITECTURES[architecture]
    model = model or tiny_weights(checkpoint, **fields)
    writer = gguf.GGUFWriter(path, architecture)
    _write_fields(writer, model.config, gguf.LlamaFileType["ALL_F32" if kind == "F32" else f"MOSTLY_{kind}"])
    if architecture.startswith("gemma"):
        _write_pieces(writer)
    else:
        _write_tokenizer(writer)
    names = gguf.get_tensor_name_map(
        next(arch for arch, name in gguf.MODEL_ARCH_NAMES.items() if name == architecture),
        model.config.num_hidden_layers,
    )
    tied = model.config.tie_word_embeddings
    for name, tensor in model.state_dict().items():
        if tied and name == "lm_head.weight":
            continue
        weight = np.ascontiguousarray(written(name, tensor.float().numpy(), model.config))
        place = _place(names, name)
        if "experts.gate_up_proj" in name:
            half = weight.shape[1] // 2
            writer.add_tensor(place.replace("gate_up", "gate"), np.ascontiguousarray(weight[:, :half]))
            writer.add_tensor(place.replace("gate_up", "up"), np.ascontiguousarray(weight[:, half:]))
            continue
        quantised = kind != "F32" and weight.ndim == 2 and weight.shape[-1] % 32 == 0
        value = gguf.GGMLQuantizationType[kind if quantised else "F32"]
        data = gguf.quantize(weight, value) if quantised else weight
        writer.add_tensor(place, data, raw_dtype=value)
    for place, value in (more or {}).items():
        writer.add_tensor(place, np.ascontiguousarray(value, np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return model


def _place(names: Any, name: str) -> str:
    if found := re.search(r"layers\.(\d+)\.mlp\.experts\.(gate_up|down)_proj", name):
        return f"blk.{found[1]}.ffn_{found[2]}_exps.weight"
    for known in (name, name.removeprefix("transformer.")):
        if place := names.get_name(known, try_suffixes=(".weight", ".bias")):
            return str(place)
    raise AssertionError(name)


def _write_fields(writer: Any, config: Any, file_type: Any) -> None:
    writer.add_file_type(file_type)
    writer.add_block_count(config.num_hidden_layers)
    writer.add_context_length(getattr(config, "max_position_embeddings", 256))
    writer.add_embedding_length(config.hidden_size)
    writer.add_feed_forward_length(getattr(config, "intermediate_size", 4 * config.hidden_size))
    writer.add_head_count(config.num_attention_heads)
    kv_heads = getattr(config, "num_key_value_heads", None) or config.num_attention_heads
    writer.add_head_count_kv(1 if getattr(config, "multi_query", False) else kv_heads)
    for field in ("rms_norm_eps", "norm_eps"):
        if (value := getattr(config, field, None)) is not None:
            writer.add_layer_norm_rms_eps(value)
    for field in ("layer_norm_epsilon", "layer_norm_eps", "norm_epsilon"):
        if (value := getattr(config, field, None)) is not None:
            writer.add_layer_norm_eps(value)
    width = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    writer.add_key_length(width)
    writer.add_value_length(width)
    rotary = getattr(config, "rope_parameters", None) or {}
    writer.add_rope_dimension_count(int(width * rotary.get("partial_rotary_factor", 1)))
    writer.add_rope_freq_base(rotary.get("full_attention", rotary).get("rope_theta", 10000.0))
    if (window := getattr(config, "sliding_window", None)) is not None:
        writer.add_sliding_window(window)
    writer.add_vocab_size(config.vocab_size)
    if (experts := getattr(config, "num_experts", None)) is not None:
        writer.add_expert_count(experts)
        writer.add_expert_used_count(config.num_experts_per_tok)
        writer.add_expert_feed_forward_length(config.moe_intermediate_size)
    for field in ("attn_logit_softcapping", "final_logit_softcapping"):
        if (value := getattr(config, field, None)) is not None:
            getattr(writer, f"add_{field}")(value)


def _write_tokenizer(writer: Any) -> None:
    """The tests' byte-level BPE."""
    backend = tiny_tokenizer().backend_tokenizer
    ids = backend.get_vocab()
    model = json.loads(backend.to_str())["model"]
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list(sorted(ids, key=ids.__getitem__))
    writer.add_token_types([gguf.TokenType.CONTROL, *[gguf.TokenType.NORMAL] * (len(ids) - 1)])
    writer.add_token_merges([merge if isinstance(merge, str) else " ".join(merge) for merge in model["merges"]])
    writer.add_bos_token_id(0)
    writer.add_eos_token_id(0)
    writer.add_pad_token_id(0)


def _write_pieces(writer: Any) -> None:
    """SentencePiece as Gemma has it: 400 pieces, of which words are merged in the order of their scores."""
    tokens = ["<pad>", "<eos>", "<bos>", "<unk>", *(f"<0x{byte:02X}>" for byte in range(256)), "▁"]
    tokens += [chr(sign) for sign in range(33, 127)]
    tokens += [f"▁{chr(sign)}" for sign in range(ord("A"), ord("Z") + 1)]
    tokens += [f"▁{chr(sign)}" for sign in range(ord("a"), ord("z") + 1)][: 400 - len(tokens)]
    writer.add_tokenizer_model("llama")
    writer.add_token_list(tokens)
    writer.add_token_scores([-float(number) for number in range(len(tokens))])
    kinds = [gguf.TokenType.CONTROL] * 3 + [gguf.TokenType.UNKNOWN] + [gguf.TokenType.BYTE] * 256
    writer.add_token_types(kinds + [gguf.TokenType.NORMAL] * (len(tokens) - len(kinds)))
    writer.add_pad_token_id(0)
    writer.add_eos_token_id(1)
    writer.add_bos_token_id(2)
    writer.add_unk_token_id(3)
