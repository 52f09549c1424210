"""Where a model runs and in what form: device, map over several, dtype, quantisation, compilation."""

from __future__ import annotations

import importlib.util
from typing import TYPE_CHECKING, Any

from icldiag.errors import ModelError
from icldiag.quoting import brief, did_you_mean, shortened

if TYPE_CHECKING:
    from icldiag.model.forward import InstrumentedModel
    from icldiag.model.settings import ModelSettings

_DTYPES = ("float64", "float32", "float16", "bfloat16")
_MAPS = ("auto", "balanced", "balanced_low_0", "sequential")
_BITS = (8, 4)


def choose_device(settings: ModelSettings) -> str:
    """The device that is meant, after checking it and every other option of place. Raises ModelError."""
    known = ("auto", *_DTYPES)
    if settings.dtype not in known:
        close = did_you_mean(settings.dtype, known)
        raise ModelError(f"--dtype {shortened(settings.dtype)}: {close}choose one of {', '.join(known)}")
    if settings.device_map is not None:
        _check_map(settings)
    device = _device(settings.device)
    if settings.quantize is not None:
        _check_quantisation(settings, device)
    return device


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
        reason = brief(error)[:160]
        if reason.startswith("Expected one of"):  # torch lists all that it was ever built for
            reason = "torch knows no such device"
        raise ModelError(f"--device {shortened(wanted)}: {reason}; choose auto, cpu, cuda, cuda:1 or mps") from None
    return wanted


def _check_map(settings: ModelSettings) -> None:
    if settings.device_map not in _MAPS:
        told = shortened(str(settings.device_map))
        raise ModelError(f"--device-map {told}: {did_you_mean(told, _MAPS)}choose one of {', '.join(_MAPS)}")
    if settings.device != "auto":
        raise ModelError("--device-map chooses the devices itself; leave out --device")
    if importlib.util.find_spec("accelerate") is None:
        raise ModelError("--device-map needs the package accelerate: pip install 'icldiag[gpu]'")


def _check_quantisation(settings: ModelSettings, device: str) -> None:
    if settings.quantize not in _BITS:
        raise ModelError(f"--quantize {settings.quantize}: choose 8 or 4")
    if not device.startswith("cuda"):
        raise ModelError(f"--quantize needs a CUDA GPU, and the model runs on {device}; try --dtype bfloat16")
    for package in ("bitsandbytes", "accelerate"):
        if importlib.util.find_spec(package) is None:
            raise ModelError(f"--quantize needs the package {package}: pip install 'icldiag[gpu]'")


def placement(settings: ModelSettings, device: str) -> dict[str, Any]:
    """The arguments of `from_pretrained` that say where weights go, and in how many bits."""
    arguments: dict[str, Any] = {}
    if settings.quantize is not None:
        from transformers import BitsAndBytesConfig

        arguments["quantization_config"] = BitsAndBytesConfig(
            load_in_8bit=settings.quantize == 8, load_in_4bit=settings.quantize == 4
        )
    if settings.device_map is not None:
        arguments["device_map"] = settings.device_map
    elif device != "cpu" and importlib.util.find_spec("accelerate") is not None:
        arguments["device_map"] = {"": device}  # straight to the device, without a copy on the CPU
    return arguments


def compile_mlps(model: InstrumentedModel) -> None:
    """torch.compile every layer's MLP. Attention stays as it is: icldiag watches and changes it while it runs.

    Raises:
        ModelError: the layers have no MLP of their own.
    """
    found = [
        child
        for layer in model.layers
        for child in layer.children()
        if type(child).__name__.lower().endswith(("mlp", "feedforward"))
    ]
    if not found:
        raise ModelError(f"--compile: {model.architecture} has no MLPs of their own to compile; leave it out")
    for mlp in found:
        mlp.compile(dynamic=True)
