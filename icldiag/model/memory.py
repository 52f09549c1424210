"""How much memory a model and its analyses will take, told before it is taken; and what to do when it runs out.

Weights, cache and kept inputs are counted exactly; what an analysis needs beside them is an estimate of its largest
tensors. With what Python and its libraries take, the peak of the process is met within a factor of 1.5 (see
tests/model/test_memory.py).
"""

from __future__ import annotations

import gc
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from icldiag.errors import AnalysisError, ModelError
from icldiag.model.configuration import largest
from icldiag.model.free_memory import free_memory
from icldiag.model.limits import Limits
from icldiag.model.precision import ROOM
from icldiag.model.weights import check_amount

if TYPE_CHECKING:
    from icldiag.model.folder import Stored
    from icldiag.model.forward import InstrumentedModel
    from icldiag.model.settings import ModelSettings
    from icldiag.prompt.encoded_prompt import EncodedPrompt

GIB = 2**30
PROGRAM = 460 * 2**20  # bytes of a process that has imported torch and transformers and answered once, on a CPU
_ITEM = {"float64": 8, "float32": 4, "float16": 2, "bfloat16": 2}
_QUANTIZED = {8: 1.0, 4: 0.5625}  # bytes a weight, with the scales of each block
_ALLOCATION = ("can't allocate memory", "out of memory", "not enough memory", "cannot allocate memory")


@dataclass(frozen=True)
class Sizes:
    """What a model's memory depends on, from its configuration and its shapes alone."""

    parameters: int
    linear: int  # of these, in linear layers of the decoder: what quantisation makes smaller
    buffers: int  # bytes
    layers: int
    heads: int
    kv_heads: int
    head_width: int
    hidden: int
    intermediate: int
    vocabulary: int

    def weights(self, dtype: str, quantize: int | None = None) -> int:
        """Bytes of all weights."""
        item = _ITEM[dtype]
        if quantize is None:
            return self.parameters * item + self.buffers
        return int((self.parameters - self.linear) * item + self.linear * _QUANTIZED[quantize]) + self.buffers

    def cache(self, tokens: int, dtype: str) -> int:
        """Bytes of the keys and values of a prompt, in all layers."""
        return 2 * self.layers * self.kv_heads * self.head_width * tokens * _ITEM[dtype]


@dataclass(frozen=True)
class Work:
    """What a prompt asks of a model, in tokens."""

    prefix: int
    query: int  # the longest, with the label words' further tokens where they are scored whole
    queries: int
    examples: int = 0

    def activations(self, sizes: Sizes, dtype: str, layers: int) -> int:
        """Bytes that autograd keeps of some layers in a pass over a whole prompt."""
        whole = self.prefix + self.query
        return layers * whole * (8 * sizes.hidden + 4 * sizes.intermediate) * _ITEM[dtype]

    def analyses(self, sizes: Sizes, dtype: str, device: str, free: int, quantize: int | None = None) -> dict[str, int]:
        """Bytes that each analysis needs at most, beside the weights; the demonstrations' cache is in each.

        Args:
            free: bytes beside the weights. Saliency computes layers again where keeping them takes more than half;
                re-weighting makes half-precision weights float32 where that fits.
            quantize: bits of the weights, if they are quantised; these stay as they are.
        """
        limits = Limits.of(device, free)
        item, whole = _ITEM[dtype], self.prefix + self.query
        inputs = (sizes.layers + 1) * self.prefix * sizes.hidden * item  # kept for restarts
        prefix = sizes.cache(self.prefix, dtype) + inputs
        most = (limits.scores // (sizes.heads * self.query * whole), limits.logits // sizes.vocabulary)
        rows = max(1, min(limits.rows, self.queries, *most))
        scores = 4 * rows * sizes.heads * self.query * whole * 4  # in two parts, joined, masked, and their softmax
        row = 4 * sizes.vocabulary * 4 + self.query * (8 * sizes.hidden + 4 * sizes.intermediate) * item
        reading = prefix + scores + rows * row
        activations = self.activations(sizes, dtype, sizes.layers)
        if activations > free // 2:
            activations = whole * sizes.hidden * (sizes.layers + 1) * item + self.activations(sizes, dtype, 1)
        if limits.restarts:
            cuts = min(GIB, 2 * self.queries * self.query * sizes.hidden * sizes.layers * item)  # the inputs kept
        else:  # the demonstrations under as many cuts as a quarter of the free memory holds
            one = sizes.cache(self.prefix, dtype)
            count = min(2 * sizes.layers - 1, max(1, free // 4 // max(1, one)))
            cuts = count * (one + self.prefix * (8 * sizes.hidden + 4 * sizes.intermediate) * item)
        exact = 4 * sizes.parameters if item < 4 and quantize is None else 0
        exact *= ROOM * exact <= free
        rebuilt = 5 * min(limits.pairs, sizes.layers * sizes.heads * whole**2) * 4
        return {
            "prediction": reading,
            "extraction": reading,
            "confusion": reading,
            "isolation": reading + 2 * prefix + cuts,
            "compression": reading + sizes.cache(self.prefix, dtype),
            "saliency": max(reading, activations + rebuilt),
            "reweighting": reading + exact + sizes.cache(self.query * self.examples, "float32" if exact else dtype),
        }


def sizes_of(config: Any, trust_remote_code: bool = False) -> Sizes:
    """Count a model's weights by building it without memory (torch's meta device)."""
    return _sizes(_empty(config, trust_remote_code), config)


def _empty(config: Any, trust_remote_code: bool) -> Any:
    import torch
    import transformers

    with torch.device("meta"):
        return transformers.AutoModelForCausalLM.from_config(config, trust_remote_code=trust_remote_code)


def _sizes(model: Any, config: Any) -> Sizes:
    import torch

    text = config.get_text_config()
    heads = largest(text, "num_attention_heads") or 1  # seams.py refuses a model without attention
    kv_heads = largest(text, "num_key_value_heads") or getattr(text, "num_kv_heads", None) or heads
    one_for_all = getattr(text, "multi_query", False) and not getattr(text, "new_decoder_architecture", False)
    linear = sum(
        module.weight.numel()
        for name, module in model.named_modules()
        if isinstance(module, torch.nn.Linear) and "head" not in name
    )
    return Sizes(
        parameters=sum(weight.numel() for weight in model.parameters()),
        linear=linear,
        buffers=sum(buffer.nbytes for buffer in model.buffers()),
        layers=text.num_hidden_layers,
        heads=heads,
        kv_heads=1 if one_for_all else kv_heads,
        head_width=largest(text, "head_dim") or text.hidden_size // heads,
        hidden=text.hidden_size,
        intermediate=largest(text, "intermediate_size") or 4 * text.hidden_size,
        vocabulary=text.vocab_size,
    )


def dtype_name(settings: ModelSettings, config: Any, device: str) -> str:
    """The dtype that loading will use, as a name."""
    if settings.dtype != "auto":
        return settings.dtype
    own = str(getattr(config, "dtype", None) or "float32").removeprefix("torch.")
    return "float32" if device == "cpu" or own not in _ITEM else own


def mapped(sizes: Sizes, dtype: str, config: Any) -> int:
    """Bytes of the model's files that lie in memory beside the weights while these are made of them.

    Where the dtype is the files' own, the files are the weights. The system takes these pages back when it needs them.
    """
    stored = str(getattr(config, "dtype", None) or "float32").removeprefix("torch.")
    return 0 if stored == dtype or stored not in _ITEM else sizes.parameters * _ITEM[stored]


def require_memory(
    settings: ModelSettings, config: Any, device: str, stored: Mapping[str, Stored] | None = None
) -> None:
    """Raise ModelError where the weights are larger than what is free, with the setting that would make them fit.

    Args:
        stored: the tensors in the model's files, where these are here: a configuration that asks for more is refused
            before that is taken.
    """
    empty = _empty(config, settings.trust_remote_code)
    if stored:
        check_amount(settings.name, empty, stored)
    sizes = _sizes(empty, config)
    dtype, free = dtype_name(settings, config, device), free_memory(device)
    needed = sizes.weights(dtype, settings.quantize)
    if needed <= free or settings.device_map is not None:  # a map may spread it over devices and disk
        return
    raise ModelError(
        f"model {settings.name!r}: its weights take {gib(needed)} in {dtype}, and {gib(free)} are free on {device}; "
        f"{cure(settings, sizes, dtype, device, free, 0)}"
    )


def cure(settings: ModelSettings, sizes: Sizes, dtype: str, device: str, free: int, beside: int) -> str:
    """The first setting with which the weights, and `beside` bytes of float32 work, would fit."""
    shares = _ITEM[dtype]
    tries: list[tuple[str, int, int]] = []
    if shares > 2:
        tries.append(("--dtype bfloat16", sizes.weights("bfloat16") + beside * 2 // shares, free))
    if device.startswith("cuda"):
        tries += [
            (f"--quantize {bits}", sizes.weights("bfloat16", bits) + beside * 2 // shares, free) for bits in (8, 4)
        ]
        tries.append(("--device-map auto", sizes.weights(dtype) + beside, free + free_memory("cpu")))
    for option, needed, available in tries:
        if needed <= available:
            return f"{option} needs {gib(needed)}"
    return "no setting makes it fit; use a smaller model" + (" or fewer demonstrations" if beside else "")


def shortage(settings: ModelSettings, sizes: Sizes, work: Work, dtype: str, device: str, free: int) -> str | None:
    """One sentence where an analysis will not fit into what is free beside the weights; None where all do."""
    needs = work.analyses(sizes, dtype, device, free, settings.quantize)
    largest = max(needs, key=needs.__getitem__)
    if needs[largest] <= free:
        return None
    tight = ", ".join(name for name, need in needs.items() if need > free)
    beside = free + sizes.weights(dtype, settings.quantize)
    return (
        f"memory may run out in {tight}: about {gib(needs[largest])} needed, {gib(free)} free on {device}; "
        f"{cure(settings, sizes, dtype, device, beside, needs[largest])}"
    )


def shortage_of(settings: ModelSettings, model: InstrumentedModel, work: Work) -> str | None:
    """`shortage` of a loaded model."""
    device, dtype = str(model.device), str(model.dtype).removeprefix("torch.")
    if dtype not in _ITEM or not device.startswith(("cpu", "cuda")):
        return None
    sizes = sizes_of(model.model.config, settings.trust_remote_code)
    return shortage(settings, sizes, work, dtype, device, free_memory(device))


def keeps_activations(model: InstrumentedModel, work: Work) -> bool:
    """Whether what autograd keeps of all layers takes at most half of what is free."""
    device, dtype = str(model.device), str(model.dtype).removeprefix("torch.")
    needed = work.activations(_sizes(model.model, model.model.config), dtype, model.n_layers)
    return needed <= free_memory(device) // 2


def work_of(encoded: EncodedPrompt) -> Work:
    """What a prompt asks of a model."""
    further = 0
    if encoded.prompt.whole_words:
        further = sum(len(tokens) - 1 for tokens in encoded.scored_tokens)
    return Work(
        prefix=len(encoded.prefix),
        query=max(len(query.ids) for query in encoded.queries) + further,
        queries=len(encoded.queries),
        examples=len(encoded.prompt.examples),
    )


def gib(size: float) -> str:
    return f"{size / GIB:.1f} GiB" if size >= GIB / 10 else f"{size / 2**20:.0f} MiB"


# ---- when it runs out ------------------------------------------------------------------------------------------------


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that memory ran out, on a GPU or on the CPU (where torch raises a RuntimeError)."""
    import torch

    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    return isinstance(error, RuntimeError) and any(words in str(error).lower() for words in _ALLOCATION)


def release() -> None:
    """Give back what a failed attempt still holds."""
    import torch

    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


@contextmanager
def memory_errors(what: str) -> Iterator[None]:
    """Memory that runs out in the block becomes an AnalysisError with a cure; the session stays usable."""
    try:
        yield
    except Exception as error:
        if not is_out_of_memory(error):
            raise
        release()
        raise AnalysisError(
            f"{what}: memory ran out, even with the smallest batch; use fewer or shorter demonstrations, a smaller "
            "model, or --dtype bfloat16"
        ) from None
