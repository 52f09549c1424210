"""The sample prompts that ship: beside the package in a checkout, inside it in a wheel."""

from __future__ import annotations

from pathlib import Path

from icldiag.errors import PromptError
from icldiag.quoting import quoted

DEFAULT_SAMPLE = "banking"  # fails because two label anchors are confusable


def samples_folder() -> Path:
    inside = Path(__file__).parent / "sample_prompts"
    return inside if inside.is_dir() else Path(__file__).parent.parent / "sample_prompts"


def sample_names() -> list[str]:
    return sorted(path.stem for path in samples_folder().glob("*.yaml"))


def sample_path(name: str) -> Path:
    """The path of a sample by its name. Raises PromptError for an unknown one."""
    path = samples_folder() / f"{name}.yaml"
    if not path.is_file():
        raise PromptError(f"there is no sample {quoted(name)}; choose from {', '.join(sample_names())}")
    return path


def is_sample(path: Path) -> bool:
    """Whether a file is one of those that ship, which nobody should edit in place."""
    return path.resolve().is_relative_to(samples_folder().resolve())
