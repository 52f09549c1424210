"""Tiny configurations of the architectures that icldiag computes exactly, each with what is special about it.

Windows, chunks and caps are so small that a prompt of the tests goes beyond them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import transformers as t

_SMALL: dict[str, Any] = {"vocab_size": 400, "bos_token_id": 0, "eos_token_id": 0, "pad_token_id": 0}
_GPT: dict[str, Any] = {**_SMALL, "n_positions": 256, "n_embd": 32, "n_layer": 4, "n_head": 4}
_MODERN: dict[str, Any] = {
    **_SMALL,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 4,
    "num_attention_heads": 4,
    "max_position_embeddings": 256,
}
_GROUPED: dict[str, Any] = {**_MODERN, "num_key_value_heads": 2}
_EXPERTS: dict[str, Any] = {"moe_intermediate_size": 16, "num_experts": 4, "num_experts_per_tok": 2}
_WINDOW = 40
_LOCAL = {"sliding_window": _WINDOW, "layer_types": ["sliding_attention", "full_attention"] * 2}


@dataclass(frozen=True)
class Architecture:
    """One row of docs/architectures.md."""

    models: str  # the families that users know it by
    special: str  # what its attention does differently from GPT-2's
    config: Callable[[], Any]


ARCHITECTURES: dict[str, Architecture] = {
    "gpt2": Architecture("GPT-2", "", lambda: t.GPT2Config(**_GPT)),
    "gptj": Architecture(
        "GPT-J",
        "partial rotary, parallel attention and MLP, float32 scores",
        lambda: t.GPTJConfig(**_GPT, rotary_dim=4),
    ),
    "gpt_neo": Architecture(
        "GPT-Neo",
        "unscaled scores, every other layer within a window",
        lambda: t.GPTNeoConfig(
            **_SMALL,
            max_position_embeddings=256,
            hidden_size=32,
            num_layers=4,
            num_heads=4,
            intermediate_size=48,
            window_size=_WINDOW,
            attention_types=[[["global", "local"], 2]],
        ),
    ),
    "gpt_neox": Architecture(
        "GPT-NeoX, Pythia", "partial rotary, parallel attention and MLP", lambda: t.GPTNeoXConfig(**_MODERN)
    ),
    "codegen": Architecture(
        "CodeGen", "partial rotary, parallel attention and MLP", lambda: t.CodeGenConfig(**_GPT, rotary_dim=4)
    ),
    "gpt_bigcode": Architecture(
        "StarCoder, SantaCoder", "one key-value head for all", lambda: t.GPTBigCodeConfig(**_GPT, multi_query=True)
    ),
    "bloom": Architecture(
        "BLOOM",
        "ALiBi, a number of heads that is no power of two",
        lambda: t.BloomConfig(**_SMALL, hidden_size=48, n_layer=4, n_head=6),
    ),
    "mpt": Architecture(
        "MPT", "ALiBi", lambda: t.MptConfig(vocab_size=400, d_model=32, n_layers=4, n_heads=4, max_seq_len=256)
    ),
    "falcon": Architecture(
        "Falcon 7B",
        "rotary, one key-value head, parallel attention and MLP",
        lambda: t.FalconConfig(**_MODERN, multi_query=True, new_decoder_architecture=False),
    ),
    "falcon_40b": Architecture(
        "Falcon 40B, 180B",
        "rotary, grouped queries, two norms in parallel",
        lambda: t.FalconConfig(**_MODERN, num_kv_heads=2, new_decoder_architecture=True),
    ),
    "falcon_rw": Architecture(
        "Falcon RW",
        "ALiBi, rounded to bfloat16 as the model does",
        lambda: t.FalconConfig(**_MODERN, alibi=True, multi_query=False, parallel_attn=False, bias=True),
    ),
    "opt": Architecture("OPT", "", lambda: t.OPTConfig(**_MODERN, ffn_dim=48, word_embed_proj_dim=32)),
    "biogpt": Architecture("BioGPT", "", lambda: t.BioGptConfig(**_MODERN)),
    "llama": Architecture("Llama 1-3, SmolLM 1-2, Yi, TinyLlama", "grouped queries", lambda: t.LlamaConfig(**_GROUPED)),
    "llama4_text": Architecture(
        "Llama 4",
        "chunks, layers without rotary, experts",
        lambda: t.Llama4TextConfig(
            **_GROUPED,
            head_dim=8,
            intermediate_size_mlp=48,
            num_local_experts=2,
            attention_chunk_size=_WINDOW,
            no_rope_layers=[1, 0, 1, 0],
        ),
    ),
    "mistral": Architecture(
        "Mistral", "grouped queries, sliding window", lambda: t.MistralConfig(**_GROUPED, sliding_window=_WINDOW)
    ),
    "mixtral": Architecture("Mixtral", "experts", lambda: t.MixtralConfig(**_GROUPED, num_local_experts=4)),
    "ministral": Architecture(
        "Ministral", "sliding window in every other layer", lambda: t.MinistralConfig(**_GROUPED, head_dim=8, **_LOCAL)
    ),
    "qwen2": Architecture("Qwen 1.5, 2, 2.5", "grouped queries", lambda: t.Qwen2Config(**_GROUPED)),
    "qwen3": Architecture("Qwen 3", "norm of queries and keys", lambda: t.Qwen3Config(**_GROUPED, head_dim=8)),
    "qwen3_moe": Architecture(
        "Qwen 3 MoE", "norm of queries and keys, experts", lambda: t.Qwen3MoeConfig(**_GROUPED, **_EXPERTS, head_dim=8)
    ),
    "gemma": Architecture(
        "Gemma",
        "one key-value head, wide heads",
        lambda: t.GemmaConfig(**{**_MODERN, "num_key_value_heads": 1, "head_dim": 16}),
    ),
    "gemma2": Architecture(
        "Gemma 2",
        "soft-capping, sliding window in every other layer",
        lambda: t.Gemma2Config(
            **_GROUPED, head_dim=8, query_pre_attn_scalar=8, attn_logit_softcapping=2.0, sliding_window=_WINDOW
        ),
    ),
    "gemma3_text": Architecture(
        "Gemma 3",
        "norm of queries and keys, sliding window in most layers, two rotary bases",
        lambda: t.Gemma3TextConfig(**_GROUPED, head_dim=8, query_pre_attn_scalar=8, **_LOCAL),
    ),
    "gemma4_text": Architecture(
        "Gemma 4",
        "wider heads in the global layers, norms of queries, keys and values, sliding window, inputs per layer",
        lambda: t.Gemma4TextConfig(
            **_GROUPED,
            head_dim=8,
            global_head_dim=16,
            hidden_size_per_layer_input=8,
            vocab_size_per_layer_input=400,
            num_kv_shared_layers=0,
            **_LOCAL,
        ),
    ),
    "gpt_oss": Architecture(
        "gpt-oss",
        "attention sinks, sliding window in every other layer, experts",
        lambda: t.GptOssConfig(**_GROUPED, head_dim=8, num_local_experts=4, sliding_window=_WINDOW),
    ),
    "phi": Architecture("Phi 1-2", "partial rotary, parallel attention and MLP", lambda: t.PhiConfig(**_MODERN)),
    "phi3": Architecture("Phi 3-4", "sliding window", lambda: t.Phi3Config(**_GROUPED, sliding_window=_WINDOW)),
    "stablelm": Architecture(
        "StableLM 2",
        "partial rotary, norm of queries and keys",
        lambda: t.StableLmConfig(**_GROUPED, qk_layernorm=True),
    ),
    "granite": Architecture(
        "Granite", "its own scale of scores", lambda: t.GraniteConfig(**_GROUPED, attention_multiplier=0.2)
    ),
    "cohere": Architecture("Command R", "parallel attention and MLP", lambda: t.CohereConfig(**_GROUPED)),
    "cohere2": Architecture(
        "Command R7B", "sliding window, layers without rotary", lambda: t.Cohere2Config(**_GROUPED, **_LOCAL)
    ),
    "olmo": Architecture("OLMo", "clipped queries, keys and values", lambda: t.OlmoConfig(**_GROUPED, clip_qkv=1.0)),
    "olmo2": Architecture("OLMo 2", "norm of queries and keys", lambda: t.Olmo2Config(**_GROUPED)),
    "olmo3": Architecture(
        "OLMo 3", "norms, sliding window in most layers", lambda: t.Olmo3Config(**_GROUPED, **_LOCAL)
    ),
    "starcoder2": Architecture(
        "StarCoder 2", "sliding window", lambda: t.Starcoder2Config(**_GROUPED, sliding_window=_WINDOW)
    ),
    "smollm3": Architecture(
        "SmolLM 3", "layers without rotary", lambda: t.SmolLM3Config(**_GROUPED, no_rope_layers=[1, 0, 1, 0])
    ),
    "exaone4": Architecture("EXAONE 4", "norms, layers without rotary", lambda: t.Exaone4Config(**_GROUPED, **_LOCAL)),
    "nemotron": Architecture("Nemotron 4, Minitron", "partial rotary", lambda: t.NemotronConfig(**_GROUPED)),
    "glm4": Architecture("GLM 4", "interleaved partial rotary", lambda: t.Glm4Config(**_GROUPED, head_dim=8)),
    "deepseek_v3": Architecture(
        "DeepSeek V3, R1",
        "latent attention: values narrower than keys, experts",
        lambda: t.DeepseekV3Config(
            **_MODERN,
            num_key_value_heads=4,
            moe_intermediate_size=16,
            n_routed_experts=4,
            n_shared_experts=1,
            num_experts_per_tok=2,
            n_group=1,
            topk_group=1,
            first_k_dense_replace=1,
            q_lora_rank=16,
            kv_lora_rank=16,
            qk_rope_head_dim=8,
            qk_nope_head_dim=8,
            v_head_dim=8,
        ),
    ),
}
