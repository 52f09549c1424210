"""Seconds, memory, passes and a GPU's share of one piece of work."""

from __future__ import annotations

import gc
import multiprocessing
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

import torch

from benchmarks.work import Length, Shape, prepared
from icldiag.model.forward import InstrumentedModel

CLOCKS: dict[str, Callable[[], float]] = {"wall": time.perf_counter, "cpu": time.process_time}


def wait(device: str) -> None:
    """Until a GPU has done what it was given; a CPU has."""
    if device.startswith("cuda"):
        torch.cuda.synchronize(device)


def alternate(
    ours: Callable[[], Any],
    reference: Callable[[], Any],
    scale: float,
    rounds: int,
    clock: Callable[[], float],
    device: str = "cpu",
) -> tuple[float, ...]:
    """Median seconds of both, and the median of the rounds' ratios."""
    times: list[tuple[float, float]] = []
    warm_up = rounds > 1
    for round_ in range(rounds + warm_up):
        wait(device)
        begun = clock()
        ours()
        wait(device)
        between = clock()
        reference()
        wait(device)
        if round_ or not warm_up:
            times.append((between - begun, (clock() - between) * scale))
    mine, theirs = zip(*times, strict=True)
    return statistics.median(mine), statistics.median(theirs), statistics.median(b / a for a, b in times)


@dataclass(frozen=True)
class Counts:
    """Of one run of a work."""

    passes: int  # calls of the decoder stack
    transfers: int | None  # tensors that were moved to the host from a GPU
    launches: int | None  # kernels on a GPU
    busy: float | None  # seconds in which a GPU computed

    @property
    def cells(self) -> list[str]:
        """Passes, transfers, launches and seconds as a table has them; what only a GPU has is '-' without one."""
        found = ["-" if count is None else str(count) for count in (self.passes, self.transfers, self.launches)]
        return [*found, "-" if self.busy is None else f"{self.busy:.3g} s"]


@contextmanager
def _counting(passes: list[int], transfers: list[int]) -> Iterator[None]:
    run, cpu = InstrumentedModel.run, torch.Tensor.cpu

    def counted_run(self: InstrumentedModel, batch: Any, **rest: Any) -> Any:
        passes.append(len(batch.ids))
        return run(self, batch, **rest)

    def counted_cpu(tensor: torch.Tensor, *rest: Any, **more: Any) -> torch.Tensor:
        if tensor.device.type != "cpu":
            transfers.append(tensor.numel())
        return cpu(tensor, *rest, **more)

    with patch.object(InstrumentedModel, "run", counted_run), patch.object(torch.Tensor, "cpu", counted_cpu):
        yield


def counts(work: Callable[[], Any], device: str) -> Counts:
    """Run the work once and count."""
    passes: list[int] = []
    transfers: list[int] = []
    with _counting(passes, transfers):
        if not device.startswith("cuda"):
            work()
            return Counts(len(passes), None, None, None)
        with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CUDA]) as profile:
            work()
            wait(device)
    kernels = [event for event in profile.events() or [] if str(event.device_type).endswith("CUDA")]
    busy = sum(event.time_range.elapsed_us() for event in kernels) / 1e6
    return Counts(len(passes), len(transfers), len(kernels), busy)


def _status(name: str) -> int:
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(name))
    return int(line.split()[1]) * 1024


def _grow(shape: Shape, length: Length, row: int, side: str, answer: Any) -> None:
    _, works = prepared(shape, length)
    works[row].ready()
    gc.collect()
    before = _status("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
    getattr(works[row], side)()
    answer.put(_status("VmHWM") - before)


def growth(shape: Shape, length: Length, row: int, side: str) -> int:
    """Bytes by which a fresh process grows at most while it does the work once on the CPU."""
    context = multiprocessing.get_context("spawn")
    answer = context.Queue()
    process = context.Process(target=_grow, args=(shape, length, row, side, answer))
    process.start()
    found = int(answer.get())
    process.join()
    return found


def growth_on_gpu(work: Callable[[], Any], device: str) -> int:
    """Bytes that the work takes at most on a GPU, beside what is there."""
    gc.collect()
    torch.cuda.empty_cache()
    before = torch.cuda.memory_allocated(device)
    torch.cuda.reset_peak_memory_stats(device)
    work()
    wait(device)
    return torch.cuda.max_memory_allocated(device) - before
