"""What can be wrong with a model's name, its folder, its files or the hub: one sentence each, with the cure."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from icldiag.errors import IcldiagError, ModelError

if TYPE_CHECKING:
    from icldiag.model.load import ModelSettings

_TOKENIZER_FILES = ("tokenizer.json", "tokenizer.model", "vocab.json", "vocab.txt", "spiece.model", "tekken.json")
_INDEX = "model.safetensors.index.json"


def check_name(source: str) -> None:
    """Raise ModelError for a path that is no model folder; a name of the hub passes."""
    path = Path(source).expanduser()
    looks_local = source.startswith((".", "/", "~")) or source.count("/") > 1
    if looks_local and not path.exists():
        raise ModelError(f"there is no model folder {source!r}; check the path")
    if path.is_file():
        raise ModelError(f"{source!r} is a file; name the folder that holds config.json and the weights")
    if not path.is_dir():
        return
    if (path / "adapter_config.json").is_file() and not (path / "config.json").is_file():
        raise ModelError(f"the folder {source!r} holds an adapter only; merge it into its base model and save that")
    if not (path / "config.json").is_file():
        raise ModelError(f"the folder {source!r} holds no config.json, so it is not a Hugging Face model folder")
    if not any((path / name).is_file() for name in _TOKENIZER_FILES):
        raise ModelError(f"the folder {source!r} holds no tokenizer; copy the model's tokenizer.json into it")


def check_weights(folder: Path) -> None:
    """Raise ModelError where safetensors of a folder are missing, cut short or damaged, before anything is loaded."""
    index = folder / _INDEX
    if index.is_file():
        try:
            names = sorted(set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values()))
        except (OSError, ValueError, KeyError, AttributeError):
            raise ModelError(f"{index} is damaged; fetch the model again") from None
        missing = [name for name in names if not (folder / name).is_file()]
        if missing:
            others = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
            raise ModelError(
                f"the folder {str(folder)!r} lacks {missing[0]}{others} of {len(names)} weight files: it is half "
                "downloaded; fetch the model again"
            )
        files = [folder / name for name in names]
    else:
        files = sorted(folder.glob("*.safetensors"))
    for file in files:
        _check_safetensors(file)


def _check_safetensors(file: Path) -> None:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(str(file), "numpy") as opened:
            opened.keys()
    except (SafetensorError, OSError) as error:
        reason = str(error).splitlines()[0]
        raise ModelError(f"{file}: damaged or half downloaded weights ({reason}); fetch the file again") from None


def check_complete(name: str, info: dict[str, Any]) -> None:
    """Raise ModelError where weights that the model needs are not in its files: transformers would draw them at random.

    Args:
        info: what `from_pretrained(output_loading_info=True)` tells.
    """
    missing, mismatched = sorted(info.get("missing_keys", ())), info.get("mismatched_keys", ())
    if missing:
        others = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
        raise ModelError(
            f"model {name!r}: its files lack the weights {missing[0]}{others}, which would be random numbers; "
            "it was saved without a language-model head, or for another architecture than config.json says"
        )
    if mismatched:
        raise ModelError(f"model {name!r}: the sizes in config.json are not those of the weights; fetch both again")


def require_numbers(name: str, model: Any) -> None:
    """Raise ModelError where a weight is NaN or infinite."""
    import torch

    for weight_name, weight in model.named_parameters():
        if not weight.is_floating_point() or weight.device.type == "meta" or not weight.numel():
            continue
        if not torch.isfinite(torch.stack(weight.detach().aminmax())).all():
            dtype = str(weight.dtype).removeprefix("torch.")
            raise ModelError(
                f"model {name!r}: the weights {weight_name} hold values that are not numbers in {dtype}; try "
                "--dtype float32, or fetch the model again"
            )


class explained:
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
    from icldiag.model.memory import is_out_of_memory

    text, kind = str(error), type(error).__name__
    lowered = text.lower()
    if is_out_of_memory(error):
        return "not enough memory for the weights; use a smaller model or --dtype bfloat16"
    if "trust_remote_code" in lowered:
        return "its code lives on the hub and is not run unless --trust-remote-code is given"
    if "gated" in lowered or kind == "GatedRepoError":
        return "access is gated; ask for it on the hub and log in with 'hf auth login'"
    if "safetensors" in lowered and ("no file named" in lowered or "does not appear to have" in lowered):
        return "it has no safetensors weights; icldiag loads no pickled ones, convert them or choose another revision"
    if "not a valid model identifier" in lowered or "repository not found" in lowered or "404" in text:
        return "neither a local folder nor a model on the hub; check the name"
    if "revision" in lowered and "not a valid" in lowered:
        return "there is no such --revision; name a branch, tag or commit that the hub shows"
    if "couldn't connect" in lowered or "connection" in lowered or "offline" in lowered or "resolve host" in lowered:
        return "the hub cannot be reached and the model is not in the local cache; name a local folder"
    if "unrecognized configuration class" in lowered or "for this kind of automodel" in lowered:
        return "it is not a causal (decoder-only) language model, which few-shot prompts need"
    if "not a valid json file" in lowered:
        return "its config.json is not valid JSON; fetch the model again"
    if "does not recognize this architecture" in lowered or "unrecognized model" in lowered:
        return "this version of transformers does not know its architecture; pip install --upgrade transformers"
    if "SafetensorError" in kind:
        return "its weights are damaged or half downloaded; fetch them again"
    if "tokenizer" in lowered:
        return f"its tokenizer cannot be loaded ({text.splitlines()[0][:160]})"
    return f"it cannot be loaded: {kind}: {text.splitlines()[0][:200] if text else 'no reason given'}"
