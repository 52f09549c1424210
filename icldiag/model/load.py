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
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from icldiag.errors import ModelError
from icldiag.model.configuration import check_layer_count, check_numbers, check_sizes
from icldiag.model.folder import Stored, check_folder, stored_weights
from icldiag.model.gguf_cache import Entry, entry_made, entry_of
from icldiag.model.gguf_file import read_header
from icldiag.model.load_errors import LoadErrors
from icldiag.model.names import hub_name, local_place
from icldiag.model.placement import choose_device, compile_mlps, placement
from icldiag.model.settings import BUNDLED, BUNDLED_PATH, ModelSettings, Stage, context_window
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
    return _config(settings, _source(settings))


def _config(settings: ModelSettings, source: Source) -> Any:
    transformers = _quiet_transformers()
    with LoadErrors(settings, source.file):
        if source.gguf is None:
            written, _ = transformers.PreTrainedConfig.get_config_dict(source.name, **source.hub)
            check_numbers(settings.name, written)
        else:  # transformers would take seconds to read it twice
            check_numbers(settings.name, read_header(source.gguf).fields, source.file)
        config = transformers.AutoConfig.from_pretrained(source.name, **source.hub)
        check_sizes(settings.name, config.get_text_config())
        check_layer_count(settings.name, config.get_text_config(), len(source.stored()))
        return config


def _tokenizer(settings: ModelSettings, source: Source) -> Any:
    """The tokenizer, once tried on a text: what is broken in its files may show only then."""
    transformers = _quiet_transformers()
    with LoadErrors(settings, "tokenizer files"):
        tokenizer = transformers.AutoTokenizer.from_pretrained(source.name, **source.hub)
        tokenizer.model_max_length = int(1e30)  # the model's own limit is what counts
        tokenizer.decode(tokenizer("A b", verbose=False)["input_ids"])
        return tokenizer


def load_tokenizer(settings: ModelSettings) -> Reader:
    """The tokenizer, and what its model's configuration says of reading. Raises ModelError."""
    source = _source(settings)
    config = _config(settings, source).get_text_config()
    return Reader(_tokenizer(settings, source), context_window(config), config.vocab_size)


# ---- where the files are --------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Source:
    """Where transformers finds a model."""

    name: str
    hub: dict[str, Any]  # what to tell it about the hub
    folder: Path | None = None  # with the model's files, as far as they are on this machine
    quantisation: str | None = None  # of the GGUF file that they were made of
    gguf: Path | None = None  # the file, where nothing is made of it yet

    @property
    def file(self) -> str:
        """The file with the configuration, in a message."""
        return "config.json" if self.gguf is None else "GGUF file"

    def stored(self) -> dict[str, Stored]:
        """The tensors in the model's files."""
        return {} if self.folder is None else stored_weights(self.folder)


@contextmanager
def _files(settings: ModelSettings, device: str, stage: Stage) -> Iterator[Source]:
    """The model's files; made of a GGUF file where it is one, and kept for the next time."""
    file = _gguf(settings, stage)
    if file is None:
        yield _source(settings)
        return
    from icldiag.model.gguf_weights import Dequantisation

    source = _gguf_source(file)
    maker = Dequantisation(
        settings, file, lambda: _fitting(settings, source, device), lambda: _tokenizer(settings, source), stage
    )
    with entry_made(file, maker, stage) as entry:
        yield _entry_source(entry)


def _source(settings: ModelSettings) -> Source:
    """Where transformers finds the model, without anything being made."""
    if (file := _gguf(settings)) is not None:
        entry = entry_of(file, lambda text: None)
        return _gguf_source(file) if entry is None else _entry_source(entry)
    folder = BUNDLED_PATH if settings.name == BUNDLED else local_place(settings.name)
    if settings.name == BUNDLED and not (BUNDLED_PATH / "model.safetensors").is_file():
        raise ModelError("the bundled model is missing from this installation; reinstall icldiag or name a --model")
    hub: dict[str, Any] = {"revision": settings.revision, "trust_remote_code": settings.trust_remote_code}
    if folder is not None:
        check_folder(folder)
    elif not _hub_answers():
        hub["local_files_only"] = True  # the cache may hold it; asking the hub would retry for minutes
    return Source(str(folder or settings.name), hub, folder or settings.place())


def _gguf_source(file: Path) -> Source:
    return Source(str(file.parent), {"gguf_file": file.name}, gguf=file)


def _entry_source(entry: Entry) -> Source:
    return Source(str(entry.folder), {}, entry.folder, entry.quantisation)


def _gguf(settings: ModelSettings, stage: Stage = lambda text: None) -> Path | None:
    """The GGUF file that is meant, brought from the hub where it is there; None for other models."""
    place = None if settings.name == BUNDLED else local_place(settings.name)
    if place is not None:
        return place if place.is_file() else None
    repository, file = hub_name(settings.name)
    if file is None:
        return None
    from huggingface_hub import hf_hub_download

    stage("downloading")
    with LoadErrors(settings):
        offline = not _hub_answers()
        return Path(hf_hub_download(repository, file, revision=settings.revision, local_files_only=offline))


def _fitting(settings: ModelSettings, source: Source, device: str) -> Any:
    """The configuration of a GGUF file, where there is memory to dequantise its weights and then to hold them."""
    from icldiag.model.memory import require_memory

    config = _config(settings, source)
    with LoadErrors(settings, source.file):
        require_memory(replace(settings, dtype="float32", quantize=None, device_map=None), config, "cpu")
        require_memory(settings, config, device)
    return config


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
