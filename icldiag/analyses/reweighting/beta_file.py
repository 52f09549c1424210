"""A trained beta in a file: what it was trained for, and a SHA-256 of it all, so that damage is no result."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from icldiag.analyses.reweighting.beta import LARGEST
from icldiag.errors import AnalysisError, WrongBeta
from icldiag.files import write_whole
from icldiag.inputs.files import open_file
from icldiag.prompt.schema import Prompt
from icldiag.quoting import brief, quoted

_FORMAT, _UNCHECKED = "icldiag-beta/2", "icldiag-beta/1"


def save_beta(path: Path, beta: NDArray[np.float32], model_name: str, prompt: Prompt) -> None:
    """Write beta as safetensors, with the model's name, the prompt's hash and a SHA-256 of it all beside it.

    Raises:
        IcldiagError: the file cannot be written.
    """
    from safetensors.numpy import save

    metadata = {"format": _FORMAT, "model": model_name, "prompt": demonstrations_hash(prompt)}
    metadata["sha256"] = _sha256(beta, metadata)
    write_whole(save({"beta": np.ascontiguousarray(beta)}, metadata), path)


def _sha256(beta: NDArray[np.float32], metadata: Mapping[str, str]) -> str:
    """Of the numbers and of what they were trained for."""
    known = [metadata.get(field, "") for field in ("format", "model", "prompt")]
    return hashlib.sha256(repr((known, beta.shape)).encode() + beta.astype("<f4").tobytes()).hexdigest()


def require_beta(path: Path) -> None:
    """Raise AnalysisError where there is no file to be read; what it holds is not looked at."""
    try:
        open_file(path).close()  # a pipe would be waited for
    except FileNotFoundError:
        raise WrongBeta("there is no such file; check the path", path=path) from None
    except (OSError, ValueError) as error:
        raise WrongBeta(f"not a saved beta ({_reason(error)}); train it again", path=path) from None


def _reason(error: Exception) -> str:
    return brief(getattr(error, "strerror", None) or error)


def load_beta(
    path: Path,
    prompt: Prompt,
    shape: tuple[int, int, int],
    model_name: str,
    note: Callable[[str], object] = lambda text: None,
) -> NDArray[np.float32]:
    """Read a saved beta.

    Args:
        note: told where the file is of an earlier version, which cannot be checked against damage.

    Raises:
        AnalysisError: the file is missing, damaged or no beta, or belongs to another model or other demonstrations.
            Models are told apart by shape and by the last part of their name, so that a model's folder may move.
    """
    from safetensors import SafetensorError, safe_open

    require_beta(path)
    try:
        with safe_open(str(path), "numpy") as file:
            metadata, beta = file.metadata() or {}, file.get_tensor("beta")
    except (OSError, ValueError, TypeError, AttributeError, SafetensorError) as error:
        raise WrongBeta(f"not a saved beta ({_reason(error)}); train it again", path=path) from None
    if beta.dtype != np.float32 or not np.isfinite(beta).all():
        raise WrongBeta("this beta holds values that are not numbers in float32; train it again", path=path)
    if metadata.get("format") == _UNCHECKED:
        note(
            f"{path}: this beta is of an earlier version and cannot be checked against damage; train it "
            "again to be sure"
        )
    elif metadata.get("format") != _FORMAT:
        raise WrongBeta("not a saved beta of this version of icldiag; train it again", path=path)
    elif metadata.get("sha256") != _sha256(beta, metadata):
        raise WrongBeta("this beta is damaged (its SHA-256 is another); train it again", path=path)
    if beta.size and beta.max() > LARGEST:
        reason = f"beta is up to {beta.max():g}, at most {LARGEST:g} can be computed with"
        raise WrongBeta(f"{reason}; train it again, with a lower learning rate", path=path)
    if beta.shape != shape:
        raise AnalysisError(f"{path}: beta has shape {beta.shape}, this model and prompt need {shape}")
    trained_on = metadata.get("model", "")
    if Path(trained_on).name != Path(model_name).name:
        raise AnalysisError(
            f"{path}: this beta was trained on model {quoted(trained_on)}, not {quoted(model_name)}; train it again"
        )
    if metadata.get("prompt") != demonstrations_hash(prompt):
        raise AnalysisError(f"{path}: this beta was trained for other demonstrations; train it again")
    return np.asarray(beta)


def demonstrations_hash(prompt: Prompt) -> str:
    """Of all that beta depends on: the prompt's text without queries, examples and what is in force beside it."""
    return replace(prompt, queries=(), examples=(), calibration=None, beta=None).hash
