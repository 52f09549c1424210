"""Progress of a command, on stderr: bars on a terminal, a line a stage elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

Stage = Callable[[str], None]
Report = Callable[[str, int, int], None]


@contextmanager
def progress_on_stderr() -> Iterator[tuple[Stage, Report]]:
    """Yield (stage, progress): the first names what loads, the second counts what is computed."""
    console = Console(stderr=True, highlight=False)
    if not console.is_terminal:
        yield _lines()
        return
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as bars:
        tasks = {}

        def progress(what: str, done: int, total: int) -> None:
            if what not in tasks:
                tasks[what] = bars.add_task(what, total=total)
            bars.update(tasks[what], completed=done, total=total)

        def stage(text: str) -> None:
            bars.console.print(f"loading: {text}", markup=False)

        yield stage, progress


def _lines() -> tuple[Stage, Report]:
    begun: set[str] = set()

    def progress(what: str, done: int, total: int) -> None:
        if what not in begun:
            begun.add(what)
            print(f"computing: {what} ({total})", file=sys.stderr)

    return lambda text: print(f"loading: {text}", file=sys.stderr), progress
