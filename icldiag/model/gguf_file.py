"""A GGUF file, as far as its header tells: what it holds, whether all of it is there, and whether it can be run.

The header is read here, not by the package `gguf`, which takes seconds for it and trusts every count in it. Format:
https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
"""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import IO, Any, NamedTuple

from icldiag.errors import ModelError
from icldiag.inputs.files import is_file
from icldiag.quoting import quoted, shortened_path

MAGIC = b"GGUF"

#: `general.architecture` of the files that transformers makes weights of, and whose models icldiag instruments.
ARCHITECTURES = (
    "bloom", "falcon", "gemma2", "gemma3", "gpt2", "llama", "nemotron", "phi3", "qwen2", "qwen3", "qwen3moe",
    "stablelm", "starcoder2",
)  # fmt: skip

_VERSIONS = (2, 3)
_MOST_DIMENSIONS = 4
_NUMBERS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
_STRING, _ARRAY = 8, 9


class Tensor(NamedTuple):
    """A tensor in the file; `kind` is ggml's number of how its values are written."""

    name: str
    shape: tuple[int, ...]
    kind: int
    offset: int  # bytes, from where the tensors begin


@dataclass(frozen=True)
class Header:
    """What a GGUF file says of itself. `fields` are its single values, without its lists."""

    architecture: str
    fields: dict[str, Any]
    tensors: tuple[Tensor, ...]
    begin: int  # bytes before the tensors

    def size(self, field: str) -> Any:
        """A field of the architecture, such as `block_count`; None where there is none."""
        return self.fields.get(f"{self.architecture}.{field}")

    @property
    def parameters(self) -> int:
        return sum(prod(tensor.shape) for tensor in self.tensors)

    @property
    def quantisation(self) -> str:
        """As llama.cpp calls the file (Q4_K_M), or the type of most of its weights where it has no name for itself."""
        from gguf import GGMLQuantizationType, LlamaFileType

        try:
            name = LlamaFileType(self.fields["general.file_type"]).name
        except (KeyError, ValueError):
            name = "GUESSED"
        if name != "GUESSED":
            return name.removeprefix("MOSTLY_").removeprefix("ALL_")
        weights: Counter[int] = Counter()
        for tensor in self.tensors:
            weights[tensor.kind] += prod(tensor.shape)
        return GGMLQuantizationType(weights.most_common(1)[0][0]).name


def is_gguf(path: Path) -> bool:
    """Whether it is a regular file that says that it is one, by its name or its first bytes."""
    if not is_file(path):
        return False
    with suppress(OSError), path.open("rb") as file:
        return path.suffix.lower() == ".gguf" or file.read(4) == MAGIC
    return path.suffix.lower() == ".gguf"


def read_header(path: Path) -> Header:
    """The header of a whole GGUF file of a model that icldiag runs.

    Raises:
        ModelError: it cannot be read, is damaged or cut short, or holds what transformers or icldiag does not run.
    """
    shown = shortened_path(path)
    try:
        with path.open("rb") as file:
            header = _Scan(file, path.stat().st_size).header()
    except OSError as error:
        raise ModelError(f"{shown} cannot be read ({error.strerror}); check its permissions") from None
    except _Damage as damage:
        raise ModelError(f"{shown} is no whole GGUF file ({damage}); fetch it again") from None
    _check_whole(shown, header, path.stat().st_size)
    return header


def _check_whole(shown: str, header: Header, size: int) -> None:
    """Raise ModelError where the model cannot be run, or where tensors are of unknown types or end beyond the file."""
    from gguf.constants import GGML_QUANT_SIZES, GGMLQuantizationType

    if header.fields.get("split.count", 1) not in (0, 1):
        raise ModelError(
            f"{shown} is one of {header.fields['split.count']} parts of a model; "
            "join them first with: llama-gguf-split --merge"
        )
    if header.architecture not in ARCHITECTURES:
        raise ModelError(
            f"{shown} holds a model of the architecture {quoted(header.architecture)}, and GGUF files are read of "
            f"{', '.join(ARCHITECTURES)}; name the model's folder of safetensors, or its name on the hub"
        )
    layers = header.size("block_count")
    if not isinstance(layers, int) or not 0 < layers <= len(header.tensors):
        raise ModelError(f"{shown} says {layers} layers and holds {len(header.tensors)} tensors; fetch it again")
    for tensor in header.tensors:
        try:
            block, width = GGML_QUANT_SIZES[GGMLQuantizationType(tensor.kind)]
        except (KeyError, ValueError):
            raise ModelError(
                f"{shown}: the weights {quoted(tensor.name)} are of type {tensor.kind}, which this version of gguf "
                "does not know; pip install --upgrade gguf, or fetch another quantisation"
            ) from None
        end = header.begin + tensor.offset + prod(tensor.shape) // block * width
        if end > size:
            raise ModelError(
                f"{shown} is cut short: {quoted(tensor.name)} would end at byte {end}, and the file at {size}; "
                "fetch it again"
            )


class _Damage(Exception):
    """What cannot be, in a few words."""


@dataclass
class _Scan:
    """Reads on from the file's first byte; every length is compared with what is left before it is taken."""

    file: IO[bytes]
    size: int

    def header(self) -> Header:
        if self.file.read(4) != MAGIC:
            raise _Damage(f"it does not begin with the letters {MAGIC.decode()}")
        (version,) = self.take("I")
        if version not in _VERSIONS:
            raise _Damage(f"its version is {version}, and 2 and 3 are known")
        tensors, fields = self.take("QQ")
        self.require(tensors * 24 + fields * 13)  # the least that each takes
        found = dict(self.fields(fields))
        architecture = found.get("general.architecture")
        if not isinstance(architecture, str):
            raise _Damage("it names no general.architecture")
        table = tuple(self.tensor() for _ in range(tensors))
        if len({tensor.name for tensor in table}) < tensors or not tensors:
            raise _Damage("two of its tensors have one name" if tensors else "it holds no tensors")
        align = found.get("general.alignment", 32)
        if not isinstance(align, int) or not 0 < align <= 2**20:
            raise _Damage(f"its alignment is {quoted(align)}")
        return Header(architecture, found, table, -(-self.file.tell() // align) * align)

    def fields(self, count: int) -> Iterator[tuple[str, Any]]:
        for _ in range(count):
            name = self.string()
            (kind,) = self.take("I")
            if kind != _ARRAY:
                yield name, self.value(kind)
                continue
            kind, length = self.take("IQ")
            if kind in _NUMBERS:
                self.skip(length * struct.calcsize(f"<{_NUMBERS[kind]}"))
            elif kind == _STRING:
                self.require(8 * length)
                for _ in range(length):
                    self.skip(self.take("Q")[0])
            else:
                raise _Damage(f"{quoted(name)} is a list of an unknown type, {kind}")

    def value(self, kind: int) -> Any:
        if kind == _STRING:
            return self.string()
        if kind not in _NUMBERS:
            raise _Damage(f"a field is of an unknown type, {kind}")
        return self.take(_NUMBERS[kind])[0]

    def tensor(self) -> Tensor:
        name = self.string()
        (dimensions,) = self.take("I")
        if not 0 < dimensions <= _MOST_DIMENSIONS:
            raise _Damage(f"{quoted(name)} has {dimensions} dimensions")
        shape = self.take(f"{dimensions}Q")
        kind, offset = self.take("IQ")
        return Tensor(name, shape[::-1], kind, offset)

    def string(self) -> str:
        (length,) = self.take("Q")
        self.require(length)
        try:
            return self.file.read(length).decode()
        except UnicodeDecodeError:
            raise _Damage("a name in it is no UTF-8") from None

    def take(self, layout: str) -> tuple[Any, ...]:
        width = struct.calcsize(f"<{layout}")
        self.require(width)
        return struct.unpack(f"<{layout}", self.file.read(width))

    def skip(self, length: int) -> None:
        self.require(length)
        self.file.seek(length, 1)

    def require(self, length: int) -> None:
        if length > self.size - self.file.tell():
            raise _Damage("it is cut short, or a length in it is wrong")
