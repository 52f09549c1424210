"""Curves over layers as text: one sign per curve, a cursor that names a layer and reads out its values."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from rich.cells import cell_len
from rich.text import Text

from icldiag.render.look import Look

_MARGIN = 7  # cells left of the first layer: "1.0 | "
_ROUNDING = 0.05  # of what a chart spans, as in maps of signs


@dataclass(frozen=True)
class Curve:
    """A value per layer; undefined ones are NaN and leave a gap."""

    name: str
    sign: str
    values: Sequence[float]
    style: str = ""
    sure_from: int = 0  # the first point that says something; those before are muted

    def style_at(self, point: int, look: Look) -> str:
        return self.style if point >= self.sure_from else look.muted


@dataclass(frozen=True)
class Chart:
    """Curves of values from `low` to `high`; the first one wins where two meet. `unit` names what is counted below.

    Values that are surely under `low`, or over `high`, have a row of their own, however far beyond it they are.
    """

    curves: Sequence[Curve]
    low: float = 0.0
    high: float = 1.0
    unit: str = "layer"
    first: int = 0  # the number under the first point

    def beyond(self, value: float) -> int:
        """-1 under the scale, 1 over it, by more than is rounding; else 0."""
        least = _ROUNDING * (self.high - self.low)
        return int(value >= self.high + least) - int(value <= self.low - least)

    def goes_beyond(self, side: int) -> bool:
        return any(self.beyond(value) == side for curve in self.curves for value in curve.values)

    @property
    def points(self) -> int:
        return len(self.curves[0].values)

    def step(self, width: int) -> int:
        """Cells from one point to the next; small enough for the legend to stand at the right, where that can be."""
        beside = (width - _MARGIN - self.legend_width) // max(self.points, 1)
        alone = (width - _MARGIN) // max(self.points, 1)
        return max(1, min(8, beside if beside >= 3 else alone))

    def point_at(self, width: int, column: int) -> int | None:
        """The point under a click; None left or right of the curves."""
        point = (column - _MARGIN) // self.step(width)
        return point if column >= _MARGIN and point < self.points else None

    @property
    def legend_width(self) -> int:
        return 11 + max(cell_len(curve.name) for curve in self.curves)


def chart(what: Chart, cursor: int | None, width: int, height: int, look: Look) -> Text:
    """The curves, with their legend at the right or, where there is no room, above: below it would be out of view."""
    step = what.step(width)
    lines = _plot(what, cursor, step, height, look)
    notes = legend_lines(what, cursor, look)
    room = width - _MARGIN - what.points * step
    if room >= what.legend_width and len(notes) <= len(lines):
        for line, note in zip(lines, notes, strict=False):
            line.append(" " * (_MARGIN + what.points * step - line.cell_len + 2)).append_text(note)
    else:
        lines = _flowed(notes, width) + lines
    return Text("\n", no_wrap=True).join(lines)


def _flowed(notes: Sequence[Text], width: int) -> list[Text]:
    """The legend beside each other, on as few lines as hold it."""
    lines: list[Text] = []
    for note in notes:
        if lines and lines[-1].cell_len + 3 + note.cell_len <= width:
            lines[-1].append("   ").append_text(note)
        else:
            lines.append(note)
    return lines


def _plot(what: Chart, cursor: int | None, step: int, height: int, look: Look) -> list[Text]:
    over = int(what.goes_beyond(1))
    rows = over + height + what.goes_beyond(-1)
    grid: list[list[tuple[str, str]]] = [[(" ", "")] * (what.points * step) for _ in range(rows)]
    if cursor is not None:
        for row in grid:
            row[cursor * step + step // 2] = ("|", look.muted)

    def row_of(value: float) -> int:
        if side := what.beyond(value):
            return 0 if side > 0 else rows - 1
        share = min(max((value - what.low) / (what.high - what.low), 0.0), 1.0)
        return over + height - 1 - round(share * (height - 1))

    for curve in reversed(what.curves):
        for column, value in _between(curve.values, step):
            style = curve.style_at(column // step, look)
            grid[row_of(value)][column] = (curve.sign, style.replace("bold", "").strip())
    for curve in reversed(what.curves):
        for point, value in enumerate(curve.values):
            if not math.isnan(value):
                style = f"bold {curve.style}" if point >= curve.sure_from else look.muted
                grid[row_of(value)][point * step + step // 2] = (curve.sign, style)
    lines = []
    for index, row in enumerate(grid, start=-over):
        value = what.high - (what.high - what.low) * index / max(1, height - 1)
        line = Text(no_wrap=True)
        ends = {-1: f">{what.high:g}", height: f"<{what.low:g}"}
        head = f"{ends[index]:>4}" if index in ends else _short(value)
        line.append(f"{head} | " if index in (-1, 0, height // 2, height - 1, height) else "     | ", look.muted)
        for character, style in row:
            line.append(character, style)
        lines.append(line)
    return [*lines, axis(what, step, cursor, look)]


def _short(value: float) -> str:
    """In four cells, with as many digits as fit."""
    return next((text for digits in (2, 1, 0) if len(text := f"{value:4.{digits}f}") <= 4), f"{value:4.0f}")


def _between(values: Sequence[float], step: int) -> list[tuple[int, float]]:
    """The straight line from each defined point to the next: (column, value)."""
    found = []
    for point, (here, there) in enumerate(pairwise(values)):
        if not math.isnan(here) and not math.isnan(there):
            start = point * step + step // 2
            found += [(start + part, here + (there - here) * part / step) for part in range(1, step)]
    return found


def axis(what: Chart, step: int, cursor: int | None, look: Look) -> Text:
    """The points' numbers under a chart, as many as fit, the cursor's always."""
    line = Text(f"{what.unit[: _MARGIN - 1]:<{_MARGIN}}", look.muted, no_wrap=True)
    every = max(1, math.ceil(3 / step))
    free = 0
    for point in range(what.points):
        place = point * step + step // 2
        name = f"[{point + what.first}]" if point == cursor else str(point + what.first)
        start = max(0, place - len(name) // 2)
        crowded = cursor is not None and point != cursor and abs(point - cursor) * step < 2 + len(str(point))
        if start < free or (point != cursor and (point % every or crowded)):
            continue
        line.append(" " * (start - free))
        line.append(name, look.strong if point == cursor else look.muted)
        free = start + len(name)
    return line


def legend_lines(what: Chart, cursor: int | None, look: Look) -> list[Text]:
    """A line for every curve: its sign, its value at the cursor, and its name."""
    lines = [] if cursor is None else [Text(f"{what.unit} {cursor + what.first}", look.strong, no_wrap=True)]
    for curve in what.curves:
        value = math.nan if cursor is None else curve.values[cursor]
        number = "" if cursor is None else "  -  " if math.isnan(value) else f"{value:z5.2f}"
        line = Text(no_wrap=True)
        line.append(f"{curve.sign} ", f"bold {curve.style}")
        line.append(f"{number}  ", f"bold {curve.style}").append(curve.name, curve.style)
        lines.append(line)
    return lines
