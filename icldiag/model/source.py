"""Where transformers finds the model that is meant: a folder, what was made of a GGUF file, or the hub."""

from __future__ import annotations

import socket
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from icldiag.errors import ModelError
from icldiag.model.folder import Stored, check_folder, stored_weights
from icldiag.model.gguf_cache import Entry, entry_of
from icldiag.model.load_errors import LoadErrors
from icldiag.model.names import hub_name, local_place
from icldiag.model.settings import BUNDLED, BUNDLED_PATH, ModelSettings, Stage


@dataclass(frozen=True)
class Source:
    """Where transformers finds a model."""

    name: str
    hub: dict[str, Any]  # what to tell it about the hub
    folder: Path | None = None  # with the model's files, as far as they are on this machine
    quantisation: str | None = None  # of the GGUF file that they were made of
    gguf: Path | None = None  # the file, where nothing is made of it yet

    @property
    def file(self) -> str:
        """The file with the configuration, in a message."""
        return "config.json" if self.gguf is None else "GGUF file"

    def stored(self) -> dict[str, Stored]:
        """The tensors in the model's files."""
        return {} if self.folder is None else stored_weights(self.folder)


def source_of(settings: ModelSettings) -> Source:
    """Where transformers finds the model, without anything being made."""
    if (file := gguf_of(settings)) is not None:
        entry = entry_of(file, lambda text: None)
        return gguf_source(file) if entry is None else entry_source(entry)
    folder = BUNDLED_PATH if settings.name == BUNDLED else local_place(settings.name)
    if settings.name == BUNDLED and not (BUNDLED_PATH / "model.safetensors").is_file():
        raise ModelError("the bundled model is missing from this installation; reinstall icldiag or name a --model")
    hub: dict[str, Any] = {"revision": settings.revision, "trust_remote_code": settings.trust_remote_code}
    if folder is not None:
        check_folder(folder)
    elif not _hub_answers():
        hub["local_files_only"] = True  # the cache may hold it; asking the hub would retry for minutes
    return Source(str(folder or settings.name), hub, folder or settings.place())


def gguf_source(file: Path) -> Source:
    return Source(str(file.parent), {"gguf_file": file.name}, gguf=file)


def entry_source(entry: Entry) -> Source:
    return Source(str(entry.folder), {}, entry.folder, entry.quantisation)


def gguf_of(settings: ModelSettings, stage: Stage = lambda text: None) -> Path | None:
    """The GGUF file that is meant, brought from the hub where it is there; None for other models."""
    place = None if settings.name == BUNDLED else local_place(settings.name)
    if place is not None:
        return place if place.is_file() else None
    repository, file = hub_name(settings.name)
    if file is None:
        return None
    from huggingface_hub import hf_hub_download

    stage("downloading")
    with LoadErrors(settings):
        offline = not _hub_answers()
        return Path(hf_hub_download(repository, file, revision=settings.revision, local_files_only=offline))


def _hub_answers() -> bool:
    from huggingface_hub import constants

    address = urlsplit(constants.ENDPOINT)
    if constants.HF_HUB_OFFLINE:
        return False
    if urllib.request.getproxies():  # the proxy, not we, will reach it
        return True
    try:
        socket.create_connection((address.hostname or "", address.port or 443), timeout=3).close()
    except OSError:
        return False
    return True
