"""A process that reads inputs one after another under limits, and is replaced when it hangs, dies or grows."""

from __future__ import annotations

import faulthandler
import gc
import multiprocessing
import os
import re
import resource
import shutil
import signal
import sys
import tempfile
import threading
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from types import FrameType
from typing import Any

from tests.fuzz.inputs import LARGEST, Input, place_odd_files
from tests.fuzz.judge import Outcome, fault, of_command, of_error, of_output
from tests.fuzz.reader import Reader

_FORK = multiprocessing.get_context("fork")  # what the parent has imported is there at once


@dataclass(frozen=True)
class Limits:
    """For one input. Seconds of the wall are many, as other work may share the machine."""

    processor: float = 5.0
    wall: float = 15.0
    kill: float = 30.0  # when code in C does not come back to Python
    memory: int = 400 * 2**20  # bytes more than before, at the peak
    space: int = 2 * 2**30  # bytes of addresses more than before, where MemoryError is raised


class TooSlow(BaseException):
    """Raised within the reader by a timer; no `except Exception` stops it."""


class Worker:
    """Reads inputs in a process of its own. Use as a context."""

    def __init__(self, reader: Reader, limits: Limits) -> None:
        self.reader, self.limits = reader, limits
        self._process: Any = None
        self._folder: Path | None = None

    def __enter__(self) -> Worker:
        return self

    def __exit__(self, *_: object) -> None:
        self._stop()

    def read(self, given: Input) -> Outcome:
        """How the reader takes an input."""
        if self._process is None:
            self._start()
        try:
            self._connection.send(given)
            answered = self._connection.poll(self.limits.kill)
            outcome: Outcome = self._connection.recv() if answered else self._hanging()
        except (EOFError, ConnectionError):
            self._process.join(5)
            outcome = fault(f"process ended, exit code {self._process.exitcode}")
        if outcome.sign.startswith(("hang in C", "process ended", "memory", "MemoryError")):
            self._stop()
        return outcome

    def _hanging(self) -> Outcome:
        """Where it hangs, as it wrote itself before it is killed."""
        stack = (self._folder.with_suffix(".stack")).read_text() if self._folder else ""
        ours = re.search(
            r'File ".*/([^/]+/[^/]+\.py)", line \d+ in (\w+)', stack[stack.rfind("most recent call first") :]
        )
        return fault(f"hang in C, in {':'.join(ours.groups()) if ours else 'an unknown place'}", stack[-3000:])

    def _start(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="fz"))
        place_odd_files(self._folder)
        self._connection, theirs = _FORK.Pipe()
        ends = (theirs, self._connection)
        self._process = _FORK.Process(target=_serve, args=(*ends, self.reader, self.limits, self._folder))
        self._process.start()
        theirs.close()

    def _stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.join()
            self._connection.close()
            self._process = None
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder.with_suffix(".stack").unlink(missing_ok=True)


# ---- in the process --------------------------------------------------------------------------------------------------


def _serve(connection: Connection, other: Connection, reader: Reader, limits: Limits, folder: Path) -> None:
    other.close()  # so that this process ends when the one that asks does, however it ends
    os.chdir(folder)
    for variable, name in (("CACHE", "cache"), ("STATE", "state"), ("CONFIG", "config.toml")):
        os.environ[f"ICLDIAG_{variable}"] = str(folder / name)
    os.environ.update(HOME=str(folder), HF_HUB_OFFLINE="1", COLUMNS="100", NO_COLOR="1")
    _as_a_new_process()
    waits, _open = os.pipe()  # reading stdin waits for ever, as at a terminal
    os.dup2(waits, 0)
    out, told = (os.memfd_create(name) for name in ("out", "told"))
    os.dup2(out, 1)
    os.dup2(told, 2)
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + limits.space,) * 2)
    for number in (signal.SIGALRM, signal.SIGPROF):
        signal.signal(number, _too_slow)
    stack = folder.with_suffix(".stack").open("w")
    while True:
        try:
            given = connection.recv()
        except EOFError:
            os._exit(0)
        given.write(folder)
        if reader.is_command:  # whose stdin may be what it reads
            stdin = folder / "stdin"
            with (stdin if stdin.is_file() and stdin.stat().st_size <= LARGEST else Path(os.devnull)).open(
                "rb"
            ) as file:
                os.dup2(file.fileno(), 0)
        faulthandler.dump_traceback_later(limits.kill * 0.9, file=stack)
        outcome = _judged(reader, given, limits, folder, out, told)
        faulthandler.cancel_dump_traceback_later()
        connection.send(outcome)


def _as_a_new_process() -> None:
    """Undo what pytest does to output, warnings and errors that nobody catches."""
    faulthandler.disable()
    gc.enable()
    sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115
    sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", encoding="utf-8", errors="backslashreplace", closefd=False)  # noqa: SIM115
    sys.unraisablehook, threading.excepthook = sys.__unraisablehook__, threading.__excepthook__
    warnings.resetwarnings()
    for kind in (DeprecationWarning, PendingDeprecationWarning, ImportWarning, ResourceWarning):
        warnings.simplefilter("ignore", kind)
    warnings.showwarning = lambda message, kind, *_: print(f"{kind.__name__}: {message}", file=sys.stderr)


def _too_slow(number: int, frame: FrameType | None) -> None:
    raise TooSlow("seconds of the processor" if number == signal.SIGPROF else "seconds of the wall")


@contextmanager
def _timed(limits: Limits) -> Iterator[None]:
    """TooSlow after the limits, and again and again should it be swallowed."""
    signal.setitimer(signal.ITIMER_PROF, limits.processor, 0.5)
    signal.setitimer(signal.ITIMER_REAL, limits.wall, 0.5)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.setitimer(signal.ITIMER_PROF, 0)


def _judged(reader: Reader, given: Input, limits: Limits, folder: Path, out: int, told: int) -> Outcome:
    before = _peak(forget=True)
    begun, code = time.process_time(), None
    try:
        with _timed(limits):
            code = reader.read(folder, given.arguments)
        outcome = Outcome("value")
    except TooSlow as error:
        used = f"{time.process_time() - begun:.1f} s of the processor"
        outcome = of_error(error, given)
        outcome = fault(outcome.sign.replace("TooSlow", f"hang ({error})"), f"{used}\n{outcome.detail}")
    except BaseException as error:
        outcome = of_error(error, given)
        del error
    grown = _peak() - before
    printed, said = _taken(out, sys.stdout), _taken(told, sys.stderr)
    if outcome.is_fault:
        return outcome
    if grown > limits.memory:
        return fault("memory", f"{grown / 2**20:.0f} MiB more at the peak")
    if reader.is_command and outcome.kind == "value":
        return of_command(code, printed, said, given)
    return of_output(printed + said) or outcome


def _peak(*, forget: bool = False) -> int:
    """Bytes of memory that this process had at most, since it was told to forget."""
    if forget:
        Path("/proc/self/clear_refs").write_text("5")
    with Path("/proc/self/status").open() as file:
        return next(int(line.split()[1]) * 1024 for line in file if line.startswith("VmHWM"))


def _taken(file: int, stream: Any) -> str:
    """What was written since it was last taken."""
    with suppress(ValueError, OSError):
        stream.flush()
    size = os.lseek(file, 0, os.SEEK_END)
    os.lseek(file, 0, os.SEEK_SET)
    text = os.read(file, min(size, 2**20)).decode("utf-8", "replace")
    os.ftruncate(file, 0)
    os.lseek(file, 0, os.SEEK_SET)
    return text
