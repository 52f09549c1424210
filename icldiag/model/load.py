"""Load any Hugging Face causal language model, from a folder, the hub or the package, and check its seam.

Heavy imports stay inside the functions: importing icldiag must not load torch.
"""

from __future__ import annotations

import logging
import math
import os
import socket
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from icldiag.errors import IcldiagError, ModelError

if TYPE_CHECKING:
    import torch

    from icldiag.model.forward import InstrumentedModel

BUNDLED = "bundled"
BUNDLED_PATH = Path(__file__).parent / "bundled"

Stage = Callable[[str], None]

_TOKENIZER_FILES = ("tokenizer.json", "tokenizer.model", "vocab.json", "vocab.txt", "spiece.model", "tekken.json")

# Largest allowed difference of logits, relative to their size, between the instrumented and the plain forward.
_TOLERANCE = {"float64": 1e-9, "float32": 1e-4, "float16": 2e-2, "bfloat16": 1e-1}


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


@dataclass(frozen=True)
class Parity:
    """The instrumented forward against the plain one, on one prompt."""

    difference: float  # of the logits, relative to the largest plain logit
    tolerance: float
    layers_reached: int


def load_model(settings: ModelSettings, stage: Stage = lambda text: None) -> InstrumentedModel:
    """Load tokenizer and weights (safetensors only), install the instrumented attention and check it.

    Raises:
        ModelError: one sentence for whatever is wrong with the name, the folder, the hub, the device or the seam.
    """
    stage("importing torch and transformers")
    transformers = _quiet_transformers()

    from icldiag.model.forward import InstrumentedModel

    device = _device(settings.device)
    source, hub = _source(settings)
    stage("tokenizer")
    with _explained(settings):
        tokenizer = transformers.AutoTokenizer.from_pretrained(source, **hub)
    stage("weights")
    with _explained(settings), _counted(stage):
        model = transformers.AutoModelForCausalLM.from_pretrained(
            source, dtype=_dtype(settings.dtype, device), use_safetensors=True, **hub
        ).to(device)
    instrumented = InstrumentedModel(model, tokenizer, settings.name, settings.revision)
    stage("checking the seam")
    require_parity(instrumented)
    return instrumented


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
    if wanted not in _TOLERANCE:
        raise ModelError(f"--dtype {wanted}: choose one of auto, {', '.join(_TOLERANCE)}")
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
        if error is None or isinstance(error, IcldiagError) or not isinstance(error, Exception):
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


def measure_parity(model: InstrumentedModel) -> Parity:
    """Run one prompt through the instrumented and the plain forward, whole and split into prefix and query."""
    import torch

    from icldiag.model.forward import batch_of
    from icldiag.model.seams import first_difference

    vocabulary = model.model.get_input_embeddings().weight.shape[0]
    length = min(24, model.context_window or 24)
    generator = torch.Generator().manual_seed(0)
    ids = torch.randint(0, vocabulary, (length,), generator=generator).tolist()
    reached: set[int] = set()
    with torch.no_grad():
        with model.plain() as plain:
            wanted = plain(input_ids=torch.tensor([ids], device=model.device), use_cache=False).logits[0, -1].cpu()
        whole = model.run(
            batch_of([ids], 0, model.device), observe=lambda layer, heads, output: reached.add(layer)
        ).logits[0, -1]
        half = length // 2
        prefix = model.encode_prefix(ids[:half])
        # A shorter second row, so that padding is checked as well.
        rows = batch_of([ids[half:], ids[half:-1]], half, model.device)
        split = model.run(rows, context=prefix.key_values).logits[0, -1]
    difference = max(first_difference(wanted, whole.cpu()), first_difference(wanted, split.cpu()))
    return Parity(difference, _TOLERANCE.get(str(model.dtype).removeprefix("torch."), 1e-4), len(reached))


def require_parity(model: InstrumentedModel) -> Parity:
    """Raise ModelError where the instrumented forward is not the plain one: nothing it says could be trusted."""
    parity = measure_parity(model)
    if parity.layers_reached != model.n_layers:
        raise ModelError(
            f"{model.architecture}: the instrumented attention was reached in {parity.layers_reached} of "
            f"{model.n_layers} layers, so icldiag cannot analyse this architecture"
        )
    if math.isnan(parity.difference):
        raise ModelError(
            f"model {model.name!r} computes logits that are not numbers: its weights hold NaN, or they overflow in "
            f"{str(model.dtype).removeprefix('torch.')}; try --dtype float32 or another model"
        )
    if parity.difference > parity.tolerance:
        raise ModelError(
            f"{model.architecture}: the instrumented logits differ from the plain ones by {parity.difference:.1e} "
            f"(allowed {parity.tolerance:.0e}), so icldiag would show wrong numbers for this model and stops"
        )
    return parity
