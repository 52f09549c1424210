"""Broken model folders and weird names: one sentence each, quickly; nothing on stdout or stderr but that."""

from __future__ import annotations

import json
import os
import shutil
import struct
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from safetensors.torch import load_file, save_file

from icldiag.check import describe_tokens
from icldiag.errors import IcldiagError, ModelError, PromptError
from icldiag.model.load import load_model, load_tokenizer
from icldiag.model.settings import ModelSettings
from icldiag.store import open_store
from tests.conftest import tiny_prompt, tiny_tokenizer, tiny_weights
from tests.model.broken_folders import JSON_FILES, outcome, run

COUNT = int(os.environ.get("ICLDIAG_BROKEN_FOLDERS", "60"))


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folders = []
    for architecture in ("gpt2", "llama"):
        folders.append(tmp_path_factory.mktemp(architecture))
        tiny_weights(architecture).save_pretrained(folders[-1])
        tiny_tokenizer().save_pretrained(folders[-1])
    return folders


@pytest.fixture
def llama(sound: list[Path], tmp_path: Path) -> Path:
    return Path(shutil.copytree(sound[1], tmp_path / "model"))


def change(path: Path, **fields: Any) -> None:
    """Set fields of a JSON file; None removes one."""
    tree = json.loads(path.read_text())
    for field, value in fields.items():
        tree[field] = value
        if value is None:
            del tree[field]
    path.write_text(json.dumps(tree))


def refusal(folder: Path | str) -> str:
    """The sentence, which must come soon."""
    started = time.process_time()
    with pytest.raises(ModelError) as caught:
        load_model(ModelSettings(name=str(folder), device="cpu"))
    assert time.process_time() - started < 2
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_folders_broken_at_random_are_refused_or_compute_exactly(
    sound: list[Path], capfd: pytest.CaptureFixture[str]
) -> None:
    assert [outcome(folder).kind for folder in sound] == ["loaded", "loaded"]
    wrong, kinds = [], set()

    def check(number: int, name: str, found: Any) -> None:
        kinds.add(found.kind)
        if found.kind not in ("loaded", "refused"):
            wrong.append((number, name, found))

    run(sound, COUNT, seed=11, each=check)
    assert not wrong
    assert kinds == {"loaded", "refused"}
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("~nosuch/x", "no folder: there is no user 'nosuch'; check the path"),
        ("~/nosuch", "no model folder"),
        ("a\0b", "holds a NUL character"),
        ("/tmp/\0", "holds a NUL character"),
        ("x" * 5000, "File name too long"),
        ("./" + "x" * 300, "File name too long"),
        ("", "--model is empty"),
        (" ", "--model is empty"),
        (os.devnull, "is a file; name the folder"),
        ("a b\n", "nor a name that a model of the hub could have"),
        ("\x1b[31m", "nor a name that a model of the hub could have"),
    ],
)
def test_weird_names(name: str, words: str) -> None:
    settings = ModelSettings(name=name, device="cpu")
    for work in (load_model, load_tokenizer):
        with pytest.raises(ModelError) as caught:
            work(settings)
        assert words in str(caught.value)
        assert len(str(caught.value)) < 300
    try:
        assert open_store(tiny_prompt(), settings) is None
    except ModelError as error:
        assert words in str(error)


@pytest.mark.parametrize("file", [*JSON_FILES, "model.safetensors", "chat_template.jinja", "special_tokens_map.json"])
@pytest.mark.parametrize("kind", ["fifo", "folder", "device"])
def test_what_is_no_regular_file_is_not_opened(file: str, kind: str, llama: Path) -> None:
    path = llama / file
    path.unlink(missing_ok=True)
    if kind == "fifo":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    else:
        path.symlink_to("/dev/zero")
    assert refusal(llama) == f"{path} is no regular file; put the model's own in its place"


@pytest.mark.parametrize(
    ("file", "fields", "words"),
    [
        ("config.json", {"num_hidden_layers": 10**9}, "num_hidden_layers in config.json is 1000000000, and no model"),
        ("config.json", {"num_hidden_layers": 0}, "num_hidden_layers in config.json is 0, and must be a whole number"),
        ("config.json", {"num_hidden_layers": -4}, "num_hidden_layers"),
        ("config.json", {"num_hidden_layers": "4"}, "num_hidden_layers"),
        ("config.json", {"num_attention_heads": 0}, "num_attention_heads"),
        ("config.json", {"num_attention_heads": 5}, "its config.json cannot be used"),
        ("config.json", {"num_key_value_heads": 3}, "have the shape (16, 32), and config.json asks for (24, 32)"),
        ("config.json", {"vocab_size": 10**12}, "embed_tokens.weight have the shape (400, 32), and "),
        ("config.json", {"hidden_size": 10**9}, "embed_tokens.weight have the shape (400, 32), and "),
        ("config.json", {"num_hidden_layers": 999}, "config.json says 999 layers, and its files hold 39 tensors"),
        ("config.json", {"vocab_size": 10**18}, "its config.json cannot be used"),
        ("config.json", {"intermediate_size": 64}, "down_proj.weight have the shape (32, 48), and config.json asks"),
        ("config.json", {"model_type": "gpt_neo", "attention_types": [[["local"], 10**9]]}, "attention_types"),
        ("config.json", {"model_type": "mixtral", "num_local_experts": 10**9}, "num_local_experts"),
        ("config.json", {"model_type": "llama9"}, "does not know its architecture"),
        ("config.json", {"auto_map": {"AutoConfig": "x.Y"}, "model_type": "custom"}, "--trust-remote-code"),
        ("config.json", {"eos_token_id": "x"}, "eos_token_id"),
        ("config.json", {"rope_parameters": 5}, "rope_parameters"),
        ("tokenizer.json", {"added_tokens": None}, "its tokenizer files cannot be used (it lacks 'added_tokens')"),
        ("tokenizer.json", {"model": {"type": "BPE"}}, "its tokenizer files cannot be used"),
        ("tokenizer.json", {"added_tokens": [{"id": 0, "content": "a", "lstripp": True}]}, "unknown field 'lstripp'"),
        ("tokenizer_config.json", {"bos_token": 5}, "its tokenizer files cannot be used"),
    ],
)  # fmt: skip
def test_values_that_no_model_has(file: str, fields: dict[str, Any], words: str, llama: Path) -> None:
    change(llama / file, **fields)
    assert words in refusal(llama)


@pytest.mark.parametrize("file", JSON_FILES)
@pytest.mark.parametrize("content", [b"", b"[]", b"[" * 100_000, b"\xff\xfe", b'{"a": ' + b"9" * 5000 + b"}"])
def test_what_is_no_json_object(file: str, content: bytes, llama: Path) -> None:
    (llama / file).write_bytes(content)
    assert refusal(llama).startswith(f"{llama / file} is ")


@pytest.mark.parametrize("content", [b"", b"\0" * 7, b"\0" * 8, b"\xff" * 100, struct.pack("<Q", 2) + b"{}"])
def test_safetensors_without_content(content: bytes, llama: Path) -> None:
    (llama / "model.safetensors").write_bytes(content)
    assert "damaged or half downloaded" in refusal(llama) or "lack the weights" in refusal(llama)


@pytest.mark.parametrize(
    "index",
    [
        {"weight_map": {"a": 5}},
        {"weight_map": {"a": None, "b": "x"}},
        {"weight_map": {"a": "../model.safetensors"}},
        {"weight_map": {"a": "/etc/passwd"}},
        {"weight_map": {"a": ""}},
        {"weight_map": {"a": ".."}},
        {"weight_map": {"a": "b\0.safetensors"}},
        {"weight_map": {"a": "x" * 300}},
        {"weight_map": {"a": "\ud800"}},
        {"weight_map": {"a": ["x"]}},
    ],
)
def test_an_index_that_names_no_file_of_the_folder(index: Any, llama: Path) -> None:
    (llama / "model.safetensors").rename(llama / "model-00001-of-00001.safetensors")
    (llama / "model.safetensors.index.json").write_text(json.dumps(index))
    assert "which is no file of this folder" in refusal(llama)


@pytest.mark.parametrize("index", [{"weight_map": 5}, {"weight_map": {}}, {}])
def test_an_index_without_a_map(index: Any, llama: Path) -> None:
    (llama / "model.safetensors").unlink()
    (llama / "model.safetensors.index.json").write_text(json.dumps(index))
    assert "index.json is damaged" in refusal(llama)


def test_float32_is_no_cure_for_float32(llama: Path) -> None:
    weights = load_file(llama / "model.safetensors")
    weights["model.layers.1.mlp.up_proj.weight"][0, 0] = float("inf")
    save_file(weights, llama / "model.safetensors", {"format": "pt"})
    told = refusal(llama)
    assert "up_proj.weight hold values that are not numbers in float32; fetch the model again" in told
    with pytest.raises(ModelError, match="in float16; try --dtype float32, or fetch"):
        load_model(ModelSettings(name=str(llama), device="cpu", dtype="float16"))


# ---- weights that would be left out, or taken for others -------------------------------------------------------------


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
    from icldiag.session import Session

    with pytest.raises(PromptError, match="has no embedding"):
        Session(tiny_prompt(), model).prediction()


def test_one_token_more_that_no_prompt_uses_is_a_note(llama: Path) -> None:
    more = transformers.AutoTokenizer.from_pretrained(llama)
    more.add_tokens(["<|unused|>"])
    more.save_pretrained(llama)
    settings = ModelSettings(name=str(llama), device="cpu")
    assert "note: the tokenizer has" in describe_tokens(tiny_prompt(), settings)
    from icldiag.session import Session

    session = Session(tiny_prompt(), settings)
    assert session.prediction() is not None
    assert any("embeddings for" in warning for warning in session.warnings)


def test_a_tokenizer_that_fails_on_a_prompt() -> None:
    from icldiag.prompt.encode import encode

    class PanicException(BaseException):
        """As pyo3 has it."""

    class Failing:
        is_fast, bos_token, chat_template = True, None, None

        def __call__(self, texts: list[str], **options: object) -> None:
            raise PanicException("range end\nstack")

    with pytest.raises(IcldiagError, match=r"tokenizer fails on this prompt \(range end\)"):
        encode(tiny_prompt(), Failing())


def test_nothing_but_the_sentence_is_printed(llama: Path, prompt_file: Path) -> None:
    change(llama / "config.json", intermediate_size=64, tie_word_embeddings=True, unknown={"a": 1})
    shown = subprocess.run(
        [sys.executable, "-m", "icldiag", "report", str(prompt_file), "--model", str(llama)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (shown.returncode, shown.stdout) == (3, "")
    lines = [line for line in shown.stderr.splitlines() if not line.startswith("loading: ")]
    assert len(lines) == 1
    assert lines[0].startswith("icldiag: model ")


@pytest.fixture
def prompt_file() -> Path:
    from icldiag.samples import sample_path

    return sample_path("sentiment")
