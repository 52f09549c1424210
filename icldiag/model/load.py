"""Load any Hugging Face causal language model, from a folder, the hub or the package, and check its seam.

Heavy imports stay inside the functions: importing icldiag must not load torch.
"""

from __future__ import annotations

import logging
import os
import socket
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from icldiag.errors import ModelError

if TYPE_CHECKING:
    import torch

    from icldiag.model.forward import InstrumentedModel

BUNDLED = "bundled"
BUNDLED_PATH = Path(__file__).parent / "bundled"

Stage = Callable[[str], None]

_TOKENIZER_FILES = ("tokenizer.json", "tokenizer.model", "vocab.json", "vocab.txt", "spiece.model", "tekken.json")

_DTYPES = ("float32", "float16", "bfloat16", "float64")


@dataclass(frozen=True)
class ModelSettings:
    """Which model, where and how. `device` and `dtype` may be 'auto'."""

    name: str = BUNDLED
    device: str = "auto"
    dtype: str = "auto"
    revision: str | None = None
    trust_remote_code: bool = False

    def folder(self) -> Path | None:
        """Where the model's files lie on this machine; None for one of the hub that is not here yet."""
        if self.name == BUNDLED:
            return BUNDLED_PATH
        if Path(self.name).is_dir():
            return Path(self.name).resolve()
        from huggingface_hub import try_to_load_from_cache
        from huggingface_hub.errors import HFValidationError

        try:
            found = try_to_load_from_cache(self.name, "config.json", revision=self.revision)
        except HFValidationError:
            return None
        return Path(found).parent if isinstance(found, str) else None


def load_model(settings: ModelSettings, stage: Stage = lambda text: None) -> InstrumentedModel:
    """Load tokenizer and weights (safetensors only), install the instrumented attention and check it.

    Raises:
        ModelError: one sentence for whatever is wrong with the name, the folder, the hub, the device or the seam.
    """
    stage("importing torch and transformers")
    transformers = _quiet_transformers()

    from icldiag.model.forward import InstrumentedModel
    from icldiag.model.parity import require_parity

    device = _device(settings.device)
    source, hub = _source(settings)
    stage("tokenizer")
    with _explained(settings):
        tokenizer = transformers.AutoTokenizer.from_pretrained(source, **hub)
    stage("weights")
    with _explained(settings):
        model = transformers.AutoModelForCausalLM.from_pretrained(
            source, dtype=_dtype(settings.dtype, device), use_safetensors=True, **hub
        ).to(device)
    instrumented = InstrumentedModel(model, tokenizer, settings.name, settings.revision)
    stage("checking the seam")
    require_parity(instrumented)
    return instrumented


def load_tokenizer(settings: ModelSettings) -> tuple[Any, int | None]:
    """The tokenizer alone, and the model's context window in tokens. Raises ModelError."""
    transformers = _quiet_transformers()
    source, hub = _source(settings)
    with _explained(settings):
        config = transformers.AutoConfig.from_pretrained(source, **hub).get_text_config()
        return transformers.AutoTokenizer.from_pretrained(source, **hub), context_window(config)


def _source(settings: ModelSettings) -> tuple[str, dict[str, Any]]:
    """Where transformers finds the model, and what to tell it about the hub."""
    source = str(BUNDLED_PATH) if settings.name == BUNDLED else settings.name
    if settings.name == BUNDLED and not (BUNDLED_PATH / "model.safetensors").is_file():
        raise ModelError("the bundled model is missing from this installation; reinstall icldiag or name a --model")
    _check_name(source)
    hub: dict[str, Any] = {"revision": settings.revision, "trust_remote_code": settings.trust_remote_code}
    if not Path(source).expanduser().is_dir() and not _hub_answers():
        hub["local_files_only"] = True  # the cache may hold it; asking the hub would retry for minutes
    return source, hub


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
    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    return transformers


def context_window(config: Any) -> int | None:
    """The longest sequence the model takes, in tokens; None where its configuration names no limit."""
    return getattr(config, "max_position_embeddings", None)


def _device(wanted: str) -> str:
    import torch

    if wanted == "auto":
        if torch.cuda.is_available():
            return "cuda"
        return "mps" if torch.backends.mps.is_available() else "cpu"
    kind = wanted.split(":")[0]
    if kind == "cuda" and not torch.cuda.is_available():
        raise ModelError("--device cuda: torch sees no CUDA GPU here; use --device cpu")
    if kind == "mps" and not torch.backends.mps.is_available():
        raise ModelError("--device mps: torch sees no Apple GPU here; use --device cpu")
    try:
        torch.empty(0, device=wanted)
    except (RuntimeError, AssertionError) as error:
        raise ModelError(f"--device {wanted}: {str(error).splitlines()[0]}") from None
    return wanted


def _dtype(wanted: str, device: str) -> torch.dtype | str:
    """'auto' is float32 on a CPU, where half precision is slow, and the checkpoint's own on a GPU."""
    import torch

    if wanted == "auto":
        return torch.float32 if device == "cpu" else "auto"
    if wanted not in _DTYPES:
        raise ModelError(f"--dtype {wanted}: choose one of auto, {', '.join(_DTYPES)}")
    return getattr(torch, wanted)  # type: ignore[no-any-return]


def _check_name(source: str) -> None:
    path = Path(source).expanduser()
    looks_local = source.startswith((".", "/", "~")) or source.count("/") > 1
    if looks_local and not path.exists():
        raise ModelError(f"there is no model folder {source!r}; check the path")
    if path.is_file():
        raise ModelError(f"{source!r} is a file; name the folder that holds config.json and the weights")
    if path.is_dir() and not (path / "config.json").is_file():
        raise ModelError(f"the folder {source!r} holds no config.json, so it is not a Hugging Face model folder")
    if path.is_dir() and not any((path / name).is_file() for name in _TOKENIZER_FILES):
        raise ModelError(f"the folder {source!r} holds no tokenizer; copy the model's tokenizer.json into it")


class _explained:
    """Turn what transformers raises while loading into one sentence."""

    def __init__(self, settings: ModelSettings) -> None:
        self.settings = settings

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if error is None or isinstance(error, ModelError) or not isinstance(error, Exception):
            return
        raise ModelError(f"model {self.settings.name!r}: {_sentence(error)}") from error


def _sentence(error: Exception) -> str:
    text, kind = str(error), type(error).__name__
    lowered = text.lower()
    if "trust_remote_code" in lowered:
        return "its code lives on the hub and is not run unless --trust-remote-code is given"
    if "gated" in lowered or kind == "GatedRepoError":
        return "access is gated; ask for it on the hub and log in with 'hf auth login'"
    if "safetensors" in lowered and ("no file named" in lowered or "does not appear to have" in lowered):
        return "it has no safetensors weights; icldiag loads no pickled ones, convert them or choose another revision"
    if "not a valid model identifier" in lowered or "repository not found" in lowered or "404" in text:
        return "neither a local folder nor a model on the hub; check the name"
    if "couldn't connect" in lowered or "connection" in lowered or "offline" in lowered or "resolve host" in lowered:
        return "the hub cannot be reached and the model is not in the local cache; name a local folder"
    if "unrecognized configuration class" in lowered or "for this kind of automodel" in lowered:
        return "it is not a causal (decoder-only) language model, which few-shot prompts need"
    if "SafetensorError" in kind:
        return "its weights are damaged or half downloaded; fetch them again"
    if "tokenizer" in lowered:
        return f"its tokenizer cannot be loaded ({text.splitlines()[0][:160]})"
    if isinstance(error, MemoryError) or "out of memory" in lowered:
        return "not enough memory for the weights; use a smaller model or --dtype bfloat16"
    return f"it cannot be loaded: {kind}: {text.splitlines()[0][:200] if text else 'no reason given'}"
