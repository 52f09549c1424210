"""Label words isolated in the first or the last layers, beside as many random words: the paper's figure 4."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING

from icldiag.analyses.isolation.section import ISOLATED, SIDES
from icldiag.page.blocks import Figure, Part
from icldiag.page.figures import bars
from icldiag.sweeps.numbers import Numbers, Spread, number
from icldiag.sweeps.parts.shared import LOYALTIES, OVER_SEEDS, Row, file_name, percent, table_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Drawing

_Spreads = Mapping[tuple[str, str, str], Spread]  # by side, what is isolated, and measure


def part(numbers: Numbers) -> Part:
    rows: list[Row] = []
    figures: list[Figure] = []
    readings = []
    for model in numbers.models:
        layers = _layers(numbers, model)
        if layers is None:
            continue
        spreads = {
            (side, what, measure): numbers.mean_spread(model, "isolation", number("settings", side, what, measure))
            for side in SIDES
            for what in ISOLATED
            for measure in LOYALTIES
        }
        for side in SIDES:
            for what in ISOLATED:
                cells = (spreads[side, what, measure].percent() for measure in LOYALTIES)
                rows.append((model, f"{side} {layers}", what, *cells))
        readings += _reading(model, layers, spreads)
        caption = f"{model}: loyalty of the answers, mean over prompts, whiskers: deviation over seeds."
        figures.append(Figure(file_name(model), caption, partial(_draw, spreads, layers)))
    columns = ("model", "layers", "isolated", *LOYALTIES.values())
    caption = f"Isolation: loyalties and accuracy in percent, mean over prompts, then {OVER_SEEDS}."
    table = table_of(numbers, "isolation", caption, columns, rows)
    return Part("isolation", "Isolation of label words", " ".join(readings), (*figures, table))


def _layers(numbers: Numbers, model: str) -> int | None:
    """How many layers were isolated on each side."""
    found = (values for task in numbers.tasks for values in numbers.of(model, task, "isolation").values())
    return next((int(values["isolated_layers"]) for values in found), None)


def _reading(model: str, layers: int, spreads: _Spreads) -> list[str]:
    first, last = (spreads[side, "label words", "label_loyalty"].mean for side in SIDES)
    drawn = spreads["first", "random words", "label_loyalty"].mean
    if first is None or last is None or drawn is None:
        return []
    return [
        f"{model}: with label words isolated in the first {layers} layers {percent(first)}% of the answers stay, in "
        f"the last {layers} {percent(last)}%; with random words in the first {percent(drawn)}%."
    ]


def _draw(spreads: _Spreads, layers: int) -> Drawing:
    places = [(side, measure) for side in SIDES for measure in ("label_loyalty", "word_loyalty")]
    groups = [f"{LOYALTIES[measure]},\n{side} {layers}" for side, measure in places]
    series = []
    for what in ISOLATED:
        found = [spreads[side, what, measure] for side, measure in places]
        series.append((what, [one.mean for one in found], [one.deviation for one in found]))
    return bars(groups, series)
