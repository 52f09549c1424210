"""Predictions row by row into a file, a pipe or stdout; an interrupted file goes on where it was.

While it is made, OUT is OUT.part, with OUT.part.json beside it, which says how many rows and bytes of it are whole.
That is written after these bytes are on the disk: a run that is killed in between leaves bytes that nobody vouches for,
and the next one cuts them off. The finished file is renamed to OUT, so that OUT is whole or not there.
"""

from __future__ import annotations

import errno
import json
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import IO, Any

from icldiag.errors import IcldiagError
from icldiag.files import is_stdout, is_taken, replace_whole
from icldiag.inputs.files import is_there
from icldiag.own_files import drop_lock, is_whole, read_own, sealed, take_lock
from icldiag.quoting import quoted_path

_STATE_BYTES = 2**20
_ROOM = "make room; what is done is kept, and the same command continues"
_ELSEWHERE = "choose another place"
_CURES = {errno.ENOSPC: _ROOM, errno.EDQUOT: _ROOM, errno.EFBIG: _ROOM, errno.ENOENT: "make the folder first"}


@dataclass(frozen=True)
class Extent:
    """How much of an output is whole."""

    rows: int = 0
    bytes: int = 0
    fingerprint: str = ""  # of the input's rows up to there
    blank: int = 0  # rows of these without a prediction


class Output:
    """Where rows go that cannot be gone on with: stdout, a pipe, a device. `begun` is what an earlier run left."""

    begun = Extent()
    is_kept = False  # whether what was written is there for another run

    def __init__(self, file: IO[bytes], path: Path) -> None:
        self._file, self._path = file, path

    def append(self, content: str, now: Extent) -> None:
        """Write some rows; `now` is what is whole with them, but for its bytes. Raises IcldiagError."""
        with _told(self._path, self.is_kept):
            left = memoryview(content.encode("utf-8", "backslashreplace"))
            while left:  # the file may take a part; one that holds the rest back would try again when it is closed
                left = left[self._file.write(left) :]
            self._file.flush()


class PartFile(Output):
    """A regular file while it is made."""

    is_kept = True

    def __init__(self, file: IO[bytes], target: Path, part: Path, identity: Mapping[str, Any], begun: Extent) -> None:
        super().__init__(file, target)
        self._part, self._state = part, _state_of(part)
        self._identity, self.begun = identity, begun

    def append(self, content: str, now: Extent) -> None:
        with _told(self._path, self.is_kept):
            super().append(content, now)
            os.fsync(self._file.fileno())
            record = {**self._identity, **asdict(replace(now, bytes=self._file.tell()))}
            replace_whole(sealed(json.dumps(record, indent=1)), self._state, 0o666)

    def finish(self) -> None:
        """Give it its name. Raises OSError."""
        self._file.close()
        self._part.replace(self._path)
        self._state.unlink(missing_ok=True)


def _drop_empty(part: Path) -> None:
    """A run that was refused before it wrote anything leaves nothing."""
    if part.exists() and not part.stat().st_size:
        part.unlink()


def _state_of(part: Path) -> Path:
    return part.with_name(part.name + ".json")


@contextmanager
def open_output(path: Path | None, identity: Mapping[str, Any], *, again: bool, force: bool) -> Iterator[Output]:
    """What rows are appended to; a file gets its name when the block ends without an exception.

    Args:
        path: None and `-` are stdout.
        identity: JSON values on which all rows depend; only a run with the same goes on.
        again: start over what an earlier run left.
        force: replace a file that is there.

    Raises:
        IcldiagError: it cannot be written, is there already, is being written by another run, or was begun otherwise.
    """
    if path is None or is_stdout(path):
        if sys.stdout is None:
            raise IcldiagError("standard output is closed; name a file with -o")
        yield Output(sys.stdout.buffer, Path("-"))
        return
    with ExitStack() as stack:
        with _told(path):
            kept = None if is_there(path) and not is_taken(path) else _part_file(path, again, force, identity, stack)
            # a pipe or a device is written to as it is; of a folder the system says that it is one
            output = kept or Output(stack.enter_context(path.open("wb", buffering=0)), path)
        yield output
        if kept is not None:
            with _told(path):
                kept.finish()


def _part_file(path: Path, again: bool, force: bool, identity: Mapping[str, Any], stack: ExitStack) -> PartFile:
    if is_taken(path) and not force:
        raise IcldiagError(f"{quoted_path(path)} is there already; overwrite it with --force, or choose another -o")
    if is_taken(path) and not os.access(path, os.W_OK):
        raise IcldiagError(f"{quoted_path(path)} is write-protected; choose another -o")
    target = Path(os.path.realpath(path))
    if target.is_symlink():  # a loop
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
    part = target.with_name(target.name + ".part")
    locked = part.with_name(part.name + ".lock")
    lock = take_lock(locked)
    if lock is None:
        raise IcldiagError(f"{quoted_path(path)} is being written by another run; wait for it, or choose another -o")
    stack.callback(drop_lock, lock, locked)
    begun = Extent() if again else _begun(part, identity)
    file = stack.enter_context(part.open("r+b" if part.exists() else "x+b", buffering=0))
    stack.callback(_drop_empty, part)
    file.truncate(begun.bytes)
    file.seek(begun.bytes)
    return PartFile(file, target, part, identity, begun)


@contextmanager
def _told(path: Path, is_kept: bool = True) -> Iterator[None]:
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        cure = _CURES.get(error.errno or 0, _ELSEWHERE) if is_kept else _ELSEWHERE
        if is_stdout(path):
            raise IcldiagError(
                f"cannot write to standard output: {error.strerror or error}; send it elsewhere"
            ) from None
        raise IcldiagError(f"cannot write {quoted_path(path)}: {error.strerror or error}; {cure}") from None


def _begun(part: Path, identity: Mapping[str, Any]) -> Extent:
    """What an earlier run of the same left; nothing where there was none. Raises IcldiagError."""
    state = _state_of(part)
    if not part.exists() or not state.exists():
        return Extent()  # at most a few bytes that nobody vouches for
    cure = "repeat that command to continue it, or start over with --again"
    content = read_own(state, _STATE_BYTES)
    if not is_whole(content):
        raise IcldiagError(f"{quoted_path(state)} is damaged and cannot be continued; start over with --again")
    record = json.loads(content)
    if not record.get("rows"):
        return Extent()  # nothing is lost, whatever it was
    for field, value in identity.items():
        if record.get(field) != value:
            raise IcldiagError(f"{quoted_path(part)} is of an interrupted run with another {field}; {cure}")
    begun = Extent(*(record[field.name] for field in fields(Extent)))
    if part.stat().st_size < begun.bytes:
        raise IcldiagError(f"{quoted_path(part)} is shorter than the interrupted run left it; start over with --again")
    return begun
