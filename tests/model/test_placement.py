"""Where a model runs and in what form: options that cannot be followed, maps, compilation."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from icldiag.errors import ModelError
from icldiag.model.load import load_model
from icldiag.model.placement import choose_device
from icldiag.model.settings import ModelSettings
from tests.conftest import Tiny


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"device": "cuda"}, "--device cuda: torch sees no CUDA GPU here; use --device cpu"),
        ({"device": "gpu"}, "--device gpu: .*choose auto, cpu, cuda, cuda:1 or mps"),
        ({"dtype": "int3"}, "--dtype int3: choose one of auto, float64"),
        ({"device_map": "everywhere"}, "--device-map everywhere: choose one of auto"),
        ({"device_map": "auto", "device": "cpu"}, "chooses the devices itself; leave out --device"),
        ({"quantize": 3}, "--quantize 3: choose 8 or 4"),
        ({"quantize": 8}, "--quantize needs a CUDA GPU, and the model runs on cpu; try --dtype bfloat16"),
    ],
)
@pytest.mark.skipif(torch.cuda.is_available(), reason="these are the sentences of a machine without a GPU")
def test_options_of_place_that_cannot_be_followed(model_folder: Path, options: dict[str, str], words: str) -> None:
    with pytest.raises(ModelError, match=words):
        load_model(ModelSettings(name=str(model_folder), **options))  # type: ignore[arg-type]


def test_a_map_over_devices(model_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("accelerate")
    model = load_model(ModelSettings(name=str(model_folder), device_map="auto"))
    assert model.device.type in ("cpu", "cuda")
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ModelError, match=r"needs the package accelerate: pip install 'icldiag\[gpu\]'"):
        load_model(ModelSettings(name=str(model_folder), device_map="auto"))


def test_compiling_touches_the_mlps_alone(model_folder: Path, tiny: Tiny, monkeypatch: pytest.MonkeyPatch) -> None:
    """The compiler itself takes a minute: here it is one that does nothing, and one that fails."""
    from icldiag.model.placement import compile_mlps

    compiled: list[str] = []

    def note(module: torch.nn.Module, **options: object) -> None:
        compiled.append(type(module).__name__)

    monkeypatch.setattr(torch.nn.Module, "compile", note)
    for architecture, name in {"gpt2": "GPT2MLP", "llama": "LlamaMLP", "gptj": "GPTJMLP", "bloom": "BloomMLP"}.items():
        compile_mlps(tiny(architecture))
        assert compiled[-4:] == [name] * 4

    def fail(module: torch.nn.Module, **options: object) -> None:
        def broken(*anything: object) -> None:
            raise RuntimeError("no C++ compiler\nat all")

        module.forward = broken

    monkeypatch.setattr(torch.nn.Module, "compile", fail)
    with pytest.raises(ModelError, match=r"--compile failed \(RuntimeError: no C\+\+ compiler\); leave it out"):
        load_model(ModelSettings(name=str(model_folder), device="cpu", compile=True))


@pytest.mark.parametrize("package", ["bitsandbytes", "accelerate"])
def test_fewer_bits_without_their_packages(package: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None if name == package else name)
    with pytest.raises(ModelError, match=f"--quantize needs the package {package}: pip install 'icldiag"):
        choose_device(ModelSettings(quantize=4))
