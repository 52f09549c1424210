"""Files that are written whole or not at all, and never harm what stands at their place.

A regular file is replaced by renaming a finished one over it. What must not be replaced is written straight through:
devices, pipes and sockets, and files whose owner, links or mount a rename would break. Symbolic links are followed.
"""

from __future__ import annotations

import os
import re
import secrets
import shutil
import stat
import sys
import time
from contextlib import suppress
from errno import EACCES, EBUSY, EISDIR, ENXIO, EPERM, EROFS, EXDEV
from glob import escape
from pathlib import Path

from icldiag.errors import IcldiagError
from icldiag.quoting import quoted_path

TEMPORARY = ".icldiag-tmp"  # how the name of a file ends that is not finished; a killed run leaves it behind
_NEVER_CREATED = os.O_WRONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0)
_DESCRIPTOR = re.compile(r"/(?:dev|proc/(?:self|\d+))/fd/(\d+)")
_NOT_BY_RENAMING = (EACCES, EBUSY, EPERM, EROFS, EXDEV)  # not ENOSPC: what is there must then stay whole
_LONGEST_NAME = 200  # bytes of the name that a temporary file shares with its target; file systems end at 255
_READER_SECONDS = 60.0  # for somebody to read a pipe
_READER_LOOK = 0.05
_LEFT_SECONDS = 3600.0  # since a temporary file was last written to: nobody is writing it any more


def is_stdout(path: Path | None) -> bool:
    """Whether `-o` names standard output: not given, `-`, or what the system calls it."""
    return path is None or str(path) in ("-", "/dev/stdout", "/dev/fd/1", "/proc/self/fd/1")


def is_taken(path: Path) -> bool:
    """Whether writing would end something that is kept there: a regular file. A folder cannot be written anyway."""
    with suppress(OSError, ValueError):
        return stat.S_ISREG(path.stat().st_mode)
    return False


def write_document(content: str, path: Path | None) -> None:
    """Write a document to a file, or to stdout for None and `-`; the same bytes, whatever the terminal's encoding.

    Raises:
        IcldiagError: it cannot be written there.
    """
    if path is not None and not is_stdout(path):
        write_whole(content, path)
        return
    if sys.stdout is None:
        raise IcldiagError("standard output is closed; name a file with -o")
    sys.stdout.flush()
    if hasattr(sys.stdout, "buffer"):
        sys.stdout.buffer.write(_bytes(content))
    else:  # one that takes text only stands in for it
        sys.stdout.write(content)
    sys.stdout.flush()


def check_destination(path: Path | None, *, folder: bool = False) -> None:
    """Raise IcldiagError where nothing could be written, as far as that shows beforehand: before what takes long.

    Args:
        folder: of several files, which is made where it is not there.
    """
    if path is None or is_stdout(path):
        return
    there = target = path
    with suppress(OSError, ValueError):  # a path that no file can have
        target = Path(os.path.realpath(path))
    while folder and not os.path.lexists(there) and there != there.parent:
        there = there.parent
    reason = None
    if folder and not os.path.isdir(there):  # noqa: PTH112 - unlike Path, no path is too odd for it
        reason = "it is a file" if there == path else f"{quoted_path(there)} is a file"
    elif not folder and os.path.isdir(path):  # noqa: PTH112 - the same
        reason = "it is a folder"
    elif not folder and not os.path.isdir(target.parent):  # noqa: PTH112 - the same
        reason = "there is no such folder; make it"
    elif os.path.islink(target):  # noqa: PTH114 - the same
        reason = "its links go round in a circle"
    elif not os.access(target if os.path.lexists(target) else there if folder else target.parent, os.W_OK):
        reason = "it is write-protected"
    if reason is not None:
        sep = ", or" if ";" in reason else ";"
        raise IcldiagError(f"cannot write {quoted_path(path)}: {reason}{sep} choose another place")


def make_folder(folder: Path) -> None:
    """With those that it is to be in; nothing where it is there. Raises IcldiagError."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        reason = f"cannot make the folder {quoted_path(folder)}: {error.strerror}; choose another place"
        raise IcldiagError(reason) from None


def write_whole(content: str | bytes, path: Path) -> None:
    """Write what the user asked for, with the mode and owner of the file that was there, or as their new files have.

    Raises:
        IcldiagError: it cannot be written; what was there is still there, unless it had to be written through.
    """
    try:
        descriptor = _own_descriptor(path)
        if descriptor is not None:
            if sys.stdout is not None:
                sys.stdout.flush()  # it may be this one, and what was printed comes first
            _write_all(os.dup(descriptor), _bytes(content))
        else:
            _write(_bytes(content), path)
    except FileNotFoundError:
        raise IcldiagError(
            f"cannot write {quoted_path(path)}: there is no such folder; make it, or choose another place"
        ) from None
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        reason = getattr(error, "strerror", None) or str(error)
        raise IcldiagError(f"cannot write {quoted_path(path)}: {reason}; choose another place") from None
    _remove_leftovers(path)


def replace_whole(content: str | bytes, path: Path, mode: int = 0o600) -> None:
    """Write icldiag's own file: a finished one is renamed over it, so no half file is ever seen. Raises OSError."""
    _replace(_bytes(content), path, mode)


def free_path(path: Path) -> Path:
    """The path, or the first one with a number after its name that does not exist."""
    number, found = 1, path
    while os.path.lexists(found):
        number += 1
        found = path.with_stem(f"{path.stem}-{number}")
    return found


def _bytes(content: str | bytes) -> bytes:
    """UTF-8; what is no character, such as a byte of a file's name, is written as an escape."""
    return content.encode("utf-8", "backslashreplace") if isinstance(content, str) else content


def _write(content: bytes, path: Path) -> None:
    try:
        found = path.stat()
    except FileNotFoundError:
        _replace(content, Path(os.path.realpath(path)), 0o666)  # where a dangling link points
        return
    if stat.S_ISDIR(found.st_mode):
        raise OSError(EISDIR, "it is a folder")
    if not stat.S_ISREG(found.st_mode):
        _write_through(content, path)
        return
    if not os.access(path, os.W_OK):  # renaming would replace even a file that is write-protected
        raise PermissionError(EACCES, "it is write-protected")
    target = Path(os.path.realpath(path))
    if found.st_nlink > 1 or not os.path.samestat(found, target.stat()):
        _write_through(content, path)  # other names of the file must see the new content too
        return
    try:
        _replace(content, target, 0o600, like=found)
    except OSError as error:  # a folder or an owner that we may not change, a mount: the file itself may be writable
        if error.errno not in _NOT_BY_RENAMING:
            raise
        _write_through(content, path)


def _replace(content: bytes, path: Path, mode: int, like: os.stat_result | None = None) -> None:
    """Write a temporary file beside `path` and rename it; `like` the file that is there."""
    temporary = path.with_name(f".{_shared(path)}.{secrets.token_hex(4)}{TEMPORARY}")
    handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), mode)
    try:
        _write_all(handle, content)
        if like is not None:
            _dress(temporary, path, like)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def _dress(temporary: Path, path: Path, like: os.stat_result) -> None:
    """Give the new file the owner, mode and attributes of the old one. Raises OSError where it cannot be."""
    made = temporary.stat()
    if (made.st_uid, made.st_gid) != (like.st_uid, like.st_gid):
        os.chown(temporary, like.st_uid, like.st_gid)
    shutil.copystat(path, temporary)  # after the owner: chown takes set-id bits off
    os.utime(temporary)


def _write_through(content: bytes, path: Path) -> None:
    """Write into what is there, which stays the same file, device or pipe."""
    handle = _opened(path)
    os.set_blocking(handle, True)
    _write_all(handle, content, end=True)


def _opened(path: Path) -> int:
    """Opened for writing, never created; a pipe that nobody reads is waited for, though not for ever."""
    until = time.monotonic() + _READER_SECONDS
    while True:
        try:
            return os.open(path, _NEVER_CREATED)
        except OSError as error:
            if error.errno == ENXIO and stat.S_ISFIFO(path.stat().st_mode):
                if time.monotonic() < until:
                    time.sleep(_READER_LOOK)
                    continue
                raise OSError(ENXIO, "nobody reads this pipe") from None
            if error.errno == ENXIO:
                raise OSError(ENXIO, "it is a socket, or a device that is not there") from None
            raise


def _write_all(handle: int, content: bytes, end: bool = False) -> None:
    """Write and close; with `end`, the file ends where the content does."""
    with os.fdopen(handle, "wb") as file:
        file.write(content)
        file.flush()
        if end and stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            file.truncate()


def _remove_leftovers(path: Path) -> None:
    """Remove what runs that were killed while they wrote this file have left beside it."""
    with suppress(OSError, ValueError):
        target = Path(os.path.realpath(path))
        for left in target.parent.glob(f".{escape(_shared(target))}.*{TEMPORARY}"):
            if time.time() - left.stat().st_mtime > _LEFT_SECONDS:
                left.unlink()


def _shared(path: Path) -> str:
    """What the names of a file and of its temporary files have in common."""
    return os.fsdecode(os.fsencode(path.name)[:_LONGEST_NAME])


def _own_descriptor(path: Path) -> int | None:
    """The number of this process's open file that a path such as /dev/stdout names: opening it anew would empty it."""
    place = path.absolute()
    with suppress(OSError, ValueError):
        for _ in range(8):
            found = _DESCRIPTOR.fullmatch(str(place))
            if found:
                others = re.search(r"/proc/(\d+)/", str(place))
                return None if others and int(others[1]) != os.getpid() else int(found[1])
            place = place.parent / place.readlink()
    return None
