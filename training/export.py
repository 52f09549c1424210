"""From a training checkpoint to the folder that ships."""

from __future__ import annotations

import tempfile
from pathlib import Path

import torch
from tokenizers import Tokenizer
from transformers import GPT2LMHeadModel

from training.tokenizer import save_tokenizer

#: Above this size, weights are stored in half precision.
LIMIT = 15 * 2**20


def export(model: GPT2LMHeadModel, tokenizer: Tokenizer, target: Path) -> list[str]:
    """Writes what ``transformers`` loads; whoever reads the folder meanwhile sees each file old or new, never half."""
    target.mkdir(parents=True, exist_ok=True)
    size = 4 * sum(weight.numel() for weight in model.parameters())
    if size > LIMIT:
        model.half()
    model.config.activation_function = "gelu_new"  # trained as the fused form of the same function
    with tempfile.TemporaryDirectory(dir=target.parent) as temporary:
        folder = Path(temporary)
        model.save_pretrained(folder)
        save_tokenizer(tokenizer, folder)
        names = sorted(path.name for path in folder.iterdir())
        for name in names:
            (folder / name).replace(target / name)
    return names


def checkpoint_model(checkpoint: Path, model: GPT2LMHeadModel) -> int:
    """Fills a freshly built model with a checkpoint's weights; returns the step they are from."""
    content = torch.load(checkpoint, weights_only=True)
    model.load_state_dict(content["model"])
    return int(content["step"])
