"""The files that a command reads, so that it does not write its output over one of them."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path

from icldiag.errors import IcldiagError
from icldiag.quoting import quoted_path


@dataclass
class Sources:
    """Regular files, by device and inode: however they are named."""

    _files: set[tuple[int, int]] = field(default_factory=set)

    def add(self, state: os.stat_result) -> None:
        self._files.add((state.st_dev, state.st_ino))

    def refuse(self, output: Path | None, but: Path | None = None) -> None:
        """Raise IcldiagError where `output` is one of them, unless it is `but`. There need be no such file."""
        with suppress(OSError, ValueError):
            if output is None or (but is not None and output.samefile(but)):
                return
            state = output.stat()
            if stat.S_ISREG(state.st_mode) and (state.st_dev, state.st_ino) in self._files:
                raise IcldiagError(f"{quoted_path(output)} is what this command reads; write to another file")


_OPENED: ContextVar[Sources | None] = ContextVar("opened", default=None)


@contextmanager
def sources() -> Iterator[Sources]:
    """What is opened to be read within the block."""
    opened = Sources()
    token = _OPENED.set(opened)
    try:
        yield opened
    finally:
        _OPENED.reset(token)


def note(state: os.stat_result) -> None:
    """A file is opened."""
    opened = _OPENED.get()
    if opened is not None:
        opened.add(state)
