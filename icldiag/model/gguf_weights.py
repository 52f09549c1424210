"""From a GGUF file to a folder of safetensors: transformers dequantises the weights and converts the tokenizer."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, cached_property
from math import prod
from pathlib import Path
from typing import Any

from icldiag.errors import ModelError
from icldiag.model.gguf_file import Header, read_header
from icldiag.model.load_errors import LoadErrors
from icldiag.model.seams import decoder_layers
from icldiag.model.settings import ModelSettings, Stage
from icldiag.model.tensor_counts import counted
from icldiag.model.weights import check_complete


@dataclass(frozen=True)
class Dequantisation:
    """What makes a GGUF file's entry in `icldiag.model.gguf_cache`.

    Args:
        config, tokenizer: make these of the file; the first also sees that there is memory.
    """

    settings: ModelSettings
    file: Path
    config: Callable[[], Any]
    tokenizer: Callable[[], Any]
    stage: Stage

    @cached_property
    def header(self) -> Header:
        return read_header(self.file)

    @property
    def size(self) -> int:
        """Bytes of the weights in float32, and of what goes with them."""
        return 4 * self.header.parameters + 2**25

    def write(self, folder: Path) -> str:
        """Weights are float32 whatever the model will run in: that is what the file stands for, without rounding.

        Raises:
            ModelError: transformers cannot make a model of the file, or leaves weights out.
            OSError: the folder cannot be written to.
        """
        import torch
        import transformers

        with LoadErrors(self.settings, "GGUF file"), _counted(self.stage):
            self.stage("configuration")
            config = self.config()
            self.stage("tokenizer")
            tokenizer = self.tokenizer()
            self.stage("dequantising")
            model, info = transformers.AutoModelForCausalLM.from_pretrained(
                self.file.parent,
                config=config,
                gguf_file=self.file.name,
                dtype=torch.float32,
                output_loading_info=True,
                ignore_mismatched_sizes=True,  # they are told by name
            )
        check_complete(self.settings.name, info)
        self._check_layers(model)
        # It is an ordinary model now; transformers would not save one that has its quantiser.
        model.hf_quantizer, model.is_quantized = None, False
        model.config.quantization_config = None
        self.stage("keeping the weights")
        try:
            model.save_pretrained(folder)
            tokenizer.save_pretrained(folder)
        except Exception as error:
            if isinstance(error, OSError):
                raise
            raise OSError(None, str(error).splitlines()[0]) from error  # safetensors' own, on a full disk
        return self.header.quantisation

    def _check_layers(self, model: Any) -> None:
        """Raise ModelError where the file's layers hold more weights than the model: transformers passes over them."""
        held = sum(prod(tensor.shape) for tensor in self.header.tensors if tensor.name.startswith("blk."))
        read = sum(weight.numel() for weight in decoder_layers(model).parameters())
        if held > read:
            raise ModelError(
                f"model {self.settings.name!r}: the layers in its GGUF file hold {held:,} weights, and transformers "
                f"reads {read:,} of them; name the model's folder of safetensors, or its name on the hub"
            )


@contextmanager
def _counted(stage: Stage) -> Iterator[None]:
    """Tell how many tensors are dequantised; read the file once, not thrice, and name tensors once, not per module."""
    import gguf
    from transformers import modeling_gguf_pytorch_utils as converter

    originals = {name: getattr(gguf, name) for name in ("GGUFReader", "get_tensor_name_map")}
    for name, original in originals.items():
        setattr(gguf, name, cache(original))
    try:
        with counted(converter, "dequantising", stage):
            yield
    finally:
        for name, original in originals.items():
            setattr(gguf, name, original)
