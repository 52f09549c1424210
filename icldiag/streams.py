"""Standard input and output as commands need them: always there, never failing on a character, errors as sentences."""

from __future__ import annotations

import errno
import io
import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

_OUTPUT = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EBADF)


def prepare_streams() -> None:
    """Whatever the terminal's encoding lacks is shown as an escape; messages for a closed stderr go nowhere.

    A closed stdout stays closed: `icldiag.files.write_document` says so rather than lose a document.
    """
    if sys.stdin is None:
        sys.stdin = Path(os.devnull).open(encoding="utf-8")  # noqa: SIM115 - for as long as the process lives
    if sys.stderr is None:  # `print` would write to stdout instead
        sys.stderr = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


_modes: list[Any] = []  # of the terminal as it was, while its echo is off


def stop_echo() -> None:
    """What is typed until the app is there is kept for it; it need not stand on the shell's screen meanwhile."""
    if sys.stdin is None or not sys.stdin.isatty() or "TEXTUAL_DRIVER" in os.environ:
        return
    try:
        import termios
    except ImportError:  # Windows
        return
    with suppress(termios.error):  # a terminal that has no such modes
        before = termios.tcgetattr(sys.stdin)
        quiet = [*before[:3], before[3] & ~termios.ECHO, *before[4:]]
        termios.tcsetattr(sys.stdin, termios.TCSANOW, quiet)
        _modes[:] = before


def echo_again() -> None:
    """As it was; for whoever reads the terminal next, who gives it back as it is found."""
    if _modes:
        import termios

        with suppress(termios.error):  # it is gone
            termios.tcsetattr(sys.stdin, termios.TCSANOW, _modes)
        _modes.clear()


def flush_output() -> None:
    """Write what is still held back, while an error can be told. Raises OSError."""
    if sys.stdout is not None:
        sys.stdout.flush()


def is_of_output(error: OSError) -> bool:
    """Whether an error is likely stdout's: one that names no file, and means that no more can be written."""
    return error.filename is None and error.errno in _OUTPUT


def give_up_output() -> None:
    """Nothing more can be written to stdout: the interpreter must not try again when it ends."""
    try:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except (OSError, ValueError, AttributeError):
        sys.stdout = None
