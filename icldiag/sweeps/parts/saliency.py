"""The three flows per layer, for each prompt: the paper's figure 3."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from icldiag.page.blocks import Figure, Part, Table
from icldiag.page.figures import curves
from icldiag.sweeps.numbers import Curve, Numbers
from icldiag.sweeps.parts.shared import file_name
from icldiag.sweeps.results import Values

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Drawing

FLOWS = ("S_wp, texts to label words", "S_pq, label words to target", "S_ww, all else")


def part(numbers: Numbers) -> Part:
    figures: list[Figure] = []
    tables: list[Table] = []
    readings = []
    for model in numbers.models:
        for task in numbers.tasks:
            flows = [numbers.curve(model, [task], "saliency", partial(_share, flow)) for flow in range(len(FLOWS))]
            if not flows[0].mean:
                continue
            readings.append(f"{model}, {task.name}: {_where(flows[0].mean, flows[1].mean)}.")
            name = file_name(model, task.name)
            caption = (
                f"{model}, {task.name}: share of the three flows in each layer, mean over seeds (shaded: deviation)."
            )
            figures.append(Figure(name, caption, partial(_draw, flows)))
            rows = [(layer, *row) for layer, row in enumerate(zip(*(flow.mean for flow in flows), strict=True))]
            tables.append(Table(name, caption, ("layer", *FLOWS), tuple(rows), "folded"))
    return Part("saliency", "Saliency: information flow", " ".join(readings), (*figures, *tables))


def _share(flow: int, values: Values) -> Sequence[float | None]:
    found: Sequence[float | None] = values["shares"][flow]
    return found


def _where(collected: Sequence[float | None], read: Sequence[float | None]) -> str:
    """From which layer on S_pq is above S_wp."""
    above = [
        late is not None and early is not None and late > early for early, late in zip(collected, read, strict=True)
    ]
    first = next((layer for layer in range(len(above)) if all(above[layer:])), None)
    if first is None:
        return "in the last layer the target does not read label words more than these read texts"
    return f"from layer {first} on the target reads label words more than these read texts"


def _draw(flows: Sequence[Curve]) -> Drawing:
    series = [(name, flow.mean) for name, flow in zip(FLOWS, flows, strict=True)]
    return curves(series, "layer", "share", deviations=[flow.deviation for flow in flows])
