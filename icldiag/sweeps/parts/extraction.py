"""How well attention to the label words predicts the answers, per layer: the paper's figure 5."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from operator import itemgetter
from statistics import fmean
from typing import TYPE_CHECKING

from icldiag.page.blocks import Figure, Part, Table
from icldiag.page.figures import curves
from icldiag.sweeps.numbers import Curve, Numbers
from icldiag.sweeps.parts.shared import file_name

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Drawing

_CURVES = {"AUCROC": "aucroc", "R, cumulative": "cumulative"}


def part(numbers: Numbers) -> Part:
    figures: list[Figure] = []
    tables: list[Table] = []
    readings = []
    for model in numbers.models:
        found = {
            name: numbers.curve(model, numbers.tasks, "extraction", itemgetter(key)) for name, key in _CURVES.items()
        }
        layers = found["AUCROC"].mean
        if not layers:
            continue
        shallow, deep = _half(layers[: len(layers) // 2]), _half(layers[len(layers) // 2 :])
        readings.append(
            f"{model}: the target's attention to label words has a mean AUCROC against the answers of {shallow} in the "
            f"shallow half of the layers, of {deep} in the deep half (0.5 is chance)."
        )
        caption = f"{model}: AUCROC and R_l per layer, mean over prompts; shaded: deviation over seeds."
        figures.append(Figure(file_name(model), caption, partial(_draw, found)))
        rows = [(layer, *row) for layer, row in enumerate(zip(*(one.mean for one in found.values()), strict=True))]
        tables.append(Table(file_name(model), caption, ("layer", *found), tuple(rows), "folded"))
    return Part("extraction", "Extraction: attention and prediction", " ".join(readings), (*figures, *tables))


def _half(values: Sequence[float | None]) -> str:
    defined = [value for value in values if value is not None]
    return f"{fmean(defined):.2f}" if defined else "- (undefined)"


def _draw(found: Mapping[str, Curve]) -> Drawing:
    series = [(name, curve.mean) for name, curve in found.items()]
    deviations = [curve.deviation for curve in found.values()]
    return curves(series, "layer", "", reference=0.5, deviations=deviations)
