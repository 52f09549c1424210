"""Results on disk, found again by what they were computed from: a prompt that is opened again shows them at once.

A file that is damaged, foreign or cannot be written never disturbs an analysis: it is computed anew. Files are written
whole and renamed, so that instances that share the folder do not harm each other. Each begins with the SHA-256 of its
name and content, and nothing is made of one that does not match. That is against damage; against malice, what a file
can ask for is restricted as well (`_Reader`), and the folder is its owner's alone.
"""

from __future__ import annotations

import hashlib
import io
import os
import pickle
import platform
import re
from collections.abc import Hashable
from contextlib import suppress
from dataclasses import replace
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from icldiag.files import replace_whole
from icldiag.model.settings import BUNDLED
from icldiag.own_files import read_own, sweep_up, writing
from icldiag.version import __version__

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from icldiag.model.settings import ModelSettings
    from icldiag.prompt.schema import Prompt

LIMIT = 500 * 2**20  # bytes; the files that were not used for longest go first
_NAMES = r"[0-9a-f]{64}\.result"
_FORMAT = b"icldiag-result/1\n"  # then 32 bytes of SHA-256, then the pickle
_PICKLE = len(_FORMAT) + 32  # where it begins
_ARRAYS = ("ndarray", "dtype", "_reconstruct", "scalar", "_frombuffer")
_MODEL_FILES = ("*.json", "*.safetensors", "*.model", "*.txt")
_COMPUTING = ("analyses", "model", "prompt")  # packages whose code makes the results
_SHOWING = (
    "section.py",
    "section_fields.py",
    "reading.py",
    "opening.py",
    "origins.py",
    "advice.py",
    "findings.py",
    "result.py",
    "analyses/analysis.py",
    "analyses/clusters.py",
    "depth/tables.py",
    "explanation/cure.py",
    "explanation/not_asked.py",
    "explanation/weights.py",
    "prediction/of_log.py",
    "reweighting/beta.py",
    "reweighting/beta_file.py",
    "saliency/wording.py",
)  # files in them that compute no result; tests/test_store_code.py knows which these are
_RESULTS = (
    "icldiag.analyses.",
    "icldiag.prompt.",
    "icldiag.model.facts",
    "icldiag.model.direct",
)  # modules whose classes results are made of
_PATHS = tuple((module, name) for module in ("pathlib", "pathlib._local") for name in ("PosixPath", "WindowsPath"))
_LIBRARIES = ("torch", "transformers", "tokenizers", "numpy", "scipy")
_DEVICES = ("CUDA_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES")


class Store:
    """The results of one prompt on one model."""

    def __init__(
        self, folder: Path, model: str, prompt: Prompt, beta: NDArray[np.float32] | None = None, limit: int = LIMIT
    ) -> None:
        self.folder, self.model, self.limit = folder, model, limit
        weights = "" if beta is None else hashlib.sha256(beta.tobytes()).hexdigest()
        self.content = f"{program_identity()}/{model}/{prompt.hash}/{weights}"

    def of(self, prompt: Prompt, beta: NDArray[np.float32] | None = None) -> Store:
        """The same model's results of another prompt, or with a trained anchor re-weighting in force."""
        return Store(self.folder, self.model, prompt, beta, self.limit)

    def get(self, key: Hashable) -> Any:
        """The result under `key`, or None."""
        path = self._path(key)
        try:
            content = read_own(path, self.limit)
            if not content.startswith(_head(path, memoryview(content)[_PICKLE:])):
                path.unlink()
                return None
            with suppress(OSError):  # a folder that may only be read
                os.utime(path)
            file = io.BytesIO(content)
            file.seek(_PICKLE)
            return _Reader(file).load()
        except Exception:  # whatever is wrong with a file, the result can be computed
            return None

    def put(self, key: Hashable, value: Any) -> None:
        """Keep a result; does nothing where the folder cannot be written to."""
        path = self._path(key)
        content = pickle.dumps(value, protocol=5)
        if _PICKLE + len(content) > self.limit:
            return
        with suppress(OSError):
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            with writing(self.folder):
                replace_whole(_head(path, content) + content, path)
            self._prune()

    def _path(self, key: Hashable) -> Path:
        name = hashlib.sha256(f"{self.content}/{key!r}".encode()).hexdigest()
        return self.folder / f"{name}.result"

    def _prune(self) -> None:
        found = []
        for entry in os.scandir(self.folder):
            with suppress(OSError):  # another instance may have removed it
                if re.fullmatch(_NAMES, entry.name) and entry.is_file(follow_symlinks=False):  # the rest is not ours
                    state = entry.stat()
                    found.append((state.st_size <= self.limit, state.st_mtime_ns, state.st_size, entry.path))
        total = sum(size for *_, size, _ in found)
        for *_, size, path in sorted(found):  # what alone is too large is damaged, and goes first
            if total <= self.limit:
                return
            with suppress(OSError):
                Path(path).unlink()
            total -= size


def _head(path: Path, content: bytes | memoryview) -> bytes:
    """What a result begins with. The sum is of its name too: under another it would be another question's answer."""
    digest = hashlib.sha256(path.name.encode())
    digest.update(content)
    return _FORMAT + digest.digest()


class _Reader(pickle.Unpickler):
    """Makes our results and NumPy's arrays, and nothing else that a file might ask for."""

    def find_class(self, module: str, name: str) -> Any:
        ours = module.startswith(_RESULTS)
        if (module, name) in _PATHS:
            return super().find_class(module, name)
        arrays = module.split(".")[0] == "numpy" and name in _ARRAYS
        if not (ours or arrays):
            raise pickle.UnpicklingError(f"{module}.{name} is no part of a result")
        found = super().find_class(module, name)
        if ours and not (isinstance(found, type) and found.__module__ == module):
            raise pickle.UnpicklingError(f"{module}.{name} is no part of a result")
        return found


def store_folder() -> Path:
    """`$ICLDIAG_CACHE`, or icldiag's place among the user's caches."""
    import platformdirs

    given = os.environ.get("ICLDIAG_CACHE")
    return Path(given) if given else platformdirs.user_cache_path("icldiag") / "results"


def open_store(prompt: Prompt, settings: ModelSettings) -> Store | None:
    """The store of a prompt on a model, which need not be loaded; None where the model is not on this machine.

    Also removes what killed instances left in its folder.
    """
    folder = store_folder()
    sweep_up(folder, _NAMES)
    model = model_identity(settings)
    return Store(folder, model, prompt) if model else None


def model_identity(settings: ModelSettings) -> str | None:
    """What a model's results depend on, told without importing torch or loading it.

    The bundled model is known by its content: a package manager may give the weights of two versions one size and one
    time. Other models may be large, and are known by names, sizes, times and inodes: the time of the last change of
    an inode (ctime) cannot be set back, as that of the content can.
    """
    place = settings.place()
    if place is None:
        return None
    with suppress(OSError):
        known = files_of(place) if settings.name == BUNDLED else [_state(path) for path in _model_files(place)]
        where = (platform.node(), *(os.environ.get(name) for name in _DEVICES)) if settings.device == "auto" else ()
        return repr((known, replace(settings, name=""), where))
    return None


def files_of(place: Path) -> list[tuple[str, str]]:
    """Name and SHA-256 of every file of a model. Raises OSError."""
    found = []
    for path in _model_files(place):
        with path.open("rb") as file:
            found.append((path.name, hashlib.file_digest(file, "sha256").hexdigest()))
    return found


def _model_files(place: Path) -> list[Path]:
    if place.is_file():  # GGUF
        return [place]
    return sorted(path for pattern in _MODEL_FILES for path in place.glob(pattern) if path.is_file())


def _state(path: Path) -> tuple[str, int, int, int, int]:
    state = path.stat()
    return path.name, state.st_size, state.st_mtime_ns, state.st_ctime_ns, state.st_ino


def only_shows(path: Path) -> bool:
    """Whether no result depends on this file of the computing packages."""
    return any(path.match(name) for name in _SHOWING)


@cache
def program_identity() -> str:
    """What computes the results: icldiag's own code, by content (versions in development share a number), and others.

    Code that only shows results, such as panels and an analysis's section, may change and the results stay.
    """
    digest = hashlib.sha256()
    package = Path(__file__).parent
    files = [path for name in _COMPUTING for path in sorted((package / name).rglob("*.py")) if not only_shows(path)]
    for path in [*files, package / "session.py", package / "store.py"]:
        digest.update(path.name.encode() + path.read_bytes())
    versions = []
    for name in _LIBRARIES:
        with suppress(metadata.PackageNotFoundError):
            versions.append(f"{name} {metadata.version(name)}")
    return f"{__version__} {digest.hexdigest()} {', '.join(versions)}"
