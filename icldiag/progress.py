"""Progress of a command, on stderr: bars on a terminal, elsewhere lines of what begins and how far it is."""

from __future__ import annotations

import re
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from icldiag.counting import how_far
from icldiag.time_left import TimeLeft

_EVERY = 10.0  # seconds between two lines of the same work, where there are no bars

Stage = Callable[[str], None]
Report = Callable[[str, int, int], None]


@contextmanager
def progress_on_stderr() -> Iterator[tuple[Stage, Report]]:
    """Yield (stage, progress): the first names what loads, the second counts what is computed.

    What has no count (a total of 0), such as the part of a larger work that begins, is a line.
    """
    console = Console(stderr=True, highlight=False)
    if not console.is_terminal:
        yield _lines()
        return
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[left]}", markup=False),
    )
    with Progress(*columns, console=console, transient=True) as bars:
        tasks = {}
        paces: defaultdict[str, TimeLeft] = defaultdict(TimeLeft)

        def progress(what: str, done: int, total: int) -> None:
            if not total:
                bars.console.print(what, markup=False)
                return
            if what not in tasks:
                tasks[what] = bars.add_task(what, total=total, left="")
            left = paces[what].after(what, done, total, time.monotonic()).removeprefix(", ")
            bars.update(tasks[what], completed=done, total=total, left=left)

        yield _once_each(lambda text: bars.console.print(f"loading: {text}", markup=False)), progress


def _lines() -> tuple[Stage, Report]:
    """What begins, and every so often how far it is and how long it goes on."""
    begun: dict[str, int] = {}
    paces: defaultdict[str, TimeLeft] = defaultdict(TimeLeft)
    told = time.monotonic()

    def progress(what: str, done: int, total: int) -> None:
        nonlocal told
        now = time.monotonic()
        left = paces[what].after(what, done, total, now)
        if what not in begun:
            _tell(f"computing: {what} ({how_far(done, total)})" if total else what)
        elif total and done != begun[what] and now - told >= _EVERY:
            _tell(f"computing: {what} ({how_far(done, total)}){left}")
        else:
            return
        begun[what], told = done, now

    return _once_each(lambda text: _tell(f"loading: {text}")), progress


def _tell(text: str) -> None:
    with suppress(OSError):  # nobody reads stderr any more, or it is full: the result is still wanted
        print(text, file=sys.stderr, flush=True)


def _once_each(say: Stage) -> Stage:
    """The stages without their counts, such as `weights 212 of 579 tensors`: a line each."""
    said: set[str] = set()

    def stage(text: str) -> None:
        name = re.sub(r" \d+ of \d+ .*", "", text)
        if name not in said:
            said.add(name)
            say(name)

    return stage
