"""The labels by layer: where the states separate them, and where the lens answers right."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from icldiag.page.blocks import Figure, Part, Table
from icldiag.page.figures import curves
from icldiag.sweeps.numbers import Curve, Numbers
from icldiag.sweeps.parts.shared import file_name
from icldiag.sweeps.results import Values

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Drawing

_CURVES = {
    "AUC of the states": "state_auc",
    "AUC by the lens": "auc",
    "accuracy by the lens": "accuracy",
    "the final answer leads": "agreement",
    "label mass": "mass",
    "label mass, any case or spacing": "spelled",
}
_TOLD = tuple(_CURVES)[:3]  # those that may be better before the end


def _layers(key: str, values: Values) -> Any:
    """A value per layer; undefined in the cells of before it was kept."""
    return values.get(key) or [None] * len(values["mass"])


def part(numbers: Numbers) -> Part:
    figures: list[Figure] = []
    tables: list[Table] = []
    readings = []
    for model in numbers.models:
        found = {
            name: numbers.curve(model, numbers.tasks, "depth", partial(_layers, key)) for name, key in _CURVES.items()
        }
        layers = len(found["label mass"].mean)
        if not layers:
            continue
        best = {
            name: max((value, row) for row, value in enumerate(curve.mean) if value is not None)
            for name, curve in found.items()
            if any(value is not None for value in curve.mean)
        }
        told = ", ".join(
            f"{name} {best[name][0]:.2f} after {best[name][1]} of {layers - 1} layers (at the end {end:.2f})"
            for name, end in ((name, found[name].mean[-1]) for name in best)
            if end is not None and name in _TOLD
        )
        readings += [f"{model}: at their best, mean over prompts, are {told}."] if told else []
        caption = f"{model}: by the layers passed, mean over prompts; shaded: deviation over seeds."
        figures.append(Figure(file_name(model), caption, partial(_draw, found)))
        rows = [(row, *cells) for row, cells in enumerate(zip(*(one.mean for one in found.values()), strict=True))]
        tables.append(Table(file_name(model), caption, ("layers passed", *found), tuple(rows), "folded"))
    return Part("depth", "Depth: the labels by layer", " ".join(readings), (*figures, *tables))


def _draw(found: dict[str, Curve]) -> Drawing:
    series = [(name, curve.mean) for name, curve in found.items()]
    deviations = [curve.deviation for curve in found.values()]
    return curves(series, "layers passed", "", reference=0.5, deviations=deviations)
