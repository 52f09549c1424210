"""`python -m benchmarks.pairs CHECKOUT [--model M]`: is this version as fast as another one?

Works that both versions have, through `Session` alone. Each version runs in processes of its own, in turn: a process
loads the model, does each work once to warm up, and then as often as `--repeats` says. The table has the processor
seconds of one thread (medians over all processes) and the ratio this / other, the median over pairs of neighbours.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

HERE = Path(__file__).parents[1]
QUERIES = 100


def works(name: str) -> dict[str, Callable[[], Any]]:
    """Each on a session of its own, so that nothing is taken from an earlier answer; the model is loaded once."""
    from benchmarks.work import make_prompt
    from icldiag.session import Session

    prompt = make_prompt("short")
    prompt = type(prompt)(**{**vars(prompt), "queries": prompt.queries[:QUERIES]})
    model = Session(prompt, name).load()

    def session() -> Session:
        return Session(prompt, model)

    def extraction() -> None:
        own = session()
        own.prediction()
        own.extraction()

    return {
        f"prediction, {QUERIES} queries": lambda: session().prediction(),
        "prediction and extraction": extraction,
        "saliency of one query": lambda: session().flow(0),
        "isolation sweep": lambda: session().isolation(),
        "explanation of one query": lambda: session().explanation(0),
    }


def measure(model: str, repeats: int, only: str) -> None:
    """One process: print {work: [seconds]} as JSON."""
    seconds: dict[str, list[float]] = {}
    for name, work in works(model).items():
        if only not in name:
            continue
        work()
        for _ in range(repeats):
            begun = time.process_time()
            work()
            seconds.setdefault(name, []).append(time.process_time() - begun)
    print(json.dumps(seconds))


def _process(checkout: Path, model: str, repeats: int, only: str) -> dict[str, list[float]]:
    command = f"from pairs import measure; measure({model!r}, {repeats}, {only!r})"
    path = os.pathsep.join([str(checkout), str(Path(__file__).parent)])
    environment = {**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1"}
    run = subprocess.run(
        [sys.executable, "-c", command], env=environment, cwd=checkout, capture_output=True, text=True, check=True
    )
    return dict(json.loads(run.stdout.splitlines()[-1]))


def main(
    other: Annotated[Path, typer.Argument(help="A checkout of the other version.")],
    model: Annotated[str, typer.Option()] = "bundled",
    rounds: Annotated[int, typer.Option(min=1, help="Pairs of processes.")] = 5,
    repeats: Annotated[int, typer.Option(min=1, help="Of each work in a process, after one to warm up.")] = 3,
    only: Annotated[str, typer.Option(help="Works whose name holds this.")] = "",
) -> None:
    """Print the table."""
    pairs: list[tuple[dict[str, list[float]], dict[str, list[float]]]] = []
    for number in range(rounds):
        order = (HERE, other.resolve()) if number % 2 else (other.resolve(), HERE)
        found = {checkout: _process(checkout, model, repeats, only) for checkout in order}
        pairs.append((found[HERE], found[other.resolve()]))
    print("| work | this | other | this / other |")
    print("| --- | --- | --- | --- |")
    for name in pairs[0][0]:
        mine, theirs = ([statistics.median(one[side][name]) for one in pairs] for side in (0, 1))
        ratios = [a / b for a, b in zip(mine, theirs, strict=True)]
        spread = f"{statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})"
        print(f"| {name} | {statistics.median(mine):.3g} s | {statistics.median(theirs):.3g} s | {spread} |")


if __name__ == "__main__":
    typer.run(main)
