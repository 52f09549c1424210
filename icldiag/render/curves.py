"""Curves over layers as text: one sign per curve, a cursor that names a layer."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from rich.text import Text


@dataclass(frozen=True)
class Curve:
    """A value per layer; undefined ones are NaN and leave a gap."""

    name: str
    sign: str
    values: Sequence[float]
    style: str = ""


def chart(
    curves: Sequence[Curve], cursor: int | None, width: int, height: int = 9, low: float = 0.0, high: float = 1.0
) -> list[Text]:
    """Draw curves of values from `low` to `high`; the first one wins where two meet."""
    layers = len(curves[0].values)
    step = max(1, min(6, (width - 6) // max(layers, 1)))
    grid: list[list[tuple[str, str]]] = [[(" ", "")] * (layers * step) for _ in range(height)]
    if cursor is not None:
        for row in grid:
            row[cursor * step + step // 2] = ("|", "dim")
    for curve in reversed(curves):
        for layer, value in enumerate(curve.values):
            if not math.isnan(value):
                share = min(max((value - low) / (high - low), 0.0), 1.0)
                row_index = height - 1 - round(share * (height - 1))
                grid[row_index][layer * step + step // 2] = (curve.sign, curve.style)
    lines = []
    for index, row in enumerate(grid):
        value = high - (high - low) * index / (height - 1)
        line = Text(f"{value:4.1f} |" if index in (0, height // 2, height - 1) else "     |", no_wrap=True)
        for character, style in row:
            line.append(character, style)
        lines.append(line)
    return [*lines, layer_axis(layers, step, cursor)]


def layer_axis(layers: int, step: int, cursor: int | None) -> Text:
    """The layers' numbers under a chart, as many as fit, the cursor's always."""
    axis = Text("      ", no_wrap=True)
    every = max(1, math.ceil(3 / step))
    free = 0
    for layer in range(layers):
        place = layer * step + step // 2
        name = f"[{layer}]" if layer == cursor else str(layer)
        start = place - len(name) // 2
        crowded = cursor is not None and layer != cursor and abs(layer - cursor) * step < 4
        if start < free or (layer != cursor and (layer % every or crowded)):
            continue
        axis.append(" " * (start - free))
        axis.append(name, "reverse bold" if layer == cursor else "")
        free = start + len(name)
    return axis


def legend(curves: Sequence[Curve], layer: int | None) -> Text:
    """Sign, name and, at the cursor, value of every curve."""
    line = Text()
    for index, curve in enumerate(curves):
        if index:
            line.append("   ")
        line.append(f"{curve.sign} {curve.name}", curve.style)
        if layer is not None:
            value = curve.values[layer]
            line.append(" undefined" if math.isnan(value) else f" {value:.2f}", f"bold {curve.style}".strip())
    return line
