"""How a command ends early: stopped by a signal, or with nobody left to read its output."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType

from icldiag.errors import IcldiagError


class Terminated(KeyboardInterrupt):
    """SIGTERM: a command ends as after Ctrl-C, with what is done kept and a word about it."""


class Stopped(IcldiagError):
    """A command was stopped by a signal that it did not answer itself."""

    def __init__(self, stop: KeyboardInterrupt) -> None:
        super().__init__("stopped")
        self.exit_code = stop_code(stop)


class ReaderGone(Exception):
    """Who read the output, such as `head`, has gone."""


def stop_code(stop: KeyboardInterrupt) -> int:
    """The exit status of a process that this ended, as shells tell it."""
    return 128 + (signal.SIGTERM if isinstance(stop, Terminated) else signal.SIGINT)


@contextmanager
def own_endings() -> Iterator[None]:
    """Raise Stopped or ReaderGone where typer would give exit codes of its own, without a word."""
    try:
        yield
    except KeyboardInterrupt as stop:
        raise Stopped(stop) from None
    except BrokenPipeError:
        raise ReaderGone from None
    except SystemExit as end:
        if isinstance(end.__context__, BrokenPipeError):  # rich makes a status of 1 of it
            raise ReaderGone from None
        raise


@contextmanager
def sigterm_stops() -> Iterator[None]:
    """Within, SIGTERM raises Terminated, unless it is ignored or answered already."""

    def terminate(number: int, frame: FrameType | None) -> None:
        raise Terminated

    ours = False
    if signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
        with suppress(ValueError):  # not in the main thread
            signal.signal(signal.SIGTERM, terminate)
            ours = True
    try:
        yield
    finally:
        if ours and signal.getsignal(signal.SIGTERM) is terminate:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
