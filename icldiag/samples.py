"""The sample prompts that ship. Each has a name, which is taken for a prompt file where there is no such file."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from icldiag.errors import IcldiagError, PromptError, UsageError
from icldiag.files import check_destination, is_stdout
from icldiag.foreign_errors import reason_of
from icldiag.quoting import did_you_mean, quoted, quoted_path
from icldiag.shipped import shipped

DEFAULT_SAMPLE = "banking"  # fails because two label anchors are confusable


def samples_folder() -> Path:
    return shipped("sample_prompts")


def sample_names() -> list[str]:
    return sorted(path.stem for path in samples_folder().glob("*.yaml"))


def _choice(name: str, first: str = "") -> str:
    return f"{did_you_mean(name, sample_names())}{first}choose from {', '.join(sample_names())}"


def sample_path(name: str) -> Path:
    """The path of a sample by its name. Raises PromptError for an unknown one."""
    path = samples_folder() / f"{name}.yaml"
    if not path.is_file():
        raise PromptError(f"there is no sample {quoted(name)}; {_choice(name)}")
    return path


def file_or_sample(path: Path) -> Path:
    """The file, or where there is none, the sample of that name. Raises PromptError for a bare name of neither."""
    bare = path.name == str(path) != "-" and not path.suffix  # - is stdin
    if not bare or os.path.lexists(path):
        return path
    if path.name not in sample_names():
        raise PromptError(f"there is no such file or sample; {_choice(path.name, 'check the path, or ')}", path=path)
    return sample_path(path.name)


def about(name: str) -> str:
    """What a sample is, in the first sentence of its file."""
    first = sample_path(name).read_text(encoding="utf-8").partition("\n")[0]
    return first.removeprefix("#").strip()


def copy_samples(folder: Path) -> None:
    """Write all that ships with the samples into a new folder. Raises IcldiagError where that is none."""
    if is_stdout(folder):
        raise UsageError("the samples are several files; name a new folder with -o")
    check_destination(folder, folder=True)
    try:
        if folder.is_dir() and any(folder.iterdir()):
            raise IcldiagError(f"cannot write {quoted_path(folder)}: something is there; choose a new folder")
        shutil.copytree(samples_folder(), folder, copy_function=shutil.copyfile, dirs_exist_ok=True)
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        reason = getattr(error, "strerror", None) or reason_of(error)
        raise IcldiagError(f"cannot write {quoted_path(folder)}: {reason}; choose another place") from None


def is_sample(path: Path) -> bool:
    """Whether a file is one of those that ship, which nobody should edit in place."""
    return path.resolve().is_relative_to(samples_folder().resolve())
