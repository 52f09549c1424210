"""Running a sweep: what is not there yet is computed and kept; what fails is told at the end and tried next time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

from icldiag.model.readout import Progress, silent
from icldiag.sweeps.cells import Cell
from icldiag.sweeps.results import Result, Results
from icldiag.sweeps.worker import Failure, Worker


class Watch(Protocol):
    """Who is told how it goes."""

    def begun(self, cell: Cell) -> None: ...

    def ended(self, cell: Cell, outcome: Result | Failure) -> None: ...

    def lost(self, cell: Cell) -> None:
        """A worker went away with it; the cell runs again."""

    @property
    def progress(self) -> Progress:
        """Within a cell."""
        ...


class NoWatch:
    """Nobody is told."""

    progress = staticmethod(silent)

    def begun(self, cell: Cell) -> None: ...

    def ended(self, cell: Cell, outcome: Result | Failure) -> None: ...

    def lost(self, cell: Cell) -> None: ...


class Executor(Protocol):
    """Computes cells in whatever order suits it."""

    def outcomes(self, cells: Sequence[Cell], watch: Watch) -> Iterator[tuple[Cell, Result | Failure]]: ...


class InProcess:
    """One worker, here."""

    def outcomes(self, cells: Sequence[Cell], watch: Watch) -> Iterator[tuple[Cell, Result | Failure]]:
        worker = Worker()
        for cell in cells:
            watch.begun(cell)
            yield cell, worker.compute(cell, watch.progress)


def run(
    cells: Sequence[Cell], results: Results, executor: Executor, watch: Watch, *, again: bool = False
) -> tuple[dict[Cell, Result], dict[Cell, Failure]]:
    """Compute the cells that have no result, each one kept as it is done: a run may end at any time and go on later.

    Args:
        again: also those that have one, which stays until the new one takes its place.

    Returns: the results of all cells that have one, in the cells' order, and why the others have none.
    """
    found = {cell: None if again else results.get(cell) for cell in cells}
    failures: dict[Cell, Failure] = {}
    for cell, outcome in executor.outcomes([cell for cell, result in found.items() if result is None], watch):
        if isinstance(outcome, Result):
            results.put(cell, outcome)
            found[cell] = outcome
        else:
            failures[cell] = outcome
        watch.ended(cell, outcome)
    return {cell: result for cell, result in found.items() if result is not None}, failures
