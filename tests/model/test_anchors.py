"""Keys without positions: those of a layer that sees position 0 everywhere, in every architecture."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
import transformers as t
from torch import Tensor

from icldiag.model.anchors import heads_without_positions, layer_vectors
from icldiag.model.forward import InstrumentedModel
from icldiag.model.heads import Heads
from icldiag.model.padding import batch_of
from icldiag.prompt.schema import Prompt
from icldiag.session import Session
from tests.architectures import ARCHITECTURES
from tests.conftest import Tiny

PLACES = [0, 3, 17, 41]
IDS = [(7 * place) % 400 for place in range(42)]
PLACELESS = ["gpt2", "gpt_neo", "gpt_bigcode", "bloom", "mpt", "falcon_rw", "opt", "biogpt"]


def run(model: InstrumentedModel) -> tuple[list[Heads], tuple[Tensor, ...]]:
    """The heads of every layer on a prompt, and the layers' inputs."""
    heads: list[Heads] = []
    with torch.no_grad():
        found = model.run(batch_of([IDS], 0), observe=lambda layer, one, output: heads.append(one), keep_inputs=True)
    return heads, found.inputs


def free(model: InstrumentedModel, layer: int, inputs: tuple[Tensor, ...]) -> Heads:
    return heads_without_positions(model, layer, inputs[layer][0, PLACES], [IDS[place] for place in PLACES])


def rows(vectors: Tensor) -> Tensor:
    """What a pass of the whole prompt has at PLACES, (1, K, T, d) -> (N, K, d)."""
    return vectors[0, :, PLACES].transpose(0, 1)


def at_position_zero(model: InstrumentedModel, layer: int) -> Heads:
    """The layer's heads in a pass of the whole prompt, in which this layer alone is told position 0 for each token."""

    def first(turned: Any) -> Any:  # cosines, sines, or both as complex numbers, of (B, T, ...)
        if isinstance(turned, tuple):
            return tuple(map(first, turned))
        return turned[:, :1].expand_as(turned).contiguous()

    def before(module: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        told = dict(kwargs)
        if told.get("position_embeddings") is not None:
            told["position_embeddings"] = first(told["position_embeddings"])
        if told.get("position_ids") is not None:
            told["position_ids"] = torch.zeros_like(told["position_ids"])
        return args, told

    handle = model.layers[layer].register_forward_pre_hook(before, with_kwargs=True)
    try:
        return run(model)[0][layer]
    finally:
        handle.remove()


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_each_layer_as_if_at_position_zero(architecture: str, tiny: Tiny) -> None:
    model = tiny(architecture)
    heads, inputs = run(model)
    turned = False
    for layer in (0, 1, 3):
        found, wanted = free(model, layer, inputs), at_position_zero(model, layer)
        torch.testing.assert_close(found.key[:, :, 0], rows(wanted.key), rtol=1e-4, atol=1e-4)
        torch.testing.assert_close(found.query[:, :, 0], rows(wanted.query), rtol=1e-4, atol=1e-4)
        turned |= not torch.allclose(found.key[:, :, 0], rows(heads[layer].key), atol=1e-3)
    assert turned == (architecture not in PLACELESS)


def half(x: Tensor, angles: Tensor) -> Tensor:
    """Turned back by angles (N, 1, r / 2): the first half of the numbers with the second, as Llama pairs them."""
    a, b = x.chunk(2, dim=-1)
    return torch.cat([a * angles.cos() + b * angles.sin(), b * angles.cos() - a * angles.sin()], dim=-1)


def interleaved(x: Tensor, angles: Tensor) -> Tensor:
    """The same of neighbours, as GPT-J pairs them."""
    a, b = x[..., ::2], x[..., 1::2]
    turned = [a * angles.cos() + b * angles.sin(), b * angles.cos() - a * angles.sin()]
    return torch.stack(turned, dim=-1).flatten(-2)


def scaled(**rope: Any) -> Callable[[], Any]:
    sizes = {"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 4, "num_attention_heads": 4}
    return lambda: t.LlamaConfig(
        vocab_size=400,
        num_key_value_heads=2,
        max_position_embeddings=256,
        rope_parameters={"rope_theta": 10000.0, **rope},
        **sizes,
    )


_LONG = {"original_max_position_embeddings": 32}
SCALES = {
    "linear": scaled(rope_type="linear", factor=2.0),
    "dynamic": scaled(rope_type="dynamic", factor=2.0, **_LONG),
    "yarn": scaled(rope_type="yarn", factor=4.0, **_LONG),  # multiplies queries and keys besides
    "longrope": scaled(rope_type="longrope", factor=8.0, short_factor=[1.0] * 4, long_factor=[2.0] * 4, **_LONG),
    "llama3": scaled(rope_type="llama3", factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0, **_LONG),
}


@pytest.mark.parametrize("scale", SCALES)
def test_scaled_rotation_turned_back(scale: str) -> None:
    """By the frequencies that the model's own module has; its scale stays on the keys."""
    torch.manual_seed(0)
    model = InstrumentedModel(t.AutoModelForCausalLM.from_config(SCALES[scale]()), None)
    heads, inputs = run(model)
    rotary = model.model.model.rotary_emb
    angles = torch.tensor(PLACES)[:, None, None] * rotary.inv_freq
    assert (rotary.attention_scaling != 1) == (scale in ("yarn", "longrope"))
    found = free(model, 2, inputs)
    torch.testing.assert_close(half(rows(heads[2].key), angles), found.key[:, :, 0], rtol=1e-4, atol=1e-5)
    again, _ = run(model)  # what the pass at position 0 left in the module does no harm
    torch.testing.assert_close(again[2].key, heads[2].key)


@pytest.mark.parametrize(
    ("architecture", "turn", "width", "start"),
    [
        ("llama", half, 8, 0),
        ("gptj", interleaved, 4, 0),
        ("codegen", interleaved, 4, 0),
        ("gpt_neox", half, 2, 0),
        ("phi", half, 4, 0),
        ("stablelm", half, 2, 0),
        ("cohere", interleaved, 8, 0),
        ("glm4", interleaved, 4, 0),
        ("deepseek_v3", half, 8, 8),  # latent attention: the last numbers alone are turned
    ],
)
def test_rotation_turned_back(
    architecture: str, turn: Callable[[Tensor, Tensor], Tensor], width: int, start: int, tiny: Tiny
) -> None:
    """Whole, partial and interleaved, by the definition: number pair i at position p is turned by p / base^(2i/r)."""
    model = tiny(architecture)
    heads, inputs = run(model)
    base = 500_000 if architecture == "cohere" else 10_000
    angles = torch.tensor(PLACES)[:, None, None] / base ** (torch.arange(0, width, 2) / width)
    found = free(model, 1, inputs)
    for attended, wanted in ((heads[1].key, found.key), (heads[1].query, found.query)):
        before, stop = rows(attended), start + width
        turned = torch.cat([before[..., :start], turn(before[..., start:stop], angles), before[..., stop:]], -1)
        torch.testing.assert_close(turned, wanted[:, :, 0], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("architecture", ["gpt2", "llama", "gptj", "gemma2", "bloom"])
def test_vectors_of_a_prompt(architecture: str, prompt: Prompt, tiny: Tiny) -> None:
    """Each demonstration's, each query's and each forerunner's own, in the order of the prompt."""
    session = Session(prompt, tiny(architecture))
    model, encoded = session.model, session.encoded
    prefix, target = session.prefix(lambda *_: None), session.readout(lambda *_: None).target
    assert target is not None
    found = layer_vectors(model, encoded, prefix, target, 2, "position_free")
    attended = layer_vectors(model, encoded, prefix, target, 2, "as_attended")
    assert found.placed == (architecture not in PLACELESS)
    if not found.placed:
        torch.testing.assert_close(torch.tensor(found.keys), torch.tensor(attended.keys), rtol=1e-4, atol=1e-5)
    for query, vector in zip(encoded.queries, found.targets, strict=True):
        ids = [*encoded.prefix, *query.ids]
        with torch.no_grad():
            inputs = model.run(batch_of([ids], 0), keep_inputs=True).inputs[2][0, -1:]
        alone = heads_without_positions(model, 2, inputs, ids[-1:]).query.flatten()
        torch.testing.assert_close(torch.tensor(vector), alone, rtol=1e-3, atol=1e-4)
    for place, vector, key in zip(encoded.anchors, found.forerunners, found.keys, strict=True):
        heads = heads_without_positions(model, 2, prefix.inputs[2][0, [place - 1, place]], prefix.ids[place - 1 :][:2])
        torch.testing.assert_close(torch.tensor(vector), heads.query[0].flatten(), rtol=1e-4, atol=1e-5)
        own = heads.key[1].repeat_interleave(model.n_heads // heads.key.shape[1], 0).flatten().double()
        torch.testing.assert_close(torch.tensor(key), own, rtol=1e-4, atol=1e-5)
