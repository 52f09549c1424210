"""How much faster than the paper's way, and in how much less memory: python -m benchmarks.speed

One process for the times, the two sides in turn, medians of the rounds. On a machine that others use as well, give
torch one thread (OMP_NUM_THREADS=1) and take `--clock cpu`: processor seconds, which waiting for one's turn does not
count. Memory is the growth of a fresh process while it does the work once, from /proc, so on Linux only; on a GPU it
is what torch allocates there at most. Both sides run on the same device. The table is Markdown.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any, Literal

import torch
import typer

from benchmarks.measures import CLOCKS, alternate, counts, growth, growth_on_gpu
from benchmarks.work import Length, Shape, Work, prepared

MIB = 2**20
_DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}


def _memory(shape: Shape, length: Length, device: str, row: int, work: Work) -> list[int]:
    if device.startswith("cuda"):
        return [growth_on_gpu(side, device) for side in (work.ours, work.reference)]
    return [growth(shape, length, row, side) for side in ("ours", "reference")]


def main(
    shape: Annotated[
        Shape, typer.Option("--shape", "--model", help="Random weights of a shape, or the bundled model.")
    ] = "random",
    length: Annotated[Length, typer.Option(help="TREC's 6 x 12 tokens, or 2,000 (not the bundled model).")] = "short",
    device: Annotated[str, typer.Option(help="cpu, cuda, cuda:1: of both sides.")] = "cpu",
    dtype: Annotated[Literal["float32", "bfloat16", "float16"], typer.Option(help="Of the weights.")] = "float32",
    rounds: Annotated[int, typer.Option(min=1, help="After one that warms up; a single one does without.")] = 3,
    clock: Annotated[Literal["wall", "cpu"], typer.Option(help="What seconds are.")] = "wall",
    memory: Annotated[bool, typer.Option(help="Measure memory, too: each work once more.")] = True,
    rows: Annotated[str, typer.Option(help="Numbers of the rows wanted, with commas.")] = "",
    json_file: Annotated[Path | None, typer.Option("--json", help="Also write every number to this file.")] = None,
) -> None:
    """Print the table."""
    encoded, works = prepared(shape, length, device, _DTYPES[dtype])
    name = torch.cuda.get_device_name(device) if device.startswith("cuda") else "CPU"
    tokens = len(encoded.prefix)
    print(f"{shape}, {dtype}, {name}; demonstrations of {tokens} tokens, {rounds} rounds, {clock} seconds\n")
    heads = ["work", "icldiag", "reference", "ratio", "passes", "transfers", "launches", "GPU busy"]
    print(f"| {' | '.join([*heads, 'memory, icldiag', 'memory, reference'])} |")
    print("| " + "--- | " * (len(heads) + 2), flush=True)
    wanted = {int(row) for row in rows.split(",")} if rows else set(range(len(works)))
    found: list[dict[str, Any]] = []
    for row, work in enumerate(works):
        if row not in wanted:
            continue
        work.ready()
        mine, theirs, ratio = alternate(work.ours, work.reference, work.scale, rounds, CLOCKS[clock], device)
        counted = counts(work.ours, device)
        grown = _memory(shape, length, device, row, work) if memory else []
        found.append(
            {"work": work.name, "icldiag": mine, "reference": theirs, "ratio": ratio}
            | vars(counted)
            | {"memory": grown}
        )
        cells = [f"{mine:.3g} s", f"{theirs:.3g} s", f"{ratio:.2f}x", *counted.cells]
        sizes = [f"{size / MIB:.0f} MiB" for size in grown] or ["-", "-"]
        print(f"| {work.name} | {' | '.join([*cells, *sizes])} |", flush=True)
    if json_file is not None:
        about = {"shape": shape, "dtype": dtype, "device": name, "tokens": tokens, "rounds": rounds, "clock": clock}
        json_file.write_text(json.dumps(about | {"rows": found}, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    typer.run(main)
