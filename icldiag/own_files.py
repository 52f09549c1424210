"""Files that icldiag writes for itself and later trusts: results, sessions, the cells of sweeps.

Each carries the SHA-256 of its content, which is compared before anything is made of it: damage is found, whether by a
disk, a copy or a hand. It is no defence against malice: who can write the file can write another sum.

Whoever writes holds the folder (`writing`). Who can have it alone knows that nobody writes, and that every temporary
file in it was left by a process that was killed. Locks go with the process, however that ends.
"""

from __future__ import annotations

import errno
import hashlib
import os
import re
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from icldiag.files import TEMPORARY

try:
    import fcntl
except ImportError:  # Windows: no instance knows of the others
    fcntl = None  # type: ignore[assignment]

_OLD = 3600.0  # seconds after which a temporary file is nobody's, where no lock says so
_PATIENCE = 1.0  # seconds for a sweep, or a look at a lock, to be over
_SUM = b',\n "sha256": "'


def read_own(path: Path, limit: int) -> bytes:
    """The content of a regular file of at most `limit` bytes. Raises OSError, also for a pipe, a device or more."""
    handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    with os.fdopen(handle, "rb") as file:
        state = os.fstat(file.fileno())
        if not stat.S_ISREG(state.st_mode):
            raise OSError(errno.EINVAL, "not a regular file")
        content = file.read(limit + 1) if state.st_size <= limit else b""
        if max(state.st_size, len(content)) > limit:
            raise OSError(errno.EFBIG, f"larger than {limit / 2**20:.0f} MiB")
        return content


# ---- damage ---------------------------------------------------------------------------------------------------------


def sealed(text: str) -> str:
    """The JSON text of an object, with the SHA-256 of all the rest as its last field."""
    body = text.rstrip().removesuffix("}").rstrip()
    return f'{body}{_SUM.decode()}{_digest(body.encode())}"\n}}\n'


def is_whole(content: bytes) -> bool:
    """Whether JSON is to the byte what `sealed` wrote."""
    body, _, end = content.rpartition(_SUM)
    return end == f'{_digest(body)}"\n}}\n'.encode()


def _digest(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()


# ---- leftovers ------------------------------------------------------------------------------------------------------


@contextmanager
def writing(folder: Path) -> Iterator[None]:
    """While it lasts, nobody sweeps the folder. Where it cannot be locked, only old files are ever swept."""
    with _folder_lock(folder, shared=True):
        yield


@contextmanager
def alone(folder: Path) -> Iterator[bool]:
    """Whether nobody else holds the folder, nor will while it lasts; False also where it cannot be locked."""
    with _folder_lock(folder, shared=False) as free:
        yield free


def sweep_up(folder: Path, names: str) -> None:
    """Remove what killed writers of a folder's own files left in it.

    Args:
        names: a regular expression for the names of the files that they were writing.
    """
    left = re.compile(rf"\.({names})\.\w{{6,}}({re.escape(TEMPORARY)})?")  # older ones end in no mark
    with suppress(OSError), _folder_lock(folder, shared=False) as alone, os.scandir(folder) as entries:
        for entry in entries:
            if left.fullmatch(entry.name) and entry.is_file(follow_symlinks=False):
                with suppress(OSError):
                    dead = alone and entry.name.endswith(TEMPORARY)  # an earlier icldiag does not hold the folder
                    if dead or time.time() - entry.stat().st_mtime > _OLD:
                        Path(entry.path).unlink()


@contextmanager
def _folder_lock(folder: Path, *, shared: bool) -> Iterator[bool]:
    """Whether the folder is held. Writers wait for a sweep, which is short; a sweep waits for nobody."""
    handle = None
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
    try:
        yield handle is not None and bool(_locked(handle, shared=shared, patience=_PATIENCE if shared else 0))
    finally:
        if handle is not None:
            os.close(handle)


# ---- locks ----------------------------------------------------------------------------------------------------------


def take_lock(path: Path) -> IO[bytes] | None:
    """An open file whose lock this process has now, or None where another has it. Raises OSError.

    Where there are no locks, no instance knows of the others, and each has its own.
    """
    flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOFOLLOW", 0)
    while True:
        file = os.fdopen(os.open(path, flags, 0o600), "r+b", buffering=0)
        if _locked(file.fileno(), shared=False, patience=0.05) is False:  # somebody may only be looking
            file.close()
            return None
        with suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(file.fileno()), path.stat()):
                return file
        file.close()  # its last holder has removed it meanwhile


def drop_lock(file: IO[bytes], path: Path) -> None:
    """Let others have it, and leave no file behind."""
    with suppress(OSError):
        path.unlink()
    file.close()


def is_locked(path: Path) -> bool:
    """Whether some process has the lock."""
    with suppress(OSError):
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
        try:
            return _locked(handle, shared=True, patience=0) is False
        finally:
            os.close(handle)
    return False


def _locked(handle: int, *, shared: bool, patience: float) -> bool | None:
    """Lock an open file for this process, within `patience` seconds; None where the file system has no locks."""
    if fcntl is None:
        return None
    end = time.monotonic() + patience
    while True:
        try:
            fcntl.flock(handle, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= end:
                return False
            time.sleep(0.005)
        except OSError:
            return None
        else:
            return True
