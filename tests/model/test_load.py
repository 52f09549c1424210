"""Loading: one sentence for whatever is wrong with a model."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import torch
import transformers

from icldiag.errors import ModelError
from icldiag.model.load import ModelSettings, load_model, load_tokenizer
from icldiag.model.parity import require_parity
from tests.conftest import Tiny, tiny_tokenizer, tiny_weights


def load(folder: Path | str) -> None:
    load_model(ModelSettings(name=str(folder), device="cpu"))


@pytest.fixture
def copy(model_folder: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(model_folder, tmp_path / "copy"))


def test_a_folder_loads_in_stages(model_folder: Path) -> None:
    stages: list[str] = []
    model = load_model(ModelSettings(name=str(model_folder), device="cpu"), stages.append)
    assert stages == ["importing torch and transformers", "tokenizer", "weights", "checking the seam"]
    assert (model.architecture, model.n_layers, model.n_heads, model.context_window) == ("GPT2LMHeadModel", 4, 4, 256)
    assert model.dtype == torch.float32
    assert load_tokenizer(ModelSettings(name=str(model_folder)))[1] == 256


def test_half_precision_on_request(model_folder: Path) -> None:
    model = load_model(ModelSettings(name=str(model_folder), device="cpu", dtype="bfloat16"))
    assert model.dtype == torch.bfloat16


def test_missing_pieces_are_named(copy: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no model folder"):
        load(tmp_path / "none")
    weights = (copy / "model.safetensors").read_bytes()
    (copy / "model.safetensors").write_bytes(weights[: len(weights) // 2])
    with pytest.raises(ModelError, match="damaged or half downloaded"):
        load(copy)
    (copy / "model.safetensors").unlink()
    torch.save(tiny_weights("gpt2").state_dict(), copy / "pytorch_model.bin")
    with pytest.raises(ModelError, match="no safetensors weights"):
        load(copy)
    (copy / "tokenizer.json").unlink()
    with pytest.raises(ModelError, match="no tokenizer"):
        load(copy)
    (copy / "config.json").unlink()
    with pytest.raises(ModelError, match=r"no config\.json"):
        load(copy)


def test_a_name_without_a_hub(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("icldiag.model.load._hub_answers", lambda: False)
    with pytest.raises(ModelError, match="hub cannot be reached"):
        load("nobody/nothing")


def test_weights_that_are_not_numbers(tmp_path: Path) -> None:
    model = tiny_weights("gpt2")
    with torch.no_grad():
        model.transformer.h[1].mlp.c_fc.weight[0, 0] = float("nan")
    model.save_pretrained(tmp_path)
    tiny_tokenizer().save_pretrained(tmp_path)
    with pytest.raises(ModelError, match="not numbers"):
        load(tmp_path)


@pytest.mark.parametrize(
    ("model", "words"),
    [
        (lambda: transformers.BertLMHeadModel(transformers.BertConfig(
            vocab_size=400, hidden_size=32, num_hidden_layers=2, num_attention_heads=2, intermediate_size=32
        )), "looks ahead"),
        (lambda: transformers.OpenAIGPTLMHeadModel(transformers.OpenAIGPTConfig(
            vocab_size=400, n_embd=32, n_layer=2, n_head=2
        )), "OpenAIGPTLMHeadModel keeps its own attention code"),
        (lambda: transformers.JambaForCausalLM(transformers.JambaConfig(
            vocab_size=400, hidden_size=32, intermediate_size=32, num_hidden_layers=2, num_attention_heads=2,
            num_key_value_heads=1, attn_layer_period=2, attn_layer_offset=1, num_experts=1, mamba_d_state=4,
            use_mamba_kernels=False, pad_token_id=0,
        )), "1 of its 2 layers have no attention"),
        (lambda: transformers.MambaForCausalLM(transformers.MambaConfig(
            vocab_size=400, hidden_size=32, num_hidden_layers=2, state_size=4
        )), "MambaForCausalLM has no attention"),
        (lambda: transformers.DiffLlamaForCausalLM(transformers.DiffLlamaConfig(
            vocab_size=400, hidden_size=32, intermediate_size=32, num_hidden_layers=2, num_attention_heads=4,
            num_key_value_heads=2,
        )), "attends more than once"),
        (lambda: transformers.DogeForCausalLM(transformers.DogeConfig(
            vocab_size=400, hidden_size=32, intermediate_size=32, num_hidden_layers=2, num_attention_heads=2,
        )), "DogeForCausalLM cannot be run with icldiag's attention"),
        (lambda: transformers.T5ForConditionalGeneration(transformers.T5Config(
            vocab_size=400, d_model=32, num_layers=2, num_heads=2, d_ff=32, d_kv=16
        )), "not a causal"),
    ],
)  # fmt: skip
def test_what_cannot_be_exact_is_refused_by_name(model, words: str, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001
    model().save_pretrained(tmp_path)
    tiny_tokenizer().save_pretrained(tmp_path)
    with pytest.raises(ModelError, match=words):
        load(tmp_path)


def test_a_forward_that_differs_is_refused(tiny: Tiny, monkeypatch: pytest.MonkeyPatch) -> None:
    from icldiag.model.heads import Heads

    right = Heads.output
    monkeypatch.setattr(Heads, "output", lambda heads: right(heads) * 1.01)
    with pytest.raises(ModelError, match="differ from the plain ones"):
        require_parity(tiny())
