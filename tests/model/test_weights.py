"""Weights that would be left out or taken for others, and tokens without an embedding."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
import transformers
from safetensors.torch import load_file, save_file

from icldiag.check import describe_tokens
from icldiag.errors import PromptError
from icldiag.model.load import load_model
from icldiag.model.settings import ModelSettings
from icldiag.session import Session
from tests.conftest import tiny_prompt, tiny_tokenizer, tiny_weights
from tests.model.refusals import change, refusal


@pytest.mark.parametrize("architecture", ["gpt2", "gpt_neox", "bloom", "opt", "llama", "gemma2", "deepseek_v3"])
def test_layers_that_the_configuration_does_not_count(architecture: str, tmp_path: Path) -> None:
    model = tiny_weights(architecture)
    model.save_pretrained(tmp_path)
    tiny_tokenizer().save_pretrained(tmp_path)
    load_model(ModelSettings(name=str(tmp_path), device="cpu"))
    counted = {"n_layer", "num_hidden_layers", "num_layers"} & json.loads((tmp_path / "config.json").read_text()).keys()
    change(tmp_path / "config.json", **dict.fromkeys(counted, 3))
    if "layer_types" in json.loads((tmp_path / "config.json").read_text()):
        change(tmp_path / "config.json", layer_types=None)
    assert "its files hold 4 layers, and config.json says 3, so " in refusal(tmp_path)


def test_a_body_saved_alone_counts_its_layers_too(llama: Path) -> None:
    weights = load_file(llama / "model.safetensors")
    bare = {name.removeprefix("model."): weight for name, weight in weights.items()}
    save_file(bare, llama / "model.safetensors", {"format": "pt"})
    change(llama / "config.json", num_hidden_layers=3)
    assert "its files hold 4 layers, and config.json says 3" in refusal(llama)


@pytest.mark.parametrize(
    ("architecture", "names"),
    [
        ("llama", ["vision_tower.encoder.layers.9.mlp.weight", "visual.blocks.20.attn.weight"]),
        ("llama", ["model.layers.0.self_attn.rotary_emb.inv_freq", "model.rotary_emb.inv_freq"]),
        ("llama", ["model.layers.4.eh_proj.weight", "model.layers.4.mlp.up_proj.weight"]),
        ("llama", ["mtp.layers.7.mlp.weight", "model.mtp_layers.5.mlp.weight", "value_head.weight"]),
        ("gpt2", ["transformer.h.0.attn.bias", "transformer.h.0.attn.masked_bias", "h.3.attn.masked_bias"]),
    ],
)
def test_other_weights_that_the_model_does_not_have_are_no_matter(
    architecture: str, names: list[str], tmp_path: Path
) -> None:
    tiny_weights(architecture).save_pretrained(tmp_path)
    tiny_tokenizer().save_pretrained(tmp_path)
    weights = load_file(tmp_path / "model.safetensors")
    for name in names:
        weights[name] = torch.ones(4, 4, dtype=torch.uint8 if name.endswith("attn.bias") else torch.float32)
    save_file(weights, tmp_path / "model.safetensors", {"format": "pt"})
    load_model(ModelSettings(name=str(tmp_path), device="cpu"))


@pytest.mark.parametrize(("architecture", "said"), [("qwen3", "llama"), ("olmo2", "llama"), ("llama", "olmo")])
def test_layers_of_another_architecture(architecture: str, said: str, tmp_path: Path) -> None:
    """Every weight that the model wants is there, and more: norms that would be passed over."""
    tiny_weights(architecture).save_pretrained(tmp_path)
    tiny_tokenizer().save_pretrained(tmp_path)
    change(tmp_path / "config.json", model_type=said, architectures=None)
    sentence = refusal(tmp_path)
    assert "its files hold the weights model.layers.0." in sentence or "its files lack the weights" in sentence
    if architecture == "llama":
        assert "layernorm.weight and 7 others, for which OlmoForCausalLM has no place" in sentence


@pytest.mark.parametrize("architecture", ["gemma4_text", "gpt_oss", "mixtral", "deepseek_v3", "llama4_text", "bloom"])
def test_sound_folders_of_all_kinds_load(architecture: str, tmp_path: Path) -> None:
    """Layers of several widths, experts that transformers packs, a tied head: nothing is taken for broken."""
    tiny_weights(architecture).save_pretrained(tmp_path)
    tiny_tokenizer().save_pretrained(tmp_path)
    assert load_model(ModelSettings(name=str(tmp_path), device="cpu")).notes == []


@pytest.mark.parametrize("dtype", [torch.int8, torch.uint8, torch.int32])
@pytest.mark.parametrize("which", ["model.layers.0.mlp.up_proj.weight", "model.norm.weight", "all"])
def test_weights_cast_to_integers(dtype: torch.dtype, which: str, llama: Path) -> None:
    weights = load_file(llama / "model.safetensors")
    cast = {name: weight.to(dtype) if which in (name, "all") else weight for name, weight in weights.items()}
    save_file(cast, llama / "model.safetensors", {"format": "pt"})
    assert "config.json has no quantization_config that says what they stand for" in refusal(llama)


def test_small_floats_need_their_scale_explained(llama: Path) -> None:
    weights = load_file(llama / "model.safetensors")
    name = "model.layers.0.mlp.up_proj.weight"
    weights[name] = weights[name].to(torch.float8_e4m3fn)
    save_file(weights, llama / "model.safetensors", {"format": "pt"})
    load_model(ModelSettings(name=str(llama), device="cpu"))
    save_file({**weights, f"{name}_scale_inv": torch.ones(1)}, llama / "model.safetensors", {"format": "pt"})
    assert "stored as F8_E4M3" in refusal(llama)


# ---- tokens without an embedding -------------------------------------------------------------------------------------


def test_a_token_without_an_embedding_is_refused_where_it_is_used(llama: Path) -> None:
    tokenizer = tiny_tokenizer()
    known = len(tokenizer)
    more = transformers.AutoTokenizer.from_pretrained(llama)
    more.add_tokens(["Number"])
    more.save_pretrained(llama)
    settings = ModelSettings(name=str(llama), device="cpu")
    model = load_model(settings)
    assert model.notes == [
        f"the tokenizer has {known + 1} tokens and the model embeddings for {known}: a prompt that needs one of the "
        "others is refused"
    ]
    with pytest.raises(PromptError, match=rf"'Number' \({known}\) has no embedding: the model has {known}"):
        describe_tokens(tiny_prompt(), settings)
    with pytest.raises(PromptError, match="has no embedding"):
        Session(tiny_prompt(), model).prediction()


def test_one_token_more_that_no_prompt_uses_is_a_note(llama: Path) -> None:
    more = transformers.AutoTokenizer.from_pretrained(llama)
    more.add_tokens(["<|unused|>"])
    more.save_pretrained(llama)
    settings = ModelSettings(name=str(llama), device="cpu")
    assert "note: the tokenizer has" in describe_tokens(tiny_prompt(), settings)
    session = Session(tiny_prompt(), settings)
    assert session.prediction() is not None
    assert any("embeddings for" in warning for warning in session.warnings)
