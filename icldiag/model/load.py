"""Load any Hugging Face causal language model, from a folder, the hub or the package, and check its seam.

Heavy imports stay inside the functions: importing icldiag must not load torch.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from math import prod
from typing import TYPE_CHECKING, Any

from icldiag.collector import paused_collector
from icldiag.errors import ModelError
from icldiag.model.configuration import check_layer_count, check_numbers, check_sizes
from icldiag.model.gguf_cache import entry_made
from icldiag.model.gguf_config import complete
from icldiag.model.gguf_file import read_header
from icldiag.model.load_errors import LoadErrors
from icldiag.model.placement import choose_device, compile_mlps, placement
from icldiag.model.settings import ModelSettings, Stage, context_window
from icldiag.model.source import Source, entry_source, gguf_of, gguf_source, source_of
from icldiag.model.tensor_counts import counted
from icldiag.model.weights import check_complete, check_layers, check_types, require_numbers
from icldiag.prompt.reader import Reader

if TYPE_CHECKING:
    import torch

    from icldiag.model.forward import InstrumentedModel


def load_model(settings: ModelSettings, stage: Stage = lambda text: None) -> InstrumentedModel:
    """Load tokenizer and weights (safetensors only), install the instrumented attention and check it.

    Raises:
        ModelError: one sentence for whatever is wrong with the name, the folder, the hub, the device, the weights or
            the seam, or where memory will not do.
    """
    stage("importing torch and transformers")
    with paused_collector():
        _quiet_transformers()
        device = choose_device(settings)
        with _files(settings, device, stage) as source:
            return _load(settings, source, device, stage)


def _load(settings: ModelSettings, source: Source, device: str, stage: Stage) -> InstrumentedModel:
    import transformers
    from transformers import core_model_loading

    from icldiag.model.forward import InstrumentedModel
    from icldiag.model.memory import require_memory
    from icldiag.model.parity import require_parity

    stage("tokenizer")
    config = _config(settings, source)
    tokenizer = _tokenizer(settings, source)
    stored = source.stored()
    with LoadErrors(settings, "config.json"):
        require_memory(settings, config, device, stored)
    stage("weights")
    with LoadErrors(settings, "weights or config.json"), counted(core_model_loading, "weights", stage):
        model, info = transformers.AutoModelForCausalLM.from_pretrained(
            source.name,
            dtype=_dtype(settings, device),
            use_safetensors=True,
            output_loading_info=True,
            ignore_mismatched_sizes=True,  # they are told by name, instead of in a report on stderr
            **placement(settings, device),
            **source.hub,
        )
    check_complete(settings.name, info)
    if settings.device_map is None and getattr(model, "hf_device_map", None) is None:
        with LoadErrors(settings):
            model = model.to(device)
    check_types(settings.name, model, stored)
    require_numbers(settings.name, model)
    with LoadErrors(settings, "config.json"):
        instrumented = InstrumentedModel(model, tokenizer, settings.name, settings.revision)
    check_layers(settings.name, model, info.get("unexpected_keys", ()))
    instrumented.quantisation = source.quantisation
    instrumented.notes += instrumented.reader.notes
    if settings.compile:
        compile_mlps(instrumented)
    stage("compiling and checking the model" if settings.compile else "checking the model")
    try:
        require_parity(instrumented)
    except ModelError as error:
        if settings.compile and error.__cause__ is not None:
            reason = str(error.__cause__).splitlines()[0][:160]
            raise ModelError(f"--compile failed ({type(error.__cause__).__name__}: {reason}); leave it out") from None
        raise
    return instrumented


def load_config(settings: ModelSettings) -> Any:
    """The model's configuration alone. Raises ModelError."""
    return _config(settings, source_of(settings))


def dequantising(settings: ModelSettings) -> int:
    """Bytes that it takes to make a model of a GGUF file; 0 where that was done. Raises ModelError.

    All weights in float32, the file, and the largest tensor's copies: in float32, reordered, and as torch has it.
    """
    file = source_of(settings).gguf
    if file is None:
        return 0
    header = read_header(file)
    return 4 * (header.parameters + 3 * max(prod(tensor.shape) for tensor in header.tensors)) + file.stat().st_size


def _config(settings: ModelSettings, source: Source) -> Any:
    transformers = _quiet_transformers()
    with LoadErrors(settings, source.file):
        if source.gguf is None:
            written, _ = transformers.PreTrainedConfig.get_config_dict(source.name, **source.hub)
            check_numbers(settings.name, written)
            config = transformers.AutoConfig.from_pretrained(source.name, **source.hub)
        else:
            header = read_header(source.gguf)
            check_numbers(settings.name, header.fields, source.file)
            config = transformers.AutoConfig.from_pretrained(source.name, **source.hub)
            complete(settings.name, config, header, source.gguf)
        check_sizes(settings.name, config.get_text_config())
        check_layer_count(settings.name, config.get_text_config(), len(source.stored()))
        return config


def _tokenizer(settings: ModelSettings, source: Source) -> Any:
    """The tokenizer, once tried on a text: what is broken in its files may show only then."""
    transformers = _quiet_transformers()
    with LoadErrors(settings, "tokenizer files" if source.gguf is None else "tokenizer in the GGUF file"):
        tokenizer = transformers.AutoTokenizer.from_pretrained(source.name, **source.hub)
        tokenizer.model_max_length = int(1e30)  # the model's own limit is what counts
        tokenizer.decode(tokenizer("A b", verbose=False)["input_ids"])
        return tokenizer


def load_tokenizer(settings: ModelSettings) -> Reader:
    """The tokenizer, and what its model's configuration says of reading. Raises ModelError."""
    source = source_of(settings)
    config = _config(settings, source).get_text_config()
    return Reader(_tokenizer(settings, source), context_window(config), config.vocab_size)


@contextmanager
def _files(settings: ModelSettings, device: str, stage: Stage) -> Iterator[Source]:
    """The model's files; made of a GGUF file where it is one, and kept for the next time."""
    file = gguf_of(settings, stage)
    if file is None:
        yield source_of(settings)
        return
    from icldiag.model.gguf_weights import Dequantisation

    source = gguf_source(file)
    maker = Dequantisation(
        settings, file, lambda: _fitting(settings, source, device), lambda: _tokenizer(settings, source), stage
    )
    with entry_made(file, maker, stage) as entry:
        yield entry_source(entry)


def _fitting(settings: ModelSettings, source: Source, device: str) -> Any:
    """The configuration of a GGUF file, where there is memory to dequantise its weights and then to hold them."""
    from icldiag.model.memory import require_memory

    config = _config(settings, source)
    with LoadErrors(settings, source.file):
        require_memory(replace(settings, dtype="float32", quantize=None, device_map=None), config, "cpu")
        require_memory(settings, config, device)
    return config


def _quiet_transformers() -> Any:
    """transformers without progress bars and warnings: they would write over the app and into reports."""
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    import transformers

    logging.getLogger("huggingface_hub").setLevel(logging.ERROR)
    transformers.utils.logging.set_verbosity(logging.CRITICAL + 1)
    transformers.utils.logging.disable_progress_bar()
    return transformers


def _dtype(settings: ModelSettings, device: str) -> torch.dtype | str:
    """'auto' is float32 on a CPU, where half precision is slow, and the checkpoint's own on a GPU."""
    import torch

    wanted = settings.dtype
    if wanted == "auto":
        return torch.float32 if device == "cpu" and settings.device_map is None else "auto"
    return getattr(torch, wanted)  # type: ignore[no-any-return]
