"""icldiag in a real pseudo-terminal, with a terminal emulator behind it."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import select
import signal
import struct
import sys
import termios
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pyte

from tests.patience import LONG

_PART = 512  # bytes, fewer than a frame has: what one frame shows may be gone in the next


class Terminal:
    """One run of `icldiag ARGUMENTS`; `screen` is what a person would see."""

    def __init__(
        self,
        *arguments: str,
        columns: int = 120,
        rows: int = 40,
        environment: dict[str, str],
        stdout: Path | None = None,
    ) -> None:
        self.columns, self.rows = columns, rows
        self.written = b""
        self.emulator = pyte.Screen(columns, rows)
        self._stream = pyte.ByteStream(self.emulator)
        self.process, self._descriptor = pty.fork()
        if self.process == 0:
            for number in (signal.SIGHUP, signal.SIGINT):  # as a shell's background does, and nohup
                signal.signal(number, signal.SIG_IGN)
            if stdout is not None:
                os.dup2(os.open(stdout, os.O_WRONLY), 1)
            os.environ.update(environment | {"TERM": "xterm-256color", "COLUMNS": "", "LINES": ""})
            os.execv(sys.executable, [sys.executable, "-m", "icldiag", *arguments])
        self._set_size()

    def _set_size(self) -> None:
        fcntl.ioctl(self._descriptor, termios.TIOCSWINSZ, struct.pack("HHHH", self.rows, self.columns, 0, 0))

    def resize(self, columns: int, rows: int) -> None:
        self.columns, self.rows = columns, rows
        self.emulator.resize(rows, columns)
        self._set_size()
        self.kill(signal.SIGWINCH)

    @property
    def modes(self) -> list[object]:
        """Echo, line by line and the like, as the terminal has them now."""
        return termios.tcgetattr(self._descriptor)

    @property
    def echoes(self) -> bool:
        return bool(termios.tcgetattr(self._descriptor)[3] & termios.ECHO)

    @property
    def screen(self) -> str:
        return "\n".join(self.emulator.display)

    def read(self, seconds: float) -> None:
        """Take in a part of what is written, or wait so long for it."""
        if self._descriptor >= 0 and select.select([self._descriptor], [], [], seconds)[0]:
            with contextlib.suppress(OSError):
                found = os.read(self._descriptor, _PART)
                self.written += found
                with contextlib.suppress(Exception):  # sequences that the emulator does not know
                    self._stream.feed(found)

    def until(self, holds: str | Callable[[str], bool], seconds: float = LONG) -> None:
        """Wait until some words are on the screen, however soon they are written over."""
        end = time.monotonic() + seconds
        while not (holds in self.screen if isinstance(holds, str) else holds(self.screen)):
            assert time.monotonic() < end, f"not on the screen: {holds}\n{self.screen}"
            self.read(0.1)

    def press(self, keys: str) -> None:
        self.type(keys.encode())

    def type(self, keys: bytes) -> None:
        os.write(self._descriptor, keys)

    def kill(self, number: int) -> None:
        os.kill(self.process, number)

    def hang_up(self) -> None:
        """The line drops."""
        os.close(self._descriptor)
        self._descriptor = -1

    def ended(self, seconds: float = LONG) -> int:
        """Wait for the end; the exit code, or minus the signal that ended it."""
        end = time.monotonic() + seconds
        while True:
            process, status = os.waitpid(self.process, os.WNOHANG)
            if process:
                self.process = 0
                for _ in range(1000):
                    self.read(0.0)
                return os.waitstatus_to_exitcode(status)
            assert time.monotonic() < end, "still running"
            self.read(0.1)

    def close(self) -> None:
        if self.process:
            self.kill(signal.SIGKILL)
            os.waitpid(self.process, 0)
        if self._descriptor >= 0:
            os.close(self._descriptor)


@contextlib.contextmanager
def terminal(
    folder: Path,
    *arguments: str,
    columns: int = 120,
    rows: int = 40,
    stdout: Path | None = None,
    **environment: str,
) -> Iterator[Terminal]:
    """Run in `folder`, with results and sessions there."""
    places = {"ICLDIAG_CACHE": str(folder / "cache"), "ICLDIAG_STATE": str(folder / "state"), "NO_COLOR": ""}
    found = Terminal(*arguments, columns=columns, rows=rows, environment=places | environment, stdout=stdout)
    try:
        yield found
    finally:
        found.close()
