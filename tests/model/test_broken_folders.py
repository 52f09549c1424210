"""Broken model folders and weird names: one sentence each, quickly; nothing on stdout or stderr but that."""

from __future__ import annotations

import json
import os
import struct
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import load_file, save_file

from icldiag.errors import IcldiagError, ModelError
from icldiag.model.load import load_model, load_tokenizer
from icldiag.model.settings import ModelSettings
from icldiag.store import open_store
from tests.conftest import tiny_prompt
from tests.model.broken_folders import JSON_FILES, outcome, run
from tests.model.refusals import change, refusal

COUNT = int(os.environ.get("ICLDIAG_BROKEN_FOLDERS", "60"))


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
        (os.devnull, "is a file, and no GGUF file; name the folder"),
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
