"""Tiny checkpoints, made here: random weights, so every number is meaningless and every identity still holds."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_WAIT_POLICY", "passive")
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["ICLDIAG_CONFIG"] = os.devnull  # not the user's
os.environ["ICLDIAG_STATE"] = f"{os.devnull}/of-no-test"  # nothing can be written there: not the user's either

import pytest
import torch
import transformers
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

from icldiag.model.forward import InstrumentedModel
from icldiag.model.gguf_cache import models_folder
from icldiag.model.load import load_model
from icldiag.model.names import PACKAGES
from icldiag.model.settings import ModelSettings
from icldiag.prompt.schema import Example, Label, Prompt
from tests.architectures import ARCHITECTURES

torch.set_num_threads(1)  # the checkpoints are tiny, and pytest runs a process per core

Tiny = Callable[..., InstrumentedModel]  # tiny(architecture="gpt2", dtype=torch.float32)

_CORPUS = [
    "Question: Who wrote the opera in the park last summer ?\nAnswer Type: Person",
    "Question: Where does the river meet the sea ?\nAnswer Type: Location",
    "Question: How many bridges cross the canal ?\nAnswer Type: Number",
    "Review: a slow and lovely film\nSentiment: Positive\nReview: dull\nSentiment: Negative",
    "Entity Description Abbreviation Person Location Number Positive Negative",
] * 4


@cache
def tiny_tokenizer() -> Any:
    """A byte-level BPE like GPT-2's, 400 tokens."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=400, special_tokens=["<|end|>"], initial_alphabet=pre_tokenizers.ByteLevel.alphabet()
    )
    tokenizer.train_from_iterator(_CORPUS, trainer)
    return transformers.PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="<|end|>", bos_token="<|end|>")


#: Those on which every test of the forward runs; all others are checked in tests/model/test_architectures.py.
CONFIGURATIONS: dict[str, Callable[[], Any]] = {
    name: ARCHITECTURES[name].config
    for name in ("gpt2", "gptj", "gpt_neox", "opt", "llama", "qwen2", "mistral", "bloom", "gemma2")
}


def tiny_weights(architecture: str, dtype: torch.dtype = torch.float32, **fields: Any) -> Any:
    """A random checkpoint whose attention is far from uniform, so that a wrong mask shows; `fields` of another."""
    torch.manual_seed(0)
    config = ARCHITECTURES[architecture].config()
    config = type(config)(**{**config.to_dict(), **fields}) if fields else config
    model = transformers.AutoModelForCausalLM.from_config(config)
    for name, weight in model.named_parameters():
        if weight.ndim == 3 or (weight.ndim == 2 and "embed" not in name and "wte" not in name and "wpe" not in name):
            torch.nn.init.normal_(weight, std=0.2)
        elif weight.ndim == 2:
            torch.nn.init.normal_(weight, std=0.5)
        elif name.endswith("sinks"):
            torch.nn.init.normal_(weight)
    return model.to(dtype).eval()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests marked `real` need a pretrained model, which is large: they are skipped where it is not installed."""
    package = PACKAGES["smollm2"]
    if package.file() is None:
        absent = pytest.mark.skip(reason=f"{package.model} is not installed: {package.command}")
        for item in items:
            if item.get_closest_marker("real") is not None:
                item.add_marker(absent)


_MODELS = models_folder()  # the user's: what is made of a GGUF file is the same for every test


@pytest.fixture(autouse=True)
def own_folders(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test reads or writes the user's results and sessions, nor another test's."""
    monkeypatch.setenv("ICLDIAG_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("ICLDIAG_STATE", str(tmp_path / "state"))
    if request.node.get_closest_marker("real") is not None:
        _MODELS.mkdir(mode=0o700, parents=True, exist_ok=True)
        (tmp_path / "cache").mkdir()
        (tmp_path / "cache" / "models").symlink_to(_MODELS)


@pytest.fixture(scope="session")
def smollm2() -> InstrumentedModel:
    """SmolLM2-135M-Instruct in float32 on the CPU, for tests marked `real`; many share it, so none may change it."""
    return load_model(ModelSettings("smollm2", device="cpu"))


@pytest.fixture
def tiny() -> Tiny:
    def make(architecture: str = "gpt2", dtype: torch.dtype = torch.float32) -> InstrumentedModel:
        return InstrumentedModel(tiny_weights(architecture, dtype), tiny_tokenizer(), f"tiny-{architecture}")

    return make


@pytest.fixture
def prompt() -> Prompt:
    return tiny_prompt()


def tiny_prompt() -> Prompt:
    """Three classes, one of them shown twice; queries of different length, one with an unknown label."""
    return Prompt(
        name="tiny",
        template="Question: {text}\nAnswer Type:{label}",
        separator="\n",
        labels=(Label("Person", " Person"), Label("Location", " Location"), Label("Number", " Number")),
        demonstrations=(
            Example("Who wrote the opera in the park ?", 0),
            Example("Where does the river meet the sea ?", 1),
            Example("How many bridges cross the canal ?", 2),
            Example("Who cross the sea last summer ?", 0),
        ),
        queries=(
            Example("Who wrote the slow film ?", 0),
            Example("Where does the opera meet the lovely park last summer ?", 1),
            Example("How many ?", 2),
            Example("", None),
            Example("Where ?", 1),
            Example("Who does the many bridges meet ?", 2),
        ),
    )


@pytest.fixture(scope="session")
def model_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny GPT-2 as a Hugging Face folder."""
    return tiny_folder(tmp_path_factory.mktemp("model"), "gpt2")


def tiny_folder(folder: Path, architecture: str) -> Path:
    """A tiny model of the architecture, written there as a Hugging Face folder."""
    tiny_weights(architecture).save_pretrained(folder)
    tiny_tokenizer().save_pretrained(folder)
    return folder
