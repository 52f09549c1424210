"""What is needed to repeat a report: the command, versions, and a hash of the weights that ran."""

from __future__ import annotations

import hashlib
import importlib.metadata
import os
import platform
import shlex
from collections.abc import Sequence
from dataclasses import fields
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from icldiag.errors import PromptError
from icldiag.prompt.read import read_prompt
from icldiag.report.settings import ReportSettings, heads_text
from icldiag.shipped import shown_name

if TYPE_CHECKING:
    import torch

    from icldiag.model.forward import InstrumentedModel
    from icldiag.model.readout import Progress
    from icldiag.prompt.schema import Prompt
    from icldiag.session import Session

UNSAVED = "PROMPT.yaml"  # names a prompt with changes that are in no file
PACKAGES = ("torch", "transformers", "tokenizers", "safetensors", "numpy", "scipy")

_hashes: WeakKeyDictionary[InstrumentedModel, str | None] = WeakKeyDictionary()


def environment() -> dict[str, Any]:
    """Versions and place. Equal ones give equal numbers, to the last bit only on the same kind of processor."""
    return {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "processor": platform.machine(),
        "packages": {name: importlib.metadata.version(name) for name in PACKAGES},
    }


def weights_hash(model: InstrumentedModel, progress: Progress) -> str | None:
    """SHA-256 over name, dtype, shape and bytes of every tensor that ran, in the order of their names.

    None where a part of the weights is not in memory. Computed once for a loaded model.
    """
    if model not in _hashes:
        _hashes[model] = _hash(model.model.state_dict(), progress)
    return _hashes[model]


def _hash(weights: dict[str, torch.Tensor], progress: Progress) -> str | None:
    import torch

    found = hashlib.sha256()
    for done, (name, tensor) in enumerate(sorted(weights.items())):
        progress("hash of the weights", done, len(weights))
        if tensor.is_meta:
            return None
        found.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        found.update(tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().data)
    progress("hash of the weights", len(weights), len(weights))
    return found.hexdigest()


def commit(model: InstrumentedModel) -> str | None:
    """The commit of the hub's repository that the model came from, where it came from there."""
    found = getattr(model.model.config, "_commit_hash", None)
    return found if isinstance(found, str) else None


# ---- the command ----------------------------------------------------------------------------------------------------

# Where the option is not the setting's own name.
_OPTIONS = {"random_words_seed": "words-seed", "heads": "head-sum", "against": "auc-against"}
_OWN_WAY = ("isolate", "training", "token_layers", "renormalise")
_TRAINING_OPTIONS = {"seed": "examples-seed"}


def in_its_file(prompt: Prompt) -> bool:
    """Whether its file holds this prompt, without changes made since; true of one that was made in memory."""
    if prompt.path is None:
        return True
    try:
        return read_prompt(prompt.path).hash == prompt.hash
    except PromptError:
        return False


def command_of(
    session: Session, only: Sequence[str] | None, settings: ReportSettings, *, saved: bool = True
) -> str | None:
    """The command that computes the same report; None for a prompt made in memory, which no command can name.

    A beta in force is named `--beta BETA`: only whoever saved it knows the file. So is a prompt that is not `saved`.
    """
    if session.prompt.path is None:
        return None
    words = ["icldiag", "report", shown_name(session.prompt.path) if saved else UNSAVED]
    model, loaded = session.settings, session.model
    words += ["--model", loaded.name or model.name, *_place(session)]
    words += ["--dtype", str(loaded.dtype).removeprefix("torch.")]
    words += ["--revision", loaded.revision] if loaded.revision else []
    words += ["--trust-remote-code"] if model.trust_remote_code else []
    words += ["--quantize", str(model.quantize)] if model.quantize else []
    words += ["--compile"] if model.compile else []
    words += ["--only", ",".join(only)] if only else []
    words += ["--beta", "BETA"] if session.beta is not None else []
    for layers in settings.isolate:
        words += ["--isolate", ",".join(map(str, layers))]
    words += ["--token-view", ",".join(map(str, settings.token_layers))] if settings.token_layers else []
    words += [] if settings.renormalise else ["--isolated-rows", "zeroed"]
    plain = [name for name in _names(settings) if name not in _OWN_WAY]
    words += _changed(settings, ReportSettings(), plain, _OPTIONS)
    trained = [name for name in _names(settings.training) if name != "heads"]
    words += _changed(settings.training, ReportSettings().training, trained, _TRAINING_OPTIONS)
    words += ["--weighted-heads", heads_text(settings.training.heads)] if settings.training.heads else []
    return shlex.join(words)


def _place(session: Session) -> list[str]:
    if session.settings.device_map is not None:
        return ["--device-map", session.settings.device_map]
    return ["--device", str(session.model.device)]


def given_command(arguments: Sequence[str]) -> str:
    """The command as it was typed."""
    return shlex.join(["icldiag", *(os.fspath(argument) for argument in arguments)])


def _names(settings: Any) -> list[str]:
    return [field.name for field in fields(settings)]


def _changed(settings: Any, defaults: Any, names: Sequence[str], options: dict[str, str]) -> list[str]:
    words = []
    for name in names:
        if getattr(settings, name) != getattr(defaults, name):
            words += [f"--{options.get(name, name.replace('_', '-'))}", str(getattr(settings, name))]
    return words
