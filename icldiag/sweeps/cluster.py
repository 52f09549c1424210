"""A sweep on a Ray cluster: a model is loaded once per worker, and the cells of a worker that is lost run again.

Only numbers travel back: a worker needs icldiag and the models, but no folder that it shares with this machine.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from icldiag.errors import IcldiagError
from icldiag.quoting import shortened
from icldiag.sweeps.cells import Cell
from icldiag.sweeps.results import Result
from icldiag.sweeps.run import Watch
from icldiag.sweeps.worker import Failure, Worker

LOCAL = "local"  # instead of an address: a cluster of this machine alone
_LOSSES = 3  # of workers on one cell, after which it is left out: it may be what kills them
_PATIENCE = 10.0  # seconds for a cluster to answer
_STORE_BYTES = 100 * 2**20  # of a local cluster's object store, which holds no more than a few cells


class OnCluster:
    """Workers that are actors of a cluster. Made by `cluster`."""

    def __init__(self, ray: Any, workers: int, gpus: float, cpus: float) -> None:
        self._ray = ray
        self._count = workers
        self._actor = ray.remote(num_cpus=cpus, num_gpus=gpus)(Worker)

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
                if losses[cell] < _LOSSES:
                    watch.lost(cell)
                    pending.insert(0, cell)
                    continue
                outcome = Failure(f"{_LOSSES} workers were lost while they computed it")
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
    """Join a cluster, or start one on this machine, and leave it at the end. Yields it and its number of workers.

    Args:
        address: 'local', 'auto' for a cluster that runs here, or an address such as ray://host:10001.
        workers: how many; by default one a GPU, or one a machine where there is none.
        gpus: of a worker; by default one where the cluster has any.

    Raises:
        IcldiagError: Ray is not installed, or no cluster answers.
    """
    try:
        import ray
    except ImportError:
        raise IcldiagError("--ray needs the package ray; pip install 'icldiag[ray]'") from None
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nothing is sent anywhere
    options: dict[str, Any] = {"address": address}
    if address == LOCAL:
        options = {"num_cpus": workers, "object_store_memory": _STORE_BYTES, "include_dashboard": False}
        options["_system_config"] = {"worker_niceness": 0}  # the terminal that waits for them is all that there is
    try:
        if ":" in address:
            _reach(address)
        ray.init(**options, log_to_driver=False, logging_level="ERROR")
    except (OSError, ValueError, RuntimeError) as error:  # a ConnectionError is an OSError
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise IcldiagError(
            f"--ray {shortened(address)}: no cluster answers ({reason}); is one started, as by 'ray start'?"
        ) from None
    try:
        there = ray.cluster_resources()
        each = (1.0 if there.get("GPU") else 0.0) if gpus is None else gpus
        count = workers or int(there["GPU"] / each if each else len(ray.nodes())) or 1
        yield OnCluster(ray, count, each, max(1, int(there.get("CPU", 1) // count))), count
    finally:
        ray.shutdown()


def _reach(address: str) -> None:
    """Ray itself tries for minutes. Raises OSError or ValueError."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    socket.create_connection((host.strip("[]"), int(port)), timeout=_PATIENCE).close()
