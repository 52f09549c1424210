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

import pytest
import torch
import transformers
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

from icldiag.model.forward import InstrumentedModel
from icldiag.prompt.schema import Example, Label, Prompt

torch.set_num_threads(2)

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


_SMALL: dict[str, Any] = {"vocab_size": 400, "bos_token_id": 0, "eos_token_id": 0, "pad_token_id": 0}
_MODERN: dict[str, Any] = {
    **_SMALL,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 4,
    "num_attention_heads": 4,
    "max_position_embeddings": 256,
}

CONFIGURATIONS: dict[str, Callable[[], Any]] = {
    "gpt2": lambda: transformers.GPT2Config(**_SMALL, n_positions=256, n_embd=32, n_layer=4, n_head=4),
    "gptj": lambda: transformers.GPTJConfig(**_SMALL, n_positions=256, n_embd=32, n_layer=4, n_head=4, rotary_dim=4),
    "gpt_neox": lambda: transformers.GPTNeoXConfig(**_MODERN),
    "opt": lambda: transformers.OPTConfig(**_MODERN, ffn_dim=48, word_embed_proj_dim=32),
    "llama": lambda: transformers.LlamaConfig(**_MODERN, num_key_value_heads=2),
    "qwen2": lambda: transformers.Qwen2Config(**_MODERN, num_key_value_heads=2),
    "mistral": lambda: transformers.MistralConfig(**_MODERN, num_key_value_heads=2, sliding_window=None),
}


def tiny_weights(architecture: str, dtype: torch.dtype = torch.float32) -> Any:
    """A random checkpoint whose attention is far from uniform, so that a wrong mask shows."""
    torch.manual_seed(0)
    model = transformers.AutoModelForCausalLM.from_config(CONFIGURATIONS[architecture]())
    for name, weight in model.named_parameters():
        if weight.ndim == 2 and "embed" not in name and "wte" not in name and "wpe" not in name:
            torch.nn.init.normal_(weight, std=0.2)
        elif weight.ndim == 2:
            torch.nn.init.normal_(weight, std=0.5)
    return model.to(dtype).eval()


@pytest.fixture(autouse=True)
def own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test reads or writes the user's results and sessions, nor another test's."""
    monkeypatch.setenv("ICLDIAG_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("ICLDIAG_STATE", str(tmp_path / "state"))


@pytest.fixture
def tiny() -> Tiny:
    def make(architecture: str = "gpt2", dtype: torch.dtype = torch.float32) -> InstrumentedModel:
        return InstrumentedModel(tiny_weights(architecture, dtype), tiny_tokenizer(), f"tiny-{architecture}")

    return make


@pytest.fixture
def prompt() -> Prompt:
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
    folder: Path = tmp_path_factory.mktemp("model")
    tiny_weights("gpt2").save_pretrained(folder)
    tiny_tokenizer().save_pretrained(folder)
    return folder
