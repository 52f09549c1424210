"""The section on demonstrations."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from pydantic import Field

from icldiag.analyses.analysis import Analysis, Context, Section, SectionFields
from icldiag.analyses.demonstrations.compute import DemonstrationValues, ValueDemonstrations
from icldiag.analyses.demonstrations.reading import reading, row_name
from icldiag.analyses.request import Workbench
from icldiag.counting import counted
from icldiag.model.readout import Progress
from icldiag.page.blocks import Block, Cell, Figure, Paragraph, Table
from icldiag.page.figures import heatmap


class DemonstrationsFields(SectionFields):
    without: list[list[int]] = Field(description="What each row leaves out, demonstrations by number from 0.")
    queries: list[int] = Field(description="Of the sample, by number from 0.")
    values: list[list[float]] = Field(description="(row, query) Shapley values, nats of the lead.")
    errors: list[list[float | None]] = Field(description="Standard errors; 0 where the values are exact.")
    means: list[float]
    mean_errors: list[float | None] = Field(description="Standard errors over the orders; 0 where exact.")
    intervals: list[tuple[float, float, float]] | None = Field(
        None, description="The means with their intervals of 95 % over the queries; null where no class has two."
    )
    left_out: list[list[float]] = Field(description="(row, query) nats that the lead loses when it is left out alone.")
    accuracy: float | None = Field(description="Of the sample with all demonstrations.")
    accuracies: list[float | None] = Field(description="Without each.")
    nothing: list[float] = Field(description="Each query's lead without any of them.")
    exact: bool
    pairs: int
    seed: int


def values(found: DemonstrationValues) -> dict[str, Any]:
    return {
        "without": found.without,
        "queries": found.stability.queries,
        "values": found.values,
        "errors": found.errors,
        "means": found.means,
        "mean_errors": found.mean_errors,
        "intervals": _intervals(found),
        "left_out": -found.stability.matrix,
        "accuracy": found.accuracy,
        "accuracies": found.accuracies,
        "nothing": found.nothing,
        "exact": found.exact,
        "pairs": found.pairs,
        "seed": found.stability.seed,
    }


def _intervals(found: DemonstrationValues) -> list[tuple[float, float, float]] | None:
    found_of = [(one.value, one.low, one.high) for one in found.estimates]
    return None if np.isnan(found_of).any() else found_of


def blocks(found: DemonstrationValues, context: Context | None = None) -> list[Block]:
    """A row for each demonstration, the most harmful first, and the matrix."""
    if not found.values.size:
        return [Paragraph(reading(found))]
    queries = [str(query + 1) for query in found.stability.queries]
    order, alone = found.means.argsort().tolist(), -found.stability.matrix.mean(axis=1)
    caption = (
        f"What each demonstration adds to {found.stability.lead} in "
        f"{counted(len(found.stability.queries), 'query')} of the sample, in nats: mean over all orders (Shapley's "
        "value), and when it alone is left out. Above 0 it gives, below 0 it takes. "
        "The interval of 95 % is over the queries, the standard error over the orders that were drawn."
    )
    rows = tuple(
        (
            row_name(found, row),
            float(found.means[row]),
            *((None, None) if _intervals(found) is None else (found.estimates[row].low, found.estimates[row].high)),
            float(found.mean_errors[row]),
            float(alone[row]),
            found.accuracies[row],
        )
        for row in order
    )
    columns = ("demonstration", "value", "low", "high", "standard error", "left out alone", "accuracy without it")
    names = [row_name(found, row) for row in order]
    told = "Values by demonstration (rows) and query, in nats of the lead; above 0 it gives."
    cells: tuple[tuple[Cell, ...], ...] = tuple(
        (name, *map(float, found.values[row])) for name, row in zip(names, order, strict=True)
    )
    return [
        Table("demonstrations", caption, columns, rows),
        Figure("values", told, lambda: heatmap(found.values[order], queries, "query", "", rows=names, dark="both")),
        Table("values", told, ("demonstration", *queries), cells, place="aside"),
    ]


def numbers(bench: Workbench, settings: Mapping[str, Any], seed: int, progress: Progress) -> dict[str, Any]:
    found = bench.ask(ValueDemonstrations(seed=seed), progress)
    return {
        "means": found.means,
        "mean_errors": found.mean_errors,
        "intervals": _intervals(found),
        "without": found.without,
        "accuracy": found.accuracy,
        "accuracies": found.accuracies,
    }


SECTION = Section(
    title="Demonstrations: what each is worth",
    question="Why",
    fields=DemonstrationsFields,
    requests=lambda context: [ValueDemonstrations()],
    values=values,
    reading=lambda found, context: reading(found),
    blocks=blocks,
    main="demonstrations",
)

ANALYSIS = Analysis("demonstrations", (DemonstrationValues,), SECTION, numbers)
