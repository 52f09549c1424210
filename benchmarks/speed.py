"""How much faster than the paper's way, and in how much less memory: python -m benchmarks.speed

One process for the times, the two sides in turn, medians of the rounds. On a machine that others use as well, give
torch one thread (OMP_NUM_THREADS=1) and take `--clock cpu`: processor seconds, which waiting for one's turn does not
count. Memory is the growth of a fresh process while it does the work once, from /proc, so on Linux only. The table is
Markdown.
"""

from __future__ import annotations

import gc
import multiprocessing
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from benchmarks.work import Length, Which, prepared

MIB = 2**20


CLOCKS: dict[str, Callable[[], float]] = {"wall": time.perf_counter, "cpu": time.process_time}


def alternate(
    ours: Callable[[], Any], reference: Callable[[], Any], scale: float, rounds: int, clock: Callable[[], float]
) -> tuple[float, ...]:
    """Median seconds of both, and the median of the rounds' ratios."""
    times: list[tuple[float, float]] = []
    warm_up = rounds > 1
    for round_ in range(rounds + warm_up):
        begun = clock()
        ours()
        between = clock()
        reference()
        if round_ or not warm_up:
            times.append((between - begun, (clock() - between) * scale))
    mine, theirs = zip(*times, strict=True)
    return statistics.median(mine), statistics.median(theirs), statistics.median(b / a for a, b in times)


def _status(name: str) -> int:
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(name))
    return int(line.split()[1]) * 1024


def _grow(which: Which, length: Length, row: int, side: str, answer: Any) -> None:
    _, works = prepared(which, length)
    works[row].ready()
    gc.collect()
    before = _status("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
    getattr(works[row], side)()
    answer.put(_status("VmHWM") - before)


def growth(which: Which, length: Length, row: int, side: str) -> int:
    """Bytes by which a fresh process grows at most while it does the work once."""
    context = multiprocessing.get_context("spawn")
    answer = context.Queue()
    process = context.Process(target=_grow, args=(which, length, row, side, answer))
    process.start()
    found = int(answer.get())
    process.join()
    return found


def main(
    model: Annotated[Which, typer.Option(help="12 layers x 768 at random, or the bundled one.")] = "random",
    length: Annotated[Length, typer.Option(help="TREC's 6 x 12 tokens, or 2,000 (random model only).")] = "short",
    rounds: Annotated[int, typer.Option(min=1, help="After one that warms up; a single one does without.")] = 3,
    clock: Annotated[Literal["wall", "cpu"], typer.Option(help="What seconds are.")] = "wall",
    memory: Annotated[bool, typer.Option(help="Measure memory, too: each work once more, in its own process.")] = True,
    rows: Annotated[str, typer.Option(help="Numbers of the rows wanted, with commas.")] = "",
) -> None:
    """Print the table."""
    encoded, works = prepared(model, length)
    print(f"{model} model, demonstrations of {len(encoded.prefix)} tokens, {rounds} rounds, {clock} seconds\n")
    print("| work | icldiag | reference | ratio | memory, icldiag | memory, reference |")
    print("| --- | --- | --- | --- | --- | --- |", flush=True)
    wanted = {int(row) for row in rows.split(",")} if rows else set(range(len(works)))
    for row, work in enumerate(works):
        if row not in wanted:
            continue
        work.ready()
        mine, theirs, ratio = alternate(work.ours, work.reference, work.scale, rounds, CLOCKS[clock])
        grown = ["-", "-"]
        if memory:
            grown = [f"{growth(model, length, row, side) / MIB:.0f} MiB" for side in ("ours", "reference")]
        cells = [f"{mine:.3g} s", f"{theirs:.3g} s", f"{ratio:.2f}x", *grown]
        print(f"| {work.name} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    typer.run(main)
