"""A sweep as a page: what was found, the paper's tables and figures, what has no result, and every number."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import groupby
from typing import Any

from icldiag.counting import counted
from icldiag.page.blocks import Cell as TableCell
from icldiag.page.blocks import Items, Page, Part, Table
from icldiag.sweeps.cells import Cell, shots_of
from icldiag.sweeps.numbers import Numbers, model_name
from icldiag.sweeps.parts import accuracy, compression, confusion, depth, extraction, isolation, repairs, saliency
from icldiag.sweeps.plan import Plan
from icldiag.sweeps.results import Result
from icldiag.sweeps.worker import Failure
from icldiag.version import __version__

#: Analyses, any of which makes the part, in the page's order.
PARTS = (
    (("prediction", "reweighting"), accuracy.part),
    (("compression",), compression.part),
    (("saliency",), saliency.part),
    (("isolation",), isolation.part),
    (("extraction",), extraction.part),
    (("depth",), depth.part),
    (("confusion",), confusion.part),
    (("repairs",), repairs.part),
)


def sweep_page(plan: Plan, found: Mapping[Cell, Result], failures: Mapping[Cell, Failure], missing: int = 0) -> Page:
    """Of all results that there are. `missing` counts the cells that were not tried yet."""
    numbers = Numbers(plan, found)
    parts = [make(numbers) for analyses, make in PARTS if set(analyses) & set(plan.analyses)]
    readings = tuple((part.name, part.reading) for part in parts if part.reading)
    return Page(
        title=f"icldiag sweep: {plan.name}",
        facts=tuple(_facts(plan, found, missing)),
        summary={"What was found": readings} if readings else {},
        parts=(*parts, *_failed(failures), Part("numbers", "Every number", "", (every_number(found),))),
    )


def in_brief(page: Page) -> Page:
    """What a terminal has room for: no table that repeats a figure or goes into details."""
    parts = []
    for part in page.parts:
        blocks = tuple(block for block in part.blocks if not isinstance(block, Table) or block.place == "open")
        if blocks:
            parts.append(replace(part, blocks=blocks))
    return replace(page, parts=tuple(parts))


def _facts(plan: Plan, found: Mapping[Cell, Result], missing: int) -> Iterator[str]:
    yield f"models: {', '.join(model_name(model) for model in plan.models)}"
    for task in plan.tasks:
        shots = ", ".join(shots_of(variant) for variant in task.variants)
        asked = min(task.query_limit, len(task.queries))
        queries = counted(asked, "query")
        yield f"prompt {task.name}: {len(task.shape.labels)} classes, {shots}, up to {queries} for each seed"
    yield f"seeds: {', '.join(map(str, plan.seeds))}"
    yield f"icldiag {__version__}, {counted(len(found), 'cell')}" + (f", {missing} not computed yet" if missing else "")
    yield from (f"note: {note}" for note in plan.notes)
    yield from _environments(found)


def _environments(found: Mapping[Cell, Result]) -> Iterator[str]:
    """What computed the cells, where that is not the same for all of a model's."""
    by_model: dict[str, set[str]] = {}
    for cell, result in found.items():
        by_model.setdefault(model_name(cell.model), set()).add(_environment(result.environment))
    for model, environments in by_model.items():
        told = " and ".join(sorted(environments))
        yield f"{model} ran on {told}" if len(environments) == 1 else f"note: cells of {model} come from {told}"


def _environment(environment: Mapping[str, Any]) -> str:
    packages = environment["packages"]
    versions = f"torch {packages['torch']}, transformers {packages['transformers']}"
    return f"{environment['device']} in {environment['dtype']} ({versions})"


def _failed(failures: Mapping[Cell, Failure]) -> Iterator[Part]:
    """Cells without a result, together where the reason is the same."""
    if failures:
        texts = by_reason({cell: failure.reason for cell, failure in failures.items()})
        reading = f"{counted(len(failures), 'cell')} could not be computed; the same command tries again."
        yield Part("failures", "Without a result", reading, (Items(tuple(texts)),))


def by_reason(reasons: Mapping[Cell, str]) -> Iterator[str]:
    """A line for each reason, with the cells that it is of."""
    for reason, cells in groupby(sorted(reasons, key=reasons.__getitem__), key=reasons.__getitem__):
        first, *others = (cell.name for cell in cells)
        yield f"{first}{f' and {len(others)} more' if others else ''}: {reason}"


def every_number(found: Mapping[Cell, Result]) -> Table:
    """A row each; texts are left out."""
    rows: list[tuple[TableCell, ...]] = []
    for cell, result in found.items():
        place = (model_name(cell.model), cell.task, shots_of(cell.shots), cell.seed, cell.analysis)
        rows += [(*place, name, value) for name, value in _numbers(result.values)]
    columns = ("model", "prompt", "shots", "seed", "analysis", "number", "value")
    caption = (
        "Every number, a row each: shares are not in percent here. [0] is the first query, layer or class of a list; "
        "predicted and gold are a query's classes, 0 the first that the prompt lists."
    )
    return Table("cells", caption, columns, tuple(rows), "aside", limit=100)


def _numbers(values: Any, name: str = "") -> Iterator[tuple[str, float]]:
    """The numbers within a cell's values, and where they stand; texts are left out."""
    if isinstance(values, dict):
        for key, member in values.items():
            yield from _numbers(member, f"{name}.{key}".lstrip("."))
    elif isinstance(values, list):
        for index, member in enumerate(values):
            yield from _numbers(member, f"{name}[{index}]")
    elif isinstance(values, int | float) and not isinstance(values, bool):
        yield name, values
