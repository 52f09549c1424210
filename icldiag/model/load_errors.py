"""What transformers and its friends raise while a model is loaded: one sentence each, with the file and the cure."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

from icldiag.errors import IcldiagError, ModelError
from icldiag.foreign_errors import cure_of_import, is_failure, reason_of
from icldiag.model.names import PACKAGES
from icldiag.model.settings import BUNDLED
from icldiag.quoting import did_you_mean, shortened_path

if TYPE_CHECKING:
    from icldiag.model.settings import ModelSettings


_UNREACHED = ("couldn't connect", "connection", "offline", "resolve host")


class LoadErrors:
    """Turn what is raised in the block into one sentence, and keep warnings off stderr.

    Args:
        what: the files that the block reads, as the sentence names them; None where it is not known.
    """

    def __init__(self, settings: ModelSettings, what: str | None = None) -> None:
        self.settings, self.what = settings, what
        self._warnings = warnings.catch_warnings()

    def __enter__(self) -> None:
        self._warnings.__enter__()
        warnings.simplefilter("ignore")

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        self._warnings.__exit__(kind, error, None)
        if error is None or isinstance(error, IcldiagError) or not is_failure(error):
            return
        raise ModelError(
            f"model {shortened_path(self.settings.name)!r}: {_sentence(error, self.settings.name, self.what)}"
        ) from error


def _sentence(error: BaseException, name: str, what: str | None) -> str:
    from icldiag.model.memory import is_out_of_memory

    text, kind = str(error), type(error).__name__
    close = did_you_mean(name, (BUNDLED, *PACKAGES)).rstrip()
    lowered = text.lower()
    if is_out_of_memory(error):
        return "not enough memory for the weights; use a smaller model or --dtype bfloat16"
    if isinstance(error, ImportError):
        return cure_of_import(error) or f"it needs a package that is not installed: {reason_of(error).rstrip('.')}"
    if "trust_remote_code" in lowered:
        return "its code lives on the hub and is not run unless --trust-remote-code is given"
    if "gated" in lowered or kind == "GatedRepoError":
        return "access is gated; ask for it on the hub and log in with 'hf auth login'"
    if "safetensors" in lowered and ("no file named" in lowered or "does not appear to have" in lowered):
        return "it has no safetensors weights; icldiag loads no pickled ones, convert them or choose another revision"
    if kind in ("EntryNotFoundError", "RemoteEntryNotFoundError"):
        return "the hub's repository holds no such file; check its name"
    if "repo id must" in lowered:
        return f"neither a local folder nor a name that a model of the hub could have; {close or 'check it'}"
    if "not a valid model identifier" in lowered or "repository not found" in lowered or "404" in text:
        return f"neither a local folder nor a model on the hub; {close or 'check the name'}"
    if "revision" in lowered and "not a valid" in lowered:
        return "there is no such --revision; name a branch, tag or commit that the hub shows"
    if kind == "LocalEntryNotFoundError" or any(words in lowered for words in _UNREACHED):
        cure = close or "name a local folder or file"
        return f"the hub cannot be reached and the model is not in the local cache; {cure}"
    if "unrecognized configuration class" in lowered or "for this kind of automodel" in lowered:
        return "it is not a causal (decoder-only) language model, which few-shot prompts need"
    if "does not recognize this architecture" in lowered or "unrecognized model" in lowered:
        return "this version of transformers does not know its architecture; pip install --upgrade transformers"
    if "above report" in lowered:
        return "its weights are not those of the architecture in config.json; fetch both again"
    if what is None:
        return f"it cannot be loaded: {kind}: {reason_of(error)}"
    return f"its {what} cannot be used ({reason_of(error)}); fetch the model again"
