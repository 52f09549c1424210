"""A sweep on a Ray cluster: a model is loaded once per worker, and the cells of a worker that is lost run again.

Only numbers travel back: a worker needs icldiag and the models, but no folder that it shares with this machine.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from icldiag.ray_cluster import LOSSES, Cluster, joined
from icldiag.sweeps.cells import Cell
from icldiag.sweeps.results import Result
from icldiag.sweeps.run import Watch
from icldiag.sweeps.worker import Failure, Worker


class OnCluster:
    """Workers that are actors of a cluster. Made by `cluster`."""

    def __init__(self, there: Cluster) -> None:
        self._ray, self._count, self._actor = there.ray, there.workers, there.actor(Worker)

    def outcomes(self, cells: Sequence[Cell], watch: Watch) -> Iterator[tuple[Cell, Result | Failure]]:
        """Every worker gets the next cell of its prompt, else of its model, else any."""
        pending = list(cells)
        losses: dict[Cell, int] = {}
        idle: list[tuple[Any, Cell | None]] = [
            (self._actor.remote(), None) for _ in range(min(self._count, len(pending)))
        ]
        running: dict[Any, tuple[Any, Cell]] = {}
        while pending or running:
            while pending and idle:
                worker, last = idle.pop()
                cell = next_cell(pending, last, [busy for _, busy in running.values()])
                pending.remove(cell)
                watch.begun(cell)
                running[worker.compute.remote(cell)] = worker, cell
            (done,), _ = self._ray.wait(list(running), num_returns=1)
            worker, cell = running.pop(done)
            try:
                outcome = self._ray.get(done)
            except self._ray.exceptions.RayActorError:  # killed, out of memory, or its machine is gone
                losses[cell] = losses.get(cell, 0) + 1
                idle.append((self._actor.remote(), None))
                if losses[cell] < LOSSES:
                    watch.lost(cell)
                    pending.insert(0, cell)
                    continue
                outcome = Failure(f"{LOSSES} workers were lost while they computed it")
            else:
                idle.append((worker, cell))
            yield cell, outcome


def next_cell(pending: Sequence[Cell], last: Cell | None, busy: Sequence[Cell]) -> Cell:
    """What a worker that computed `last` takes next, so that little is loaded and encoded twice."""
    prompts = {(cell.model, cell.prompt.hash) for cell in busy}

    def strangeness(cell: Cell) -> tuple[bool, bool, bool]:
        same_model = last is not None and cell.model == last.model
        same_prompt = same_model and last is not None and cell.prompt.hash == last.prompt.hash
        return not same_prompt, not same_model, (cell.model, cell.prompt.hash) in prompts

    return min(pending, key=strangeness)


@contextmanager
def cluster(address: str, workers: int | None, gpus: float | None) -> Iterator[tuple[OnCluster, int]]:
    """A cluster's workers, and how many they are; see `joined`. Raises IcldiagError."""
    with joined(address, workers, gpus) as there:
        yield OnCluster(there), there.workers
