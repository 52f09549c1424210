"""Progress of a sweep on stderr, with the time that is left estimated from the finished cells."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from statistics import fmean

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn

from icldiag.model.readout import Progress as Report
from icldiag.model.readout import silent
from icldiag.sweeps.cells import Cell
from icldiag.sweeps.results import Result
from icldiag.sweeps.worker import Failure
from icldiag.time_left import about
from icldiag.visible import visible


class Forecast:
    """Seconds that cells will take, from those that are done: the most like them that there are."""

    def __init__(self) -> None:
        self._seconds: dict[tuple[str, ...], list[float]] = {}

    def learn(self, cell: Cell, seconds: float) -> None:
        for kind in self._kinds(cell):
            self._seconds.setdefault(kind, []).append(seconds)

    def seconds(self, cells: Sequence[Cell]) -> float | None:
        """None before any cell is done."""
        if not self._seconds:
            return None
        return sum(self._expected(cell) for cell in cells)

    def _expected(self, cell: Cell) -> float:
        return next(fmean(self._seconds[kind]) for kind in self._kinds(cell) if kind in self._seconds)

    def _kinds(self, cell: Cell) -> tuple[tuple[str, ...], ...]:
        """The most like first."""
        return (cell.analysis, cell.task, cell.model.name), (cell.analysis, cell.model.name), (cell.analysis,), ()


class SweepWatch:
    """Counts cells, and says after each one how long the rest will take."""

    def __init__(self, cells: Sequence[Cell], forecast: Forecast, done: int, workers: int) -> None:
        self.pending = list(cells)
        self.total = done + len(cells)
        self.forecast, self.workers = forecast, workers

    @property
    def progress(self) -> Report:
        return silent

    def begun(self, cell: Cell) -> None:
        """Nothing is said."""

    def ended(self, cell: Cell, outcome: Result | Failure) -> None:
        self.pending.remove(cell)
        if isinstance(outcome, Result):
            self.forecast.learn(cell, outcome.seconds)
            rest = f", {self.left}" if self.left else ""
            self.count(f"{self.done} of {self.total}: {cell.name}, {outcome.seconds:.1f} s{rest}")
        else:
            self.say(f"{self.done} of {self.total}: {cell.name}: failed: {outcome.reason}")

    def lost(self, cell: Cell) -> None:
        self.say(f"a worker was lost; runs again: {cell.name}")

    @property
    def done(self) -> int:
        return self.total - len(self.pending)

    @property
    def left(self) -> str:
        seconds = self.forecast.seconds(self.pending)
        if seconds is None or not self.pending:
            return ""
        return f"{about(seconds / self.workers)} left"

    def count(self, text: str) -> None:
        """Say that a cell is done."""
        self.say(text)

    def say(self, text: str) -> None:
        print(visible(text), file=sys.stderr, flush=True)


class _Bars(SweepWatch):
    """On a terminal: a bar over all cells, and below it one within the cell."""

    def __init__(self, bars: Progress, cells: Sequence[Cell], forecast: Forecast, done: int, workers: int) -> None:
        super().__init__(cells, forecast, done, workers)
        self._bars = bars
        self._all = bars.add_task("cells", total=self.total, completed=done, left=self.left)
        self._within: TaskID | None = None

    @property
    def progress(self) -> Report:
        return self._step

    def _step(self, what: str, done: int, total: int) -> None:
        if self._within is not None:
            self._bars.update(self._within, description=f"  {visible(what)}", completed=done, total=total)

    def begun(self, cell: Cell) -> None:
        self._bars.update(self._all, description=visible(cell.name))
        if self._within is None and self.workers == 1:
            self._within = self._bars.add_task("", total=None, left="")

    def ended(self, cell: Cell, outcome: Result | Failure) -> None:
        super().ended(cell, outcome)
        self._bars.update(self._all, completed=self.done, left=self.left)

    def count(self, text: str) -> None:
        """The bar says it."""

    def say(self, text: str) -> None:
        self._bars.console.print(visible(text), markup=False, highlight=False)


@contextmanager
def watch_on_stderr(cells: Sequence[Cell], known: dict[Cell, Result], workers: int) -> Iterator[SweepWatch]:
    """Bars on a terminal, a line a cell elsewhere."""
    forecast = Forecast()
    for cell, result in known.items():
        forecast.learn(cell, result.seconds)
    console = Console(stderr=True, highlight=False)
    if not console.is_terminal:
        yield SweepWatch(cells, forecast, len(known), workers)
        return
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TextColumn("{task.fields[left]}", markup=False),
    )
    with Progress(*columns, console=console, transient=True) as bars:
        yield _Bars(bars, cells, forecast, len(known), workers)
