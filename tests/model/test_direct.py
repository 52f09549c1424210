"""Direct shares against plain forward hooks on transformers' own model, on every architecture."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from icldiag.errors import AnalysisError
from icldiag.model.direct import DirectParts, direct_parts
from icldiag.model.forward import InstrumentedModel
from icldiag.model.padding import batch_of
from icldiag.prompt.encode import encode
from icldiag.prompt.schema import Prompt
from tests.architectures import ARCHITECTURES
from tests.conftest import Tiny, tiny_tokenizer, tiny_weights
from tests.eager import ids_of

#: Fields with which what scales or bends the stream and the logits does something in a checkpoint at random.
FIELDS: dict[str, dict[str, Any]] = {
    "granite": {"residual_multiplier": 0.3, "logits_scaling": 4.0},
    "cohere": {"logit_scale": 0.25},
    "gemma2": {"final_logit_softcapping": 2.0},
}
TOKENS = (33, 77)


def made(architecture: str, **fields: Any) -> InstrumentedModel:
    weights = tiny_weights(architecture, **{**FIELDS.get(architecture, {}), **fields})
    for name, weight in weights.named_parameters():  # biases and norms that do something
        if weight.ndim == 1 and "sinks" not in name:
            torch.nn.init.normal_(weight, mean=0.0 if "bias" in name else 1.0, std=0.3)
    for name, buffer in weights.named_buffers():
        if name.endswith("layer_scalar"):
            buffer.fill_(0.7)
    return InstrumentedModel(weights, tiny_tokenizer(), architecture)


def found_parts(model: InstrumentedModel, prompt: Prompt, query: int = 1) -> tuple[DirectParts, Tensor]:
    encoded = encode(prompt, model.tokenizer)
    prefix = model.encode_prefix(encoded.prefix)
    batch = batch_of([encoded.queries[query].ids], len(encoded.prefix), model.device)
    return direct_parts(model, batch, TOKENS, context=prefix.key_values)


#: What adds to the residual stream, where it is not the modules of DEFAULT: of attention its output projection, what is
#: written of it, and what else is written.
Written = tuple[str, str, tuple[str, ...]]
DEFAULT: Written = ("self_attn.o_proj", "self_attn.o_proj", ("mlp",))
_GPT: Written = ("attn.out_proj", "attn.out_proj", ("mlp",))
_DENSE: Written = ("self_attention.dense", "self_attention.dense", ("mlp.dense_4h_to_h",))
_FC: Written = ("self_attn.out_proj", "self_attn.out_proj", ("fc2",))
_AFTER: Written = ("self_attn.o_proj", "post_attention_layernorm", ("post_feedforward_layernorm",))
WRITTEN: dict[str, Written] = {
    "gpt2": ("attn.c_proj", "attn.c_proj", ("mlp",)),
    "gptj": _GPT,
    "codegen": _GPT,
    "gpt_neo": ("attn.attention.out_proj", "attn.attention.out_proj", ("mlp",)),
    "gpt_neox": ("attention.dense", "attention.dense", ("mlp",)),
    "gpt_bigcode": ("attn.c_proj", "attn.c_proj", ("mlp",)),
    "bloom": _DENSE,
    "mpt": ("attn.out_proj", "attn.out_proj", ("ffn.down_proj",)),
    "falcon": _DENSE,
    "falcon_40b": _DENSE,
    "falcon_rw": _DENSE,
    "opt": _FC,
    "biogpt": _FC,
    "llama4_text": ("self_attn.o_proj", "self_attn.o_proj", ("feed_forward",)),
    "phi": ("self_attn.dense", "self_attn.dense", ("mlp",)),
    "gemma2": _AFTER,
    "gemma3_text": _AFTER,
    "gemma4_text": (*_AFTER[:2], ("post_feedforward_layernorm", "post_per_layer_input_norm")),
    "olmo2": _AFTER,
    "olmo3": _AFTER,
    "exaone4": _AFTER,
    "glm4": ("self_attn.o_proj", "post_self_attn_layernorm", ("post_mlp_layernorm",)),
}


class Plain:
    """What every module reads and returns at the last position, by hooks, the model otherwise as it is."""

    def __init__(self, model: InstrumentedModel, ids: list[int]) -> None:
        self.given: dict[nn.Module, Tensor] = {}
        self.returned: dict[nn.Module, Tensor] = {}
        handles = [module.register_forward_hook(self._keep) for module in model.model.modules()]
        with torch.no_grad(), model.plain() as plain:
            self.logits = plain(input_ids=torch.tensor([ids]), use_cache=False).logits[0, -1].double()
        for handle in handles:
            handle.remove()

    def _keep(self, module: nn.Module, args: Any, output: Any) -> None:
        output = output[0] if isinstance(output, tuple) else output
        for into, value in ((self.given, args[0] if args else None), (self.returned, output)):
            if isinstance(value, torch.Tensor) and value.is_floating_point():
                into[module] = value.reshape(-1, value.shape[-1])[-1].double().clone()


class Direct:
    """The share of a term, by hand: the term through the final norm at its scale, onto the two tokens' rows."""

    def __init__(self, model: InstrumentedModel, plain: Plain) -> None:
        inside = set(model.layers.modules())
        norm = [m for m in plain.returned if "Norm" in type(m).__name__ and m not in inside][-1]
        self.centred = "LayerNorm" in type(norm).__name__
        bias = getattr(norm, "bias", None)
        self.bias = torch.zeros(1).double() if bias is None else bias.detach().double()
        self.scale = (plain.returned[norm] - self.bias) / self._centre(plain.given[norm])
        head = model.model.get_output_embeddings()
        self.rows = head.weight.detach().double()[TOKENS[0]] - head.weight.detach().double()[TOKENS[1]]
        raw = plain.returned[head]
        capped = model.model.config.model_type == "gemma2"
        self.by = 1.0 if capped else float(plain.logits[0] / raw[0])
        self.wanted = float((raw if capped else plain.logits)[TOKENS[0]] - (raw if capped else plain.logits)[TOKENS[1]])

    def _centre(self, term: Tensor) -> Tensor:
        return term - term.mean(-1, keepdim=True) if self.centred else term

    def of(self, term: Tensor) -> np.ndarray:
        return np.asarray((self._centre(term) * self.scale @ self.rows * self.by).detach())


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_each_part_is_its_term_through_the_final_norm(architecture: str, prompt: Prompt) -> None:
    model = made(architecture)
    parts, states = found_parts(model, prompt)
    plain = Plain(model, ids_of(encode(prompt, model.tokenizer), 1))
    direct = Direct(model, plain)
    projection, from_attention, others = WRITTEN.get(architecture, DEFAULT)
    size = np.abs([*parts.attention, *parts.mlp, parts.embedding, parts.bias]).sum()
    assert parts.capped == (architecture == "gemma2")
    assert parts.total == pytest.approx(direct.wanted, abs=1e-5 * size)
    assert parts.difference == pytest.approx(direct.wanted, abs=1e-5 * size)
    assert states.shape == (model.n_layers + 1, 1, states.shape[-1])
    np.testing.assert_allclose(states[0, 0], plain.given.get(model.layers[0], states[0, 0]), atol=1e-5)
    residual = getattr(model.model.config, "residual_multiplier", 1.0)
    later = {"gemma4_text": 0.7}.get(architecture, 1.0)
    assert parts.embedding == pytest.approx(direct.of(states[0, 0].double()) * later**model.n_layers, abs=1e-5 * size)
    for number, layer in enumerate(model.layers):
        by = residual * later ** (model.n_layers - number)
        attended = plain.returned[layer.get_submodule(from_attention)]
        rest = torch.stack([plain.returned[layer.get_submodule(name)] for name in others]).sum(0)
        assert parts.attention[number] == pytest.approx(by * direct.of(attended), abs=1e-5 * size)
        assert parts.mlp[number] == pytest.approx(by * direct.of(rest), abs=1e-5 * size)
        module: Any = layer.get_submodule(projection)
        weight = module.weight.detach().double()
        weight = weight if isinstance(module, nn.Linear) else weight.T  # GPT-2's has its columns as rows
        heads = plain.given[module].view(model.n_heads, -1)
        of_heads = torch.einsum("hd,ohd->ho", heads, weight.view(len(weight), *heads.shape))
        frozen = attended / plain.returned[module] if from_attention != projection else 1.0
        np.testing.assert_allclose(parts.heads[number], by * direct.of(of_heads * frozen), atol=1e-5 * size)


def test_the_model_is_as_before_and_a_part_is_real(prompt: Prompt, tiny: Tiny) -> None:
    """The hooks leave; and what attention of one layer is said to add is gone when its projection is silent."""
    model = tiny("llama")
    before = found_parts(model, prompt)[0]
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in model.layers.modules())
    last: Any = model.layers[-1].get_submodule("self_attn.o_proj")
    last.weight.zero_()
    after = found_parts(model, prompt)[0]
    assert abs(before.attention[-1]) > 1e-3
    assert after.attention[-1] == 0
    np.testing.assert_allclose(after.heads[-1], 0)


def test_norms_behind_the_sums_are_refused_by_name(prompt: Prompt) -> None:
    """OPT-350m has a norm with a bias behind each sum, so a layer adds more than attention and MLP do."""
    with pytest.raises(AnalysisError, match="OPTForCausalLM write does not sum"):
        found_parts(made("opt", do_layer_norm_before=False), prompt)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_rounded_models_are_not_refused(dtype: torch.dtype, prompt: Prompt, tiny: Tiny) -> None:
    exact = found_parts(tiny("llama"), prompt)[0]
    parts = found_parts(tiny("llama", dtype), prompt)[0]
    size = np.abs([*exact.attention, *exact.mlp]).sum()
    np.testing.assert_allclose(parts.attention, exact.attention, atol=0.05 * size)


def test_what_is_no_sum_is_refused_by_name(prompt: Prompt, tiny: Tiny) -> None:
    model = tiny("llama")

    def bent(module: nn.Module, args: Any, output: Tensor) -> Tensor:
        return output * output.detach().sigmoid() + 0.1 * output**3

    model.layers[1].register_forward_hook(bent)
    with pytest.raises(AnalysisError, match="LlamaForCausalLM write does not sum"):
        found_parts(model, prompt)
