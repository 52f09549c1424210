"""Seconds of a whole diagnosis, analysis by analysis, after loading: python -m benchmarks.diagnosis [--device cuda]

The prompt and the models are those of `benchmarks.speed`. Each analysis finds what those above it computed, as in the
app; the first row is a plain batched pass over the queries alone, without their demonstrations, as the least that any
answer costs. Medians of the rounds, each of which begins with nothing computed; passes, transfers, launches and the
seconds in which a GPU computed are counted in one round more.
"""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal

import torch
import typer

from benchmarks.measures import Counts, counts, wait
from benchmarks.work import Length, Shape, make_model, make_prompt
from icldiag.counting import counted
from icldiag.model.forward import InstrumentedModel
from icldiag.session import Session

PLAIN = "plain pass"
ANALYSES: dict[str, Callable[[Session], Any]] = {
    "prediction": lambda session: session.prediction(),
    "overview": lambda session: session.overview(),
    "confusion": lambda session: session.confusion(),
    "extraction": lambda session: session.extraction(),
    "saliency": lambda session: session.flow(0),
    "explanation": lambda session: session.explanation(0),
}


def plain_pass(model: InstrumentedModel, session: Session) -> Callable[[], None]:
    """The fused model on all queries, padded to one width."""
    rows = [list(query.ids) for query in session.encoded.queries]
    width = max(map(len, rows))
    ids = torch.tensor([row + [row[-1]] * (width - len(row)) for row in rows], device=model.device)

    @torch.no_grad()
    def run() -> None:
        with model.plain() as fused:
            fused(input_ids=ids, use_cache=False, logits_to_keep=1)

    return run


def one_round(model: InstrumentedModel, length: Length, measure: Callable[[Callable[[], Any]], Any]) -> dict[str, Any]:
    """What `measure` says of each row, in a session that has computed nothing."""
    session = Session(make_prompt(length), model)
    rows: dict[str, Callable[[], Any]] = {PLAIN: plain_pass(model, session)}
    rows |= {name: partial(ask, session) for name, ask in ANALYSES.items()}
    return {name: measure(run) for name, run in rows.items()}


def main(
    shape: Annotated[Shape, typer.Option("--shape", "--model")] = "bundled",
    length: Length = "short",
    device: str = "cpu",
    dtype: Annotated[Literal["float32", "bfloat16", "float16"], typer.Option(help="Of the weights.")] = "float32",
    rounds: Annotated[int, typer.Option(min=1, help="After one that warms up.")] = 3,
    json_file: Annotated[Path | None, typer.Option("--json", help="Also write every number to this file.")] = None,
) -> None:
    """Print the table."""
    model = make_model(shape, device, getattr(torch, dtype))

    def seconds(run: Callable[[], Any]) -> float:
        wait(device)
        begun = time.perf_counter()
        run()
        wait(device)
        return time.perf_counter() - begun

    timed = [one_round(model, length, seconds) for _ in range(rounds + 1)][1:]
    rows: dict[str, Counts] = one_round(model, length, lambda run: counts(run, device))
    tokens = len(Session(make_prompt(length), model).encoded.prefix)
    name = torch.cuda.get_device_name(device) if device.startswith("cuda") else "CPU"
    print(f"{shape}, {dtype}, {name}; demonstrations of {tokens} tokens, medians of {counted(rounds, 'round')}\n")
    print("| analysis | seconds | passes | transfers | launches | GPU busy |\n| --- | --- | --- | --- | --- | --- |")
    found = {row: statistics.median(one[row] for one in timed) for row in rows}
    for row, count in rows.items():
        share = "" if count.busy is None else f", {count.busy / found[row]:.0%}"
        print(f"| {row} | {found[row]:.3g} | {' | '.join(count.cells)}{share} |")
    print(f"| all but the plain pass | {sum(found.values()) - found[PLAIN]:.3g} | | | | |", flush=True)
    if json_file is not None:
        about = {"shape": shape, "dtype": dtype, "device": name, "tokens": tokens, "rounds": rounds}
        told = [{"analysis": row, "seconds": found[row]} | vars(count) for row, count in rows.items()]
        json_file.write_text(json.dumps(about | {"rows": told}, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    typer.run(main)
