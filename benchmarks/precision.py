"""How far half precision moves each analysis: python -m benchmarks.precision [--model bundled] [--device cpu] [PROMPT]

Every number of the report's sections, in bfloat16 and float16, against float32 on the same device; a Markdown table.
Values that are no numbers, such as answers, and what has no partner, as a cause named in one precision, are counted.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from icldiag.analyses import MODULES
from icldiag.model.load import load_model
from icldiag.model.settings import ModelSettings
from icldiag.prompt.read import read_prompt
from icldiag.prompt.schema import Prompt
from icldiag.report.document import make_report
from icldiag.report.settings import ReportSettings
from icldiag.report.write import FORMATS
from icldiag.samples import sample_path
from icldiag.session import Session

Leaves = dict[tuple[str, ...], Any]
_PROSE = {"reading", "lines"}
_RANDOM = ("repairs",)  # which candidates are tried depends on the answers: nothing to compare number by number


def leaves(value: Any, place: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """All that is no container, by its place."""
    if isinstance(value, dict | list):
        pairs = value.items() if isinstance(value, dict) else enumerate(value)
        for name, part in pairs:
            yield from leaves(part, (*place, str(name)))
    else:
        yield place, value


def sections(prompt: Prompt, settings: ModelSettings, analyses: list[str]) -> dict[str, Leaves]:
    """The values of each section of the report."""
    session = Session(prompt, load_model(settings))
    document = json.loads(FORMATS["json"](make_report(session, analyses, ReportSettings())))
    return {name: dict(leaves(document[name])) for name in analyses}


def row(name: str, exact: Leaves, half: Leaves) -> str:
    """One line of the table."""
    shared = [place for place in exact.keys() & half.keys() if not _PROSE & {*place}]
    numbers = [place for place in shared if isinstance(exact[place], float) and isinstance(half[place], float)]
    moved = sorted(filter(math.isfinite, (abs(exact[place] - half[place]) for place in numbers)))
    others = sum(exact[place] != half[place] for place in {*shared} - {*numbers})
    spread = " | ".join(f"{value:.1g}" for value in np.quantile(moved, (0.5, 0.95, 1.0))) if moved else "- | - | -"
    return f"| {name} | {len(moved)} | {spread} | {others} | {len(exact.keys() ^ half.keys())} |"


def main(
    prompt_file: Annotated[Path | None, typer.Argument()] = None,
    model: str = "bundled",
    device: str = "auto",
    queries: int = 12,
    only: Annotated[str | None, typer.Option(help="Analyses, with commas between.")] = None,
) -> None:
    """Print a table for each half precision."""
    prompt = read_prompt(prompt_file or sample_path("questions"))
    prompt = replace(prompt, queries=prompt.queries[:: max(1, len(prompt.queries) // queries)])
    analyses = only.split(",") if only else [name for name in MODULES if name not in _RANDOM]
    exact = sections(prompt, ModelSettings(model, device, "float32"), analyses)
    for dtype in ("bfloat16", "float16"):
        half = sections(prompt, ModelSettings(model, device, dtype), analyses)
        print(f"\n{dtype} against float32, {model}, {len(prompt.queries)} queries\n")
        print("| analysis | numbers | median | 95 % below | largest | other values | without a partner |")
        print("| --- | --- | --- | --- | --- | --- | --- |")
        for name in analyses:
            print(row(name, exact[name], half[name]), flush=True)


if __name__ == "__main__":
    typer.run(main)
