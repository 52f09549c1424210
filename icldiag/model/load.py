"""Load any Hugging Face causal language model, from a folder, the hub or the package, and check its seam.

Heavy imports stay inside the functions: importing icldiag must not load torch.
"""

from __future__ import annotations

import logging
import os
import socket
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from icldiag.errors import ModelError
from icldiag.model.configuration import check_layer_count, check_numbers, check_sizes
from icldiag.model.folder import Stored, check_folder, local_folder, stored_weights
from icldiag.model.load_errors import LoadErrors
from icldiag.model.placement import choose_device, compile_mlps, placement
from icldiag.model.settings import BUNDLED, BUNDLED_PATH, ModelSettings, Stage, context_window
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
    transformers = _quiet_transformers()

    from icldiag.model.forward import InstrumentedModel
    from icldiag.model.memory import require_memory
    from icldiag.model.parity import require_parity

    device = choose_device(settings)
    source, hub = _source(settings)
    stage("tokenizer")
    config = _config(settings, source, hub)
    tokenizer = _tokenizer(settings, source, hub)
    with LoadErrors(settings, "config.json"):
        require_memory(settings, config, device, _stored(settings))
    stage("weights")
    with LoadErrors(settings, "weights or config.json"), _counted(stage):
        model, info = transformers.AutoModelForCausalLM.from_pretrained(
            source,
            dtype=_dtype(settings, device),
            use_safetensors=True,
            output_loading_info=True,
            ignore_mismatched_sizes=True,  # they are told by name, instead of in a report on stderr
            **placement(settings, device),
            **hub,
        )
    check_complete(settings.name, info)
    if settings.device_map is None and getattr(model, "hf_device_map", None) is None:
        with LoadErrors(settings):
            model = model.to(device)
    check_types(settings.name, model, _stored(settings))
    require_numbers(settings.name, model)
    with LoadErrors(settings, "config.json"):
        instrumented = InstrumentedModel(model, tokenizer, settings.name, settings.revision)
    check_layers(settings.name, model, info.get("unexpected_keys", ()))
    instrumented.notes += instrumented.reader.notes
    if settings.compile:
        compile_mlps(instrumented)
    stage("compiling and checking the answers" if settings.compile else "checking the answers")
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
    return _config(settings, *_source(settings))


def _config(settings: ModelSettings, source: str, hub: dict[str, Any]) -> Any:
    transformers = _quiet_transformers()
    with LoadErrors(settings, "config.json"):
        written, _ = transformers.PreTrainedConfig.get_config_dict(source, **hub)
        check_numbers(settings.name, written)
        config = transformers.AutoConfig.from_pretrained(source, **hub)
        check_sizes(settings.name, config.get_text_config())
        check_layer_count(settings.name, config.get_text_config(), len(_stored(settings)))
        return config


def _stored(settings: ModelSettings) -> dict[str, Stored]:
    """The tensors in the model's files, as far as these are on this machine."""
    folder = settings.folder()
    return {} if folder is None else stored_weights(folder)


def _tokenizer(settings: ModelSettings, source: str, hub: dict[str, Any]) -> Any:
    """The tokenizer, once tried on a text: what is broken in its files may show only then."""
    transformers = _quiet_transformers()
    with LoadErrors(settings, "tokenizer files"):
        tokenizer = transformers.AutoTokenizer.from_pretrained(source, **hub)
        tokenizer.model_max_length = int(1e30)  # the model's own limit is what counts
        tokenizer.decode(tokenizer("A b", verbose=False)["input_ids"])
        return tokenizer


@contextmanager
def _counted(stage: Stage) -> Iterator[None]:
    """Tell how many of the weights' tensors are loaded: transformers counts them, on a progress bar of one module."""
    from transformers import core_model_loading

    original = getattr(core_model_loading, "tqdm", None)

    def counted(tensors: Any, **bar: Any) -> Iterator[Any]:
        for done, tensor in enumerate(tensors):
            stage(f"weights {done} of {len(tensors)} tensors")
            yield tensor

    if original is not None:
        core_model_loading.tqdm = counted
    try:
        yield
    finally:
        if original is not None:
            core_model_loading.tqdm = original


def load_tokenizer(settings: ModelSettings) -> Reader:
    """The tokenizer, and what its model's configuration says of reading. Raises ModelError."""
    source, hub = _source(settings)
    config = _config(settings, source, hub).get_text_config()
    return Reader(_tokenizer(settings, source, hub), context_window(config), config.vocab_size)


def _source(settings: ModelSettings) -> tuple[str, dict[str, Any]]:
    """Where transformers finds the model, and what to tell it about the hub."""
    folder = BUNDLED_PATH if settings.name == BUNDLED else local_folder(settings.name)
    if settings.name == BUNDLED and not (BUNDLED_PATH / "model.safetensors").is_file():
        raise ModelError("the bundled model is missing from this installation; reinstall icldiag or name a --model")
    hub: dict[str, Any] = {"revision": settings.revision, "trust_remote_code": settings.trust_remote_code}
    if folder is not None:
        check_folder(folder)
    elif not _hub_answers():
        hub["local_files_only"] = True  # the cache may hold it; asking the hub would retry for minutes
    return str(folder or settings.name), hub


def _hub_answers() -> bool:
    from huggingface_hub import constants

    address = urlsplit(constants.ENDPOINT)
    if constants.HF_HUB_OFFLINE:
        return False
    if urllib.request.getproxies():  # the proxy, not we, will reach it
        return True
    try:
        socket.create_connection((address.hostname or "", address.port or 443), timeout=3).close()
    except OSError:
        return False
    return True


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
