"""Models made of GGUF files, kept as folders of float32 safetensors: making one takes many seconds, taking it few.

An entry is known by the content of its file and by the versions of what made it. Its last file is its list, with a sum
of each other one: an entry without it, or with other sums, is made again. Whoever uses an entry holds its folder
(`icldiag.own_files`), so that nobody evicts it meanwhile; two that make it at once rename the same files into place.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import tempfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from errno import ENOSPC
from importlib import metadata
from pathlib import Path
from typing import NamedTuple, Protocol

from icldiag.errors import ModelError
from icldiag.files import TEMPORARY, replace_whole
from icldiag.own_files import alone, is_whole, read_own, sealed, writing
from icldiag.quoting import shortened_path

Stage = Callable[[str], None]

LIMIT = 20 * 2**30  # bytes of all entries; those that were not used for longest go first
SETTING = "ICLDIAG_MODELS_GIB"  # another limit
_LIST = "entry.json"
_LIST_LIMIT = 2**20
_FORMAT = "icldiag-gguf/1"
_LIBRARIES = ("transformers", "gguf", "tokenizers")  # these and our own modules make entries
_MODULES = ("gguf_config.py", "gguf_weights.py")
_ENTRY = re.compile(r"[0-9a-f]{64}-[0-9a-f]{8}")
_CHUNK = 2**22
_SPARE = 2**29  # bytes that are left free on the disk


class Maker(Protocol):
    """What makes an entry."""

    @property
    def size(self) -> int:
        """Bytes that the entry will take. Raises ModelError."""

    def write(self, folder: Path) -> str:
        """Write the model's files; returns the quantisation. Raises ModelError, or OSError where it cannot write."""


class Entry(NamedTuple):
    """A model of a GGUF file."""

    folder: Path
    quantisation: str  # of the file, as `Header.quantisation`


class Use(NamedTuple):
    """What the entries take of the disk."""

    folder: Path
    entries: int
    size: int  # bytes
    limit: int  # bytes


def models_folder() -> Path:
    """`models` in `$ICLDIAG_CACHE`, or in icldiag's place among the user's caches."""
    import platformdirs

    given = os.environ.get("ICLDIAG_CACHE")
    return (Path(given) if given else platformdirs.user_cache_path("icldiag")) / "models"


def use() -> Use:
    """What is there now. Raises ModelError."""
    entries = _entries()
    return Use(models_folder(), len(entries), sum(size for _, size, _ in entries), _limit())


def entry_of(file: Path, stage: Stage) -> Entry | None:
    """The file's entry, where there is one and it is whole. Raises ModelError where the file cannot be read."""
    return _whole(models_folder() / _name(file, stage))


@contextmanager
def entry_made(file: Path, maker: Maker, stage: Stage) -> Iterator[Entry]:
    """The file's entry, made where there is none; nobody removes it while the block lasts.

    Where it cannot be kept, for the disk or for the limit, it is made in a temporary folder, and is gone afterwards.

    Raises:
        ModelError: the file cannot be read, or there is no place for the entry anywhere; and what `maker` raises.
    """
    folder = models_folder() / _name(file, stage)
    with _held(folder) as held:
        entry = _whole(folder) if held else None
        if entry is None and held and maker.size <= _limit():
            with suppress(OSError):
                entry = _make(folder, maker)
        if entry is not None:
            yield entry
            return
    with tempfile.TemporaryDirectory(prefix="icldiag-") as place:
        try:
            entry = _make(Path(place), maker)
        except OSError as error:
            raise ModelError(
                f"model {shortened_path(file)!r}: its dequantised weights take {maker.size / 2**30:.1f} GiB, and there "
                f"is no place for them in {models_folder()} or {place} ({error.strerror}); free some space, or name a "
                "folder on another disk in $ICLDIAG_CACHE"
            ) from None
        yield entry


# ---- making ---------------------------------------------------------------------------------------------------------


def _make(folder: Path, maker: Maker) -> Entry:
    """Files are written aside and renamed into place, their list last. Raises OSError."""
    _make_room(maker.size, folder)
    if shutil.disk_usage(folder).free < maker.size + _SPARE:
        raise OSError(ENOSPC, os.strerror(ENOSPC))
    with tempfile.TemporaryDirectory(dir=folder, suffix=TEMPORARY) as aside:
        quantisation = maker.write(Path(aside))
        files = {}
        for path in sorted(Path(aside).iterdir()):
            files[path.name] = [path.stat().st_size, _sum(path)]
            path.replace(folder / path.name)
    listed = {"format": _FORMAT, "quantisation": quantisation, "files": files}
    replace_whole(sealed(json.dumps(listed)), folder / _LIST)
    return Entry(folder, quantisation)


def _make_room(size: int, but: Path) -> None:
    """Remove what was not used for longest and is not in use, until `size` bytes more keep to the limit."""
    entries = [entry for entry in _entries() if entry[-1] != but]
    total = sum(taken for _, taken, _ in entries)
    for _, taken, folder in sorted(entries):
        if total + size <= _limit():
            return
        with alone(folder) as free:
            if free:
                shutil.rmtree(folder, ignore_errors=True)
                total -= taken


@contextmanager
def _held(folder: Path) -> Iterator[bool]:
    """Whether the folder is there, and nobody removes it meanwhile; rid of what killed makers left in it."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with alone(folder) as free:
            for left in folder.glob(f"*{TEMPORARY}") if free else ():
                shutil.rmtree(left) if left.is_dir() else left.unlink()
    except OSError:
        yield False
        return
    try:
        with writing(folder):
            yield True
    finally:
        with suppress(OSError):
            folder.rmdir()  # where nothing was made


# ---- looking --------------------------------------------------------------------------------------------------------


def _whole(folder: Path) -> Entry | None:
    """The entry in a folder, if its files are what its list says; marked as used."""
    try:
        content = read_own(folder / _LIST, _LIST_LIMIT)
        found = json.loads(content) if is_whole(content) else {}
        if found.get("format") != _FORMAT:
            return None
        for name, (size, sum_) in found["files"].items():
            if (folder / name).stat().st_size != size or _sum(folder / name) != sum_:
                return None
        with suppress(OSError):  # a folder that may only be read
            os.utime(folder / _LIST)
        return Entry(folder, found["quantisation"])
    except (OSError, ValueError):
        return None


def _entries() -> list[tuple[float, int, Path]]:
    """When each was used last, how many bytes it takes, and where."""
    found = []
    with suppress(OSError):
        for folder in models_folder().iterdir():
            if _ENTRY.fullmatch(folder.name) and folder.is_dir():
                with suppress(OSError):  # another instance may have removed it
                    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
                    listed = folder / _LIST
                    found.append(((listed if listed.exists() else folder).stat().st_mtime, size, folder))
    return found


def _name(file: Path, stage: Stage) -> str:
    """The entry's: SHA-256 of the file, and what makes entries. Raises ModelError where the file cannot be read."""
    digest, makers = hashlib.sha256(), hashlib.sha256()
    for library in _LIBRARIES:
        makers.update(f"{library} {metadata.version(library)}".encode())
    for module in _MODULES:
        makers.update((Path(__file__).parent / module).read_bytes())
    try:
        whole = file.stat().st_size // 2**20
        with file.open("rb") as content:
            while chunk := content.read(_CHUNK):
                digest.update(chunk)
                stage(f"reading {content.tell() // 2**20} of {whole} MiB")
    except OSError as error:
        raise ModelError(f"{shortened_path(file)} cannot be read ({error.strerror}); check its permissions") from None
    return f"{digest.hexdigest()}-{makers.hexdigest()[:8]}"


def _sum(path: Path) -> int:
    """CRC-32 of a file: damage is found in half the time that a SHA-256 takes."""
    found = 0
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            found = zlib.crc32(chunk, found)
    return found


def _limit() -> int:
    """Bytes. Raises ModelError where the setting is no number."""
    given = os.environ.get(SETTING)
    try:
        return LIMIT if not given else max(0, int(float(given) * 2**30))
    except (ValueError, OverflowError):
        raise ModelError(f"{SETTING} is {given!r}, and must be a number of GiB") from None
