"""Does an explanation name the cause that was planted? See `benchmarks.plants` for what is planted.

    python -m benchmarks.planted --model bundled --cases 20 --seed 7000 --out planted.jsonl
    python -m benchmarks.planted --table planted.jsonl

Every case is a line of the file as soon as it is explained, so that a run that was stopped has its table too; a seed's
cases do not depend on how many are drawn. The table gives the share named first with its 95% Wilson interval. A
mislabelled demonstration counts only if the very one is named. `order` counts if `recency` is named, which is an order
too, and `prior` if `majority` is, as its plant is one; not the other way round. Of two causes both must be among the
first two.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from math import sqrt
from pathlib import Path
from typing import Annotated, Any

import typer

from benchmarks.planted_cases import LONGEST, Case, draw_cases
from benchmarks.plants import KINDS, Kind
from icldiag.analyses.explanation import Cause
from icldiag.model.load import load_model
from icldiag.model.settings import ModelSettings
from icldiag.session import Session

SPECIAL: dict[str, set[str]] = {"order": {"recency"}, "prior": {"majority"}}  # named so, it is the same cause


def record(case: Case, causes: Sequence[Cause], seed: int) -> dict[str, Any]:
    """What is kept of one explained case."""
    named = [[cause.kind, cause.demonstration, cause.supported] for cause in causes]
    return {"kind": case.kind, "causes": case.causes, "culprit": case.culprit, "seed": seed, "named": named}


def is_planted(named: Sequence[Any], planted: str, culprit: int | None) -> bool:
    """Whether a named cause is the planted one."""
    kind, demonstration, _ = named
    if kind == "demonstration" == planted:
        return bool(demonstration == culprit)
    return kind == planted or kind in SPECIAL.get(planted, set())


def is_first(found: dict[str, Any]) -> bool:
    """Whether the planted cause is named first; both of two, among the first two."""
    first = found["named"][: len(found["causes"])]
    return all(any(is_planted(named, planted, found["culprit"]) for named in first) for planted in found["causes"])


def is_confirmed(found: dict[str, Any]) -> bool:
    """Whether it is named at any place, supported or not."""
    return all(
        any(is_planted(named, planted, found["culprit"]) for named in found["named"]) for planted in found["causes"]
    )


def wilson(right: int, total: int) -> tuple[float, float]:
    """The 95% interval of a share (Wilson 1927)."""
    z = 1.96
    share = right / total
    middle = (share + z * z / (2 * total)) / (1 + z * z / total)
    half = z / (1 + z * z / total) * sqrt(share * (1 - share) / total + z * z / (4 * total * total))
    return max(0.0, middle - half), min(1.0, middle + half)


def table(records: Sequence[dict[str, Any]]) -> str:
    """A row for each kind, in Markdown."""
    lines = ["| planted | cases | named first | 95% | confirmed at all | named instead |"]
    lines.append("| --- | ---: | ---: | --- | ---: | --- |")
    for kind in KINDS:
        own = [found for found in records if found["kind"] == kind]
        if not own:
            continue
        first = sum(map(is_first, own))
        low, high = wilson(first, len(own))
        instead = Counter(
            "nothing" if not found["named"] else "another one" if found["named"][0][0] == kind else found["named"][0][0]
            for found in own
            if not is_first(found)
        )
        told = ", ".join(f"{name} {count}" for name, count in instead.most_common())
        lines.append(
            f"| {kind} | {len(own)} | {first / len(own):.0%} | {low:.0%} to {high:.0%} | "
            f"{sum(map(is_confirmed, own)) / len(own):.0%} | {told} |"
        )
    return "\n".join(lines)


def read(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def main(
    cases: Annotated[int, typer.Option(help="Cases of each kind.", min=1)] = 20,
    seed: Annotated[int, typer.Option(help="Draws the cases.")] = 7000,
    model: Annotated[str, typer.Option(help="As in icldiag --model.")] = "bundled",
    kinds: Annotated[list[str] | None, typer.Option("--kind", help="Only this kind; may be repeated.")] = None,
    longest: Annotated[int, typer.Option(help="Words of the longest text.", min=4)] = LONGEST,
    out: Annotated[Path, typer.Option(help="Gets a JSON line for every case.")] = Path("planted.jsonl"),
    of: Annotated[Path | None, typer.Option("--table", help="Only print the table of this file.")] = None,
) -> None:
    """Draw and explain cases, one of each kind in turn, and print the table."""
    if of is None:
        import torch

        torch.set_num_threads(1)
        loaded = load_model(ModelSettings(name=model, device="cpu"))
        chosen: list[Kind] = [kind for kind in KINDS if not kinds or kind in kinds]
        drawn = [draw_cases(kind, cases, seed, loaded, longest) for kind in chosen]
        with out.open("a") as file:
            for _ in range(cases):
                for draw in drawn:
                    case = next(draw)
                    causes = Session(case.planted, loaded).explanation(0).causes
                    file.write(json.dumps(record(case, causes, seed)) + "\n")
                    file.flush()
    print(table(read(of or out)))


if __name__ == "__main__":
    typer.run(main)
