"""Opening files to read: regular ones of a bearable size, by paths that can exist; never waits on a pipe."""

from __future__ import annotations

import errno
import hashlib
import os
import stat
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from icldiag.errors import InputError, PromptError
from icldiag.inputs.sources import note

SETTING = "ICLDIAG_MAX_FILE_MIB"
_USUAL = 256  # MiB; far more than a prompt, a table of examples or a report needs
_CHUNK = 1 << 20
_LINE = 1 << 26  # bytes
_FLAGS = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0) | getattr(os, "O_BINARY", 0)
_KINDS = {
    stat.S_IFIFO: "a pipe",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
    stat.S_IFSOCK: "a socket",
}


class Unreadable(OSError):
    """A file that is not read, for a reason of ours; `strerror` holds it as for any other OSError."""

    def __init__(self, reason: str) -> None:
        super().__init__(errno.EINVAL, reason)


def most_bytes() -> int:
    """The size up to which files are read: 256 MiB, or what the environment variable says. Raises Unreadable."""
    given = os.environ.get(SETTING)
    if given is None:
        return _USUAL * 2**20
    if not (given.isascii() and given.isdecimal() and 0 < len(given) <= 9):
        raise Unreadable(f"the environment variable {SETTING} must be a whole number of MiB, such as {_USUAL}")
    return int(given) * 2**20


def open_file(path: Path, most: int | None = None) -> BinaryIO:
    """Open a regular file of at most `most` bytes, by default `most_bytes()`; raises OSError for anything else.

    It is looked at before it is opened, because opening some devices does something, and again afterwards, because
    another file may have taken its name meanwhile.
    """
    check_path(path)
    most = most_bytes() if most is None else most
    _check(path.stat(), most)
    file = os.fdopen(os.open(path, _FLAGS), "rb")
    try:
        state = os.fstat(file.fileno())
        _check(state, most)
        note(state)
    except BaseException:
        file.close()
        raise
    return file


def check_path(path: Path | str) -> None:
    """Raises Unreadable for a path that no file can have."""
    if "\0" in str(path):
        raise Unreadable("a path cannot hold the character NUL; correct it")
    try:
        os.fsencode(path)
    except UnicodeEncodeError:
        raise Unreadable(
            "a path cannot hold half a character (an escape from \\ud800 to \\udfff); correct it"
        ) from None


def _check(state: os.stat_result, most: int) -> None:
    kind = stat.S_IFMT(state.st_mode)
    if kind == stat.S_IFDIR:
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    if kind != stat.S_IFREG:
        how = ", with 'command > FILE' in place of '<(command)'," if kind == stat.S_IFIFO else ","
        raise Unreadable(f"it is {_KINDS.get(kind, 'no regular file')}; save its content to a file{how} and name that")
    if state.st_size > most:
        raise _too_large(state.st_size, most)


def _too_large(size: int, most: int) -> Unreadable:
    needed = -(-size // 2**20)
    reason = f"it has {needed:,} MiB, and files of at most {_mib(most)} MiB are read"
    return Unreadable(f"{reason}; {SETTING}={needed} reads it all the same")


def _mib(size: int) -> str:
    return f"{size / 2**20:,.4g}"


def read_bytes(path: Path, most: int | None = None) -> bytes:
    """The content of a file. Raises OSError as `open_file`."""
    return b"".join(_chunks(path, most))


def sha256_of(path: Path) -> str:
    """The digest of a file's content. Raises OSError as `open_file`."""
    digest = hashlib.sha256()
    for chunk in _chunks(path, None):
        digest.update(chunk)
    return digest.hexdigest()


def _chunks(path: Path, most: int | None) -> Iterator[bytes]:
    with open_file(path, most) as file:
        yield from _limited(file, most_bytes() if most is None else most)


def _limited(file: BinaryIO, most: int) -> Iterator[bytes]:
    """What is in the file, which may grow, or say (as those of /proc do) that it is empty."""
    size = 0
    while chunk := file.read(_CHUNK):
        size += len(chunk)
        if size > most:
            reason = f"there are more than {_mib(most)} MiB, and no more are read"
            raise Unreadable(f"{reason}; {SETTING}={2 * most // 2**20 or 1} reads twice as much")
        yield chunk


def read_start(path: Path, count: int) -> bytes:
    """The first `count` bytes of a file of whatever size that may be read. Raises OSError as `open_file`."""
    with open_file(path) as file:
        return file.read(count) or b""


def read_text(path: Path, raises: type[InputError] = PromptError, most: int | None = None) -> str:
    """The text of a UTF-8 file. Raises an error of the kind `raises`."""
    try:
        return as_text(read_bytes(path, most), path, raises)
    except OSError as error:
        raise raises(complaint(error), path=path) from None


def complaint(error: OSError) -> str:
    """Why a file cannot be read, with the cure."""
    if isinstance(error, FileNotFoundError):
        return "there is no such file; check the path"
    if isinstance(error, IsADirectoryError):
        return "this is a folder; name the file in it"
    return f"cannot be read: {with_cure(error)}"


_CURES = {
    errno.ELOOP: "its links go round in a circle: name the file that they should lead to",
    errno.EACCES: "change its permissions, or name a copy that you may read",
    errno.ENAMETOOLONG: "check the path",
    errno.ENOTDIR: "a part of its path is a file: check the path",
}


def with_cure(error: OSError) -> str:
    """What the system says, and what to do where that is known; a reason of ours has its own cure."""
    cure = None if error.errno is None else _CURES.get(error.errno)
    return f"{error.strerror}; {cure}" if cure else str(error.strerror)


def as_text(content: bytes, path: Path | str, raises: type[InputError] = PromptError) -> str:
    """Bytes in UTF-8 as text, without a byte order mark. Raises an error of the kind `raises`."""
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise raises("not UTF-8 text; save it as UTF-8", path=path, line=line) from None


def text_lines(path: Path, raises: type[InputError] = PromptError) -> Iterator[str]:
    """The lines of a UTF-8 file, each with its end, as they are read: a file of any size, with lines of bearable size.

    Raises an error of the kind `raises`.
    """
    try:
        with open_file(path, sys.maxsize) as file:
            number = 0
            while line := file.readline(_LINE + 1):
                number += 1
                if len(line) > _LINE:
                    raise raises(f"a line of more than {_mib(_LINE)} MiB; is this a text file?", path=path, line=number)
                try:
                    yield line.decode("utf-8-sig" if number == 1 else "utf-8")
                except UnicodeDecodeError:
                    raise raises("not UTF-8 text; save it as UTF-8", path=path, line=number) from None
    except OSError as error:
        raise raises(complaint(error), path=path) from None


def read_standard_input(raises: type[InputError] = PromptError) -> str:
    """All text from stdin, up to the size that a file may have. Raises an error of the kind `raises`."""
    file = getattr(sys.stdin, "buffer", None)
    if file is None:  # replaced by an object that has text only
        return sys.stdin.read()
    try:
        return as_text(b"".join(_limited(file, most_bytes())), "stdin", raises)
    except OSError as error:
        raise raises(f"stdin cannot be read: {error.strerror}") from None


def is_folder(path: Path) -> bool:
    """Whether it is there and a folder; no path is too odd to ask for."""
    return stat.S_ISDIR(_mode(path))


def is_there(path: Path) -> bool:
    """Whether anything has this path; no path is too odd to ask for."""
    return _mode(path) != 0


def is_file(path: Path) -> bool:
    """Whether it is there and a regular file; no path is too odd to ask for."""
    return stat.S_ISREG(_mode(path))


def _mode(path: Path) -> int:
    try:
        check_path(path)
        return path.stat().st_mode
    except OSError:
        return 0


def check_folder(path: Path) -> None:
    """Raises Unreadable unless a folder, which another library will open, holds regular files of a bearable size."""
    size, most = 0, most_bytes()
    for place, _, names in os.walk(path):
        for name in names:
            with open_file(Path(place) / name) as file:
                size += os.fstat(file.fileno()).st_size
    if size > most:
        raise _too_large(size, most)
