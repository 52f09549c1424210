"""Joining a Ray cluster, or starting one on this machine, for whoever has work for several workers."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from icldiag.errors import IcldiagError
from icldiag.quoting import shortened

LOCAL = "local"  # instead of an address: a cluster of this machine alone
LOSSES = 3  # of workers on one piece of work, after which it is left out: it may be what kills them
_PATIENCE = 10.0  # seconds for a cluster to answer
_STORE_BYTES = 100 * 2**20  # of a local cluster's object store, which holds no more than a few answers


@dataclass(frozen=True)
class Cluster:
    """A cluster that was joined, and what each of `workers` may take of it."""

    ray: Any
    workers: int
    gpus: float
    cpus: float

    def actor(self, of: type) -> Any:
        """A class whose objects live in workers of their own."""
        return self.ray.remote(num_cpus=self.cpus, num_gpus=self.gpus)(of)


@contextmanager
def joined(address: str, workers: int | None, gpus: float | None) -> Iterator[Cluster]:
    """Join a cluster, or start one on this machine, and leave it at the end.

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
        yield Cluster(ray, count, each, max(1, int(there.get("CPU", 1) // count)))
    finally:
        ray.shutdown()


def _reach(address: str) -> None:
    """Ray itself tries for minutes. Raises OSError or ValueError."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    socket.create_connection((host.strip("[]"), int(port)), timeout=_PATIENCE).close()
