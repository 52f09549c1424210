"""The folder that a --model names: whether its files are there, whole and of their kind, before anything is loaded."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any, NamedTuple

from icldiag.errors import ModelError
from icldiag.quoting import brief, quoted, quoted_path

_TOKENIZER_FILES = ("tokenizer.json", "tokenizer.model", "vocab.json", "vocab.txt", "spiece.model", "tekken.json")
_OBJECTS = ("config.json", "generation_config.json", "tokenizer_config.json", "tokenizer.json")
_READ = (".json", ".jinja", ".txt", ".model", ".safetensors", ".py")  # what transformers may open
_WEIGHTS, _INDEX = "model.safetensors", "model.safetensors.index.json"
_TOKEN_FIELDS = {"content", "single_word", "lstrip", "rstrip", "normalized", "special", "id", "__type"}
_LARGEST = 2**29  # bytes of a file that is no weights; the largest tokenizers have 40 MB


class Stored(NamedTuple):
    """A tensor in a safetensors file."""

    dtype: str  # as safetensors names it: F32, BF16, I8
    shape: tuple[int, ...]
    size: int  # bytes


def check_folder(folder: Path) -> None:
    """Raise ModelError for a folder that holds no model, or files that cannot be read or are not whole."""
    shown = repr(str(folder))
    try:
        found = sorted((*folder.iterdir(), *folder.glob("additional_chat_templates/*")))
        for path in found:
            if path.suffix in _READ and path.exists():
                _check_file(path)
    except OSError as error:
        raise ModelError(f"the folder {shown} cannot be read ({error.strerror}); check its permissions") from None
    if (folder / "adapter_config.json").is_file() and not (folder / "config.json").is_file():
        raise ModelError(f"the folder {shown} holds an adapter only; merge it into its base model and save that")
    if not (folder / "config.json").is_file():
        raise ModelError(f"the folder {shown} holds no config.json, so it is not a Hugging Face model folder")
    read_object(folder / "config.json")
    if not any((folder / name).is_file() for name in _TOKENIZER_FILES):
        raise ModelError(f"the folder {shown} holds no tokenizer; copy the model's tokenizer.json into it")
    for name in _OBJECTS:
        if (folder / name).is_file():
            tree = read_object(folder / name)
            if name == "tokenizer.json":
                _check_tokens(folder / name, tree.get("added_tokens"))
                _check_merges(folder / name, tree.get("model"))
            else:
                _check_tokens(folder / name, tree)
    stored_weights(folder)


def _check_file(path: Path) -> None:
    if not path.is_file():
        raise ModelError(f"{path} is no regular file; put the model's own in its place")
    size = path.stat().st_size
    if size > _LARGEST and path.suffix != ".safetensors":
        raise ModelError(f"{path} has {size / 2**30:.1f} GiB, which no model's has; fetch the model again")


def read_object(path: Path) -> dict[str, Any]:
    """The JSON object in a file of a model. Raises ModelError."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ModelError(f"{path} cannot be read ({error.strerror}); check its permissions") from None
    except RecursionError:
        raise ModelError(f"{path} is damaged (nested too deeply); fetch the model again") from None
    except ValueError as error:
        raise ModelError(f"{path} is not valid JSON ({brief(error)}); fetch the model again") from None
    if not isinstance(found, dict):
        raise ModelError(f"{path} is damaged (it holds no JSON object); fetch the model again")
    return found


def _check_tokens(path: Path, tree: Any) -> None:
    """Raise ModelError for an added token with a field of no meaning, of which tokenizers would print a line."""
    if isinstance(tree, dict) and len(tree.keys() & _TOKEN_FIELDS) > 1:
        unknown = sorted(tree.keys() - _TOKEN_FIELDS)
        if unknown:
            raise ModelError(f"{path}: an added token has the unknown field {quoted(unknown[0])}; fetch the file again")
    elif isinstance(tree, dict | list):
        for value in tree.values() if isinstance(tree, dict) else tree:
            _check_tokens(path, value)


def _check_merges(path: Path, model: Any) -> None:
    """Raise ModelError where a merge lacks the prefix that all have, at which tokenizers would panic."""
    if not isinstance(model, dict) or not isinstance(model.get("merges"), list):
        return
    prefix: Any = model.get("continuing_subword_prefix")
    for merge in model["merges"] if isinstance(prefix, str) and prefix else ():
        pair = merge.split(" ") if isinstance(merge, str) else merge
        if not (isinstance(pair, list) and pair and str(pair[-1]).startswith(prefix)):
            raise ModelError(f"{path}: merges do not begin with continuing_subword_prefix; fetch the model again")


def stored_weights(folder: Path) -> dict[str, Stored]:
    """Every tensor in a folder's safetensors, by the files' headers alone; none where it has no safetensors.

    Raises:
        ModelError: weights are missing, cut short or damaged, or the index names what lies elsewhere.
    """
    if (folder / _WEIGHTS).is_file():
        files = [folder / _WEIGHTS]
    elif (folder / _INDEX).is_file():
        files = _indexed(folder)
    else:
        files = sorted(folder.glob("*.safetensors"))
    return {name: tensor for file in files for name, tensor in _header(file).items()}


def _indexed(folder: Path) -> list[Path]:
    index = folder / _INDEX
    try:
        parts = read_object(index)["weight_map"]
        assert isinstance(parts, dict) and parts
    except (ModelError, KeyError, AssertionError):
        raise ModelError(f"{index} is damaged (no 'weight_map' of tensors to files); fetch the model again") from None
    for tensor, name in parts.items():
        if not _is_file_name(name):
            raise ModelError(
                f"{index}: {quoted(tensor)} lies in {quoted(str(name))}, which is no file of this folder; "
                "fetch the model again"
            )
    names = sorted(set(parts.values()))
    missing = [name for name in names if not (folder / name).is_file()]
    if missing:
        others = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
        raise ModelError(
            f"the folder {quoted_path(folder)} lacks {missing[0]}{others} of {len(names)} weight files: it is half "
            "downloaded; fetch the model again"
        )
    return [folder / name for name in names]


def _is_file_name(name: object) -> bool:
    """Whether it names something inside a folder, as a file system would have it."""
    if not isinstance(name, str) or Path(name).name != name or name in ("", "..") or "\0" in name:
        return False
    return name.isprintable() and len(name.encode()) < 256  # nor a lone surrogate, which cannot be written


def _header(file: Path) -> dict[str, Stored]:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(str(file), "numpy"):  # checks the header against itself and the file's length
            pass
        with file.open("rb") as opened:
            (length,) = struct.unpack("<Q", opened.read(8))
            header = json.loads(opened.read(length))
    except (SafetensorError, OSError, ValueError, RecursionError, struct.error) as error:
        raise ModelError(f"{file}: damaged or half downloaded weights ({brief(error)}); fetch the file again") from None
    header.pop("__metadata__", None)
    return {
        name: Stored(tensor["dtype"], tuple(tensor["shape"]), tensor["data_offsets"][1] - tensor["data_offsets"][0])
        for name, tensor in header.items()
    }
