"""Does an explanation name the cause that was planted? python -m benchmarks.planted [--cases 100] [--seed 3000]

Prints the confusion table of planted against named causes, in Markdown: see `benchmarks.planted_cases` for what is
planted. `demonstration` counts only if the mislabelled one itself is named; another one is in column "another one".
"""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from typing import Annotated

import typer

from benchmarks.planted_cases import Case, draw_cases
from benchmarks.plants import KINDS, Kind
from icldiag.analyses.explanation import Explanation
from icldiag.analyses.explanation.ranking import KINDS as NAMED
from icldiag.model.load import load_model
from icldiag.model.settings import ModelSettings
from icldiag.session import Session

CHUNK = 25  # cases that one process draws from one seed
ANOTHER, NONE = "another one", "nothing"
COLUMNS = (*NAMED, ANOTHER, NONE)


def named(case: Case, explanation: Explanation) -> str:
    """The column of the first cause that the explanation names."""
    if not explanation.causes:
        return NONE
    first = explanation.causes[0]
    wrong_one = case.kind == "demonstration" == first.kind and first.demonstration != case.culprit
    return ANOTHER if wrong_one else first.kind


def count_named(kind: Kind, cases: int, seed: int) -> tuple[Kind, Counter[str], Counter[str]]:
    """Draw cases of one kind and explain them: columns of the first cause, and of any that was confirmed."""
    import torch

    torch.set_num_threads(1)
    model = load_model(ModelSettings(device="cpu"))
    first: Counter[str] = Counter()
    anywhere: Counter[str] = Counter()
    for case in draw_cases(kind, cases, seed, model):
        explanation = Session(case.planted, model).explanation(0)
        first[named(case, explanation)] += 1
        anywhere.update({cause.kind for cause in explanation.causes})
    return kind, first, anywhere


def table(rows: list[tuple[Kind, Counter[str], Counter[str]]]) -> str:
    """Planted causes by row, the cause named first by column."""
    lines = [f"| planted \\ named first | {' | '.join(COLUMNS)} | right | confirmed at all |"]
    lines.append("| --- |" + " ---: |" * (len(COLUMNS) + 2))
    for kind, first, anywhere in rows:
        total = sum(first.values())
        cells = " | ".join(str(first[column] or "") for column in COLUMNS)
        lines.append(f"| {kind} | {cells} | {first[kind] / total:.0%} | {anywhere[kind] / total:.0%} |")
    return "\n".join(lines)


def main(
    cases: Annotated[int, typer.Option(help="Cases per planted cause.", min=1)] = 100,
    seed: Annotated[int, typer.Option(help="Draws the cases.")] = 3000,
    workers: Annotated[int, typer.Option(help="Processes.", min=1)] = 2,
) -> None:
    """Print the table."""
    chunks = [min(CHUNK, cases - start) for start in range(0, cases, CHUNK)]
    work = [(kind, count, seed * 100 + number) for kind in KINDS for number, count in enumerate(chunks)]
    rows: dict[Kind, tuple[Counter[str], Counter[str]]] = {kind: (Counter(), Counter()) for kind in KINDS}
    with ProcessPoolExecutor(workers) as pool:
        for done, (kind, first, anywhere) in enumerate(pool.map(count_named, *zip(*work, strict=True)), 1):
            rows[kind][0].update(first)
            rows[kind][1].update(anywhere)
            typer.echo(f"{done} of {len(work)} parts", err=True)
    print(table([(kind, *counts) for kind, counts in rows.items()]))


if __name__ == "__main__":
    typer.run(main)
