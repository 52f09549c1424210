"""The network before training: GPT-2's architecture, started where the copying circuit is near."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from scipy.sparse import csr_matrix
from scipy.sparse.linalg import svds
from tokenizers import Tokenizer
from torch import Tensor
from transformers import GPT2Config, GPT2LMHeadModel

from training.corpus import Dataset
from training.tokenizer import CONTEXT

#: Until training mixes them, embeddings hold a token's place in the first dimensions and its meaning in the next; the
#: last are empty, for what the first layer gathers from the tokens before.
PLACES, GATHERED = 40, 40
#: The first layer's heads look this many tokens back, this sharply, and add this much of what they see.
BACK, NEARNESS, TAKEN = (2, 4, 6, 8, 11), 0.8, 0.4
#: The deeper half compares what was gathered, this sharply, and adds this much of the tokens where it is alike.
SHARPNESS, COPIED = 4.0, 0.3


def build(
    tokenizer: Tokenizer, datasets: Sequence[Dataset], seed: int, width: int = 160, heads: int = 5, layers: int = 8
) -> GPT2LMHeadModel:
    if width // heads > min(PLACES, GATHERED) or width <= PLACES + GATHERED:
        raise ValueError(f"heads of at most {min(PLACES, GATHERED)} and a width above {PLACES + GATHERED} are needed")
    torch.manual_seed(seed)
    config = GPT2Config(
        vocab_size=tokenizer.get_vocab_size(),
        n_positions=CONTEXT,
        n_embd=width,
        n_head=heads,
        n_layer=layers,
        # The same function as gelu_new, fused.
        activation_function="gelu_pytorch_tanh",
        resid_pdrop=0.0,
        embd_pdrop=0.0,
        attn_pdrop=0.0,
        summary_first_dropout=0.0,
        bos_token_id=0,
        eos_token_id=0,
        pad_token_id=0,
        use_cache=True,
    )
    config._attn_implementation = "eager"  # its backward pass is much faster than that of SDPA on a CPU
    model = GPT2LMHeadModel(config)
    with torch.no_grad():
        embeddings, positions = model.transformer.wte.weight, model.transformer.wpe.weight
        meaning = slice(PLACES, width - GATHERED)
        embeddings[:, meaning] = meanings(tokenizer, datasets, width - PLACES - GATHERED, seed)
        positions[:, :PLACES] = sinusoids(CONTEXT)
        first, *_ = attentions = [block.get_submodule("attn") for block in model.transformer.h]
        _gather(first, width, heads, meaning)
        for attention in attentions[layers // 2 :]:
            _compare(attention, width, meaning)
    return model


def _gather(attention: torch.nn.Module, width: int, heads: int, meaning: slice) -> None:
    """Heads that look a few tokens back: a label word, and the place where one is due, take in the text before them."""
    size = width // heads
    key = NEARNESS * torch.eye(width, size)
    query = torch.cat([key @ _turn(BACK[head % len(BACK)], size) for head in range(heads)], dim=1)
    value, output = torch.zeros(width, size), torch.zeros(size, width)
    value[meaning] = torch.randn(width - PLACES - GATHERED, size) / math.sqrt(size)
    output[:, -GATHERED:] = TAKEN * torch.nn.init.orthogonal_(torch.empty(size, GATHERED))
    _set(attention, query, key.repeat(1, heads), value.repeat(1, heads), output.repeat(heads, 1))


def _compare(attention: torch.nn.Module, width: int, meaning: slice) -> None:
    """Equal queries and keys attend to where the same was gathered, and values pass the tokens there on.

    Trained networks look so (Trockman and Kolter, 2023). It spares the long wait for the circuit that finds the
    demonstration most like the query and copies its label.
    """
    alike, value = torch.zeros(2, width, width)
    alike[-GATHERED:] = torch.randn(GATHERED, width) * math.sqrt(SHARPNESS / GATHERED)
    value[meaning] = torch.randn(width - PLACES - GATHERED, width) / math.sqrt(width)
    _set(attention, alike, alike, value, COPIED * value.T)


def _set(attention: torch.nn.Module, query: Tensor, key: Tensor, value: Tensor, out: Tensor) -> None:
    weights, output = attention.get_parameter("c_attn.weight"), attention.get_parameter("c_proj.weight")
    weights.copy_(torch.cat((query, key, value), dim=1) + 0.01 * torch.randn_like(weights))
    output.copy_(out + 0.01 * torch.randn_like(output))


def _turn(back: int, size: int) -> Tensor:
    """The map that turns a position's sinusoids into those of the position ``back`` before it."""
    turn = torch.zeros(size, size)
    for pair, angle in enumerate(back * _rates()[: size // 2]):
        sine, cosine = slice(2 * pair, 2 * pair + 1), slice(2 * pair + 1, 2 * pair + 2)
        turn[sine, sine] = turn[cosine, cosine] = angle.cos()
        turn[sine, cosine], turn[cosine, sine] = angle.sin(), -angle.sin()
    return turn


def meanings(tokenizer: Tokenizer, datasets: Sequence[Dataset], width: int, seed: int) -> Tensor:
    """Token embeddings of unit length or less, from which tokens occur in the same texts: PPMI, then truncated SVD.

    Tokens that occur everywhere get short vectors, so that the mean of a text is about its topic from the start.
    """
    texts = [text for dataset in datasets for group in dataset.texts.values() for text in group]
    documents = [sorted(set(encoding.ids)) for encoding in tokenizer.encode_batch([f" {text}" for text in texts])]
    columns = np.concatenate([np.asarray(document) for document in documents])
    rows = np.repeat(np.arange(len(documents)), [len(document) for document in documents])
    size = tokenizer.get_vocab_size()
    occurs = csr_matrix((np.ones(len(rows)), (rows, columns)), shape=(len(documents), size))
    together = np.asarray((occurs.T @ occurs).todense())
    np.fill_diagonal(together, 0.0)
    counts = together.sum(0) + 1.0
    smoothed = counts**0.75  # weighs down the excess of PPMI for rare tokens (Levy et al., 2015)
    ppmi = np.log(np.maximum(together * smoothed.sum() / np.outer(counts, smoothed), 1.0))
    rng = np.random.default_rng(seed)
    left, strength, _ = svds(csr_matrix(ppmi), k=width, v0=rng.standard_normal(size))
    vectors = left * np.sqrt(strength)
    # svds leaves signs and basis open; a random rotation also spreads the strong directions over all heads.
    vectors = vectors @ np.linalg.qr(rng.standard_normal((width, width)))[0]
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    fallback = rng.standard_normal((size, width)) / math.sqrt(width)
    vectors = np.where(lengths > 1e-6, vectors / np.maximum(lengths, 1e-6), fallback)
    share = np.asarray(occurs.sum(0)).ravel() / len(documents)
    return torch.tensor(vectors * np.maximum(0.01 / (0.01 + share), 0.2)[:, None], dtype=torch.float32)


def sinusoids(length: int) -> Tensor:
    """Position embeddings of unit length, alike for near positions, and a turn apart for any fixed distance."""
    angles = torch.arange(length)[:, None] * _rates()
    return torch.stack((angles.sin(), angles.cos()), dim=-1).reshape(length, PLACES) / math.sqrt(PLACES / 2)


def _rates() -> Tensor:
    return torch.exp(torch.arange(0, PLACES, 2) * (-math.log(300.0) / PLACES))
