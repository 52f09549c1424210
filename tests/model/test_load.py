"""Loading: one sentence for whatever is wrong with a model."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import torch
import transformers

from icldiag.errors import ModelError
from icldiag.model.load import load_model, load_tokenizer
from icldiag.model.parity import require_parity
from icldiag.model.settings import ModelSettings
from tests.conftest import Tiny, tiny_tokenizer, tiny_weights


def load(folder: Path | str) -> None:
    load_model(ModelSettings(name=str(folder), device="cpu"))


@pytest.fixture
def copy(model_folder: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(model_folder, tmp_path / "copy"))


def test_a_folder_loads_in_stages(model_folder: Path) -> None:
    stages: list[str] = []
    model = load_model(ModelSettings(name=str(model_folder), device="cpu"), stages.append)
    counted = [stage for stage in stages if " of " in stage]
    assert counted[0].startswith("weights 0 of ")
    assert len(counted) == int(counted[0].split()[3])
    assert [stage for stage in stages if stage not in counted] == [
        "importing torch and transformers",
        "tokenizer",
        "weights",
        "checking the model",
    ]
    assert (model.architecture, model.n_layers, model.n_heads, model.context_window) == ("GPT2LMHeadModel", 4, 4, 256)
    assert model.dtype == torch.float32
    assert load_tokenizer(ModelSettings(name=str(model_folder)))[1] == 256


def test_half_precision_on_request(model_folder: Path) -> None:
    model = load_model(ModelSettings(name=str(model_folder), device="cpu", dtype="bfloat16"))
    assert model.dtype == torch.bfloat16


def test_missing_pieces_are_named(copy: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no model folder or GGUF file"):
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
    monkeypatch.setattr("icldiag.model.source._hub_answers", lambda: False)
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


def shards(folder: Path) -> list[Path]:
    """The same weights in several files with an index."""
    (folder / "model.safetensors").unlink()
    tiny_weights("gpt2").save_pretrained(folder, max_shard_size="60KB")
    return sorted(folder.glob("model-*.safetensors"))


def test_a_half_downloaded_folder(copy: Path) -> None:
    files = shards(copy)
    assert len(files) > 2
    load(copy)
    content = files[1].read_bytes()
    files[1].unlink()
    with pytest.raises(ModelError, match=rf"lacks {files[1].name} of {len(files)} weight files.*fetch"):
        load(copy)
    files[1].write_bytes(content[:100])
    with pytest.raises(ModelError, match=rf"{files[1].name}: damaged or half downloaded"):
        load(copy)
    (copy / "model.safetensors.index.json").write_text('{"weight_map"')
    with pytest.raises(ModelError, match=r"index\.json is damaged"):
        load(copy)


def test_weights_that_would_be_drawn_at_random_are_refused(copy: Path) -> None:
    from safetensors.torch import load_file, save_file

    weights = load_file(copy / "model.safetensors")
    removed = next(name for name in weights if name.endswith("h.2.attn.c_proj.weight"))
    del weights[removed]
    save_file(weights, copy / "model.safetensors", {"format": "pt"})
    with pytest.raises(ModelError, match=r"lack the weights .*h\.2\.attn\.c_proj\.weight, which would be random"):
        load(copy)


def test_a_weight_that_no_prompt_may_ever_read_must_be_a_number(tmp_path: Path) -> None:
    model = tiny_weights("llama")
    with torch.no_grad():
        model.model.embed_tokens.weight[77, 3] = float("inf")
    model.save_pretrained(tmp_path)
    tiny_tokenizer().save_pretrained(tmp_path)
    with pytest.raises(ModelError, match=r"embed_tokens\.weight hold values that are not numbers in float32"):
        load(tmp_path)


def test_broken_configurations(copy: Path) -> None:
    config = (copy / "config.json").read_text()
    (copy / "config.json").write_text(config[:50])
    with pytest.raises(ModelError, match=r"config\.json is not valid JSON"):
        load(copy)
    (copy / "config.json").write_text(config.replace('"gpt2"', '"gpt99"'))
    with pytest.raises(ModelError, match="does not know its architecture"):
        load(copy)
    (copy / "config.json").unlink()
    (copy / "adapter_config.json").write_text("{}")
    with pytest.raises(ModelError, match="holds an adapter only; merge it"):
        load(copy)


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (OSError("You are trying to access a gated repo."), "access is gated; ask for it on the hub"),
        (OSError("nobody/none is not a local folder and is not a valid model identifier"), "check the name"),
        (OSError("We couldn't connect to 'https://huggingface.co'"), "the hub cannot be reached"),
        (ValueError("requires you to execute ... `trust_remote_code=True`"), "--trust-remote-code"),
        (MemoryError(), "not enough memory"),
        (RuntimeError("[enforce fail at alloc_cpu.cpp:127] DefaultCPUAllocator: can't allocate memory"), "not enough"),
        (KeyError("odd"), "cannot be loaded: KeyError"),
        (
            ImportError("accelerate is required when loading a GGUF file `pip install accelerate`."),
            "that is not installed: acc",
        ),
        (ModuleNotFoundError("No module named 'gguf'", name="gguf"), r"pip install 'gguf>=0\.18'$"),
    ],
)
def test_what_transformers_raises_becomes_one_sentence(error: Exception, words: str) -> None:
    from icldiag.model.load_errors import LoadErrors

    with pytest.raises(ModelError, match=words) as caught, LoadErrors(ModelSettings(name="some/model")):
        raise error
    assert "\n" not in str(caught.value)
    assert str(caught.value).startswith("model 'some/model': ")


@pytest.mark.parametrize(
    ("name", "cure"), [("smolm2", "; did you mean 'smollm2'?"), ("gpt2-xl", "local folder or file")]
)
def test_a_name_that_is_nearly_known_is_asked_for(name: str, cure: str) -> None:
    from icldiag.model.load_errors import LoadErrors

    with pytest.raises(ModelError) as caught, LoadErrors(ModelSettings(name=name)):
        raise OSError("We couldn't connect to 'https://hub' to load the files, and couldn't find them in the cache")
    assert str(caught.value).endswith(cure)


@pytest.mark.parametrize("architecture", ["gpt2", "gptj", "bloom", "falcon", "llama"])
def test_weights_that_are_brought_only_when_wanted(architecture: str, tiny: Tiny) -> None:
    """accelerate keeps the weights elsewhere and moves them in and out around every module."""
    accelerate = pytest.importorskip("accelerate")
    from icldiag.analyses.saliency.compute import flow_of_query
    from icldiag.model.forward import InstrumentedModel
    from icldiag.prompt.encode import encode
    from tests.conftest import tiny_prompt

    plain = tiny(architecture)
    weights = accelerate.cpu_offload(tiny_weights(architecture), execution_device="cpu")
    assert weights.get_input_embeddings().weight.device.type == "meta"
    model = InstrumentedModel(weights, tiny_tokenizer(), architecture)
    assert require_parity(model).layers_reached == 4
    encoded = encode(tiny_prompt(), model.tokenizer)
    for recompute in (False, True):
        found = flow_of_query(model, encoded, 1, 1, recompute=recompute)
        wanted = flow_of_query(plain, encoded, 1, 1)
        torch.testing.assert_close(torch.tensor(found.raw), torch.tensor(wanted.raw), rtol=1e-4, atol=1e-8)


def test_the_window_ends_where_rotary_positions_change(tiny: Tiny) -> None:
    from icldiag.model.settings import context_window

    factors = {"short_factor": [1.0] * 4, "long_factor": [4.0] * 4, "rope_theta": 10000.0}
    for kind, config in {
        "longrope": transformers.Phi3Config(
            max_position_embeddings=256,
            original_max_position_embeddings=64,
            hidden_size=32,
            num_attention_heads=4,
            rope_parameters={"rope_type": "longrope", "original_max_position_embeddings": 64, **factors},
        ),
        "dynamic": transformers.LlamaConfig(
            max_position_embeddings=256,
            rope_parameters={
                "rope_type": "dynamic",
                "factor": 4.0,
                "rope_theta": 10000.0,
                "original_max_position_embeddings": 64,
            },
        ),
    }.items():
        assert context_window(config) == 64, kind
    assert context_window(tiny("llama").model.config) == 256
    assert context_window(tiny("mpt").model.config) == 256
    assert context_window(tiny("bloom").model.config) is None
