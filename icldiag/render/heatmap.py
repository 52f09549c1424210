"""A square matrix over labels: the number in every cell, and one hue behind it that grows with confusion."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from rich.cells import cell_len
from rich.text import Text

from icldiag.render.bars import short_number
from icldiag.render.fit import cut_middle, pad, short_names
from icldiag.render.look import Look
from icldiag.render.visible import visible

CELL = 5  # a sign and four characters: " .41", ">.12", "-.07"
Cell = tuple[int, int]


@dataclass(frozen=True)
class Heatmap:
    """What to draw. `strength` says how confused a value is, from 0 to 1; NaN cells show "-", the diagonal nothing."""

    labels: tuple[str, ...]
    values: Sequence[Sequence[float]]
    strength: Callable[[float], float]
    marked: Collection[Cell] = ()
    changed: Collection[Cell] = ()  # underlined: not as in the matrix that this one is compared with

    def names(self, look: Look) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Column heads and row heads. Where heads would be alike they are numbers, and rows carry the number too."""
        shown = [visible(label, look.ascii_only) for label in self.labels]
        heads = short_names(shown, CELL - 1)
        numbered = heads != tuple(shown) and all(head.isdigit() for head in heads)
        width = len(str(len(shown)))
        rows = tuple(f"{head:>{width}} {name}" if numbered else name for head, name in zip(heads, shown, strict=True))
        return heads, rows

    def head_width(self, look: Look, limit: int = 16) -> int:
        return min(limit, max(cell_len(name) for name in self.names(look)[1]))


def heatmap(
    matrix: Heatmap,
    look: Look,
    *,
    rows: range | None = None,
    columns: range | None = None,
    cursor: Cell | None = None,
    head_width: int | None = None,
) -> Text:
    """The matrix, or the given window of it, with its heads."""
    count = len(matrix.labels)
    rows = range(count) if rows is None else rows
    columns = range(count) if columns is None else columns
    heads, names = matrix.names(look)
    width = matrix.head_width(look) if head_width is None else head_width
    head = Text(" " * width, no_wrap=True)
    for column in columns:
        at = cursor is not None and cursor[1] == column
        head.append(f"{' ' * (CELL - cell_len(heads[column]))}{heads[column]}", look.strong if at else look.muted)
    lines = [head]
    for row in rows:
        at = cursor is not None and cursor[0] == row
        line = Text(no_wrap=True)
        line.append(pad(cut_middle(names[row], width, look.dots), width), look.strong if at else look.muted)
        for column in columns:
            text, style = _cell(matrix, look, (row, column))
            line.append(text, look.cursor if cursor == (row, column) else style)
        lines.append(line)
    return Text("\n", no_wrap=True).join(lines)


def _cell(matrix: Heatmap, look: Look, cell: Cell) -> tuple[str, str]:
    row, column = cell
    if row == column:
        return " " * CELL, ""
    value = float(matrix.values[row][column])
    sign = ">" if cell in matrix.marked else " "
    style = look.muted if value != value else look.heat_of(matrix.strength(value))
    style += " bold" if sign == ">" else ""
    style += " underline" if cell in matrix.changed else ""
    return f"{sign}{short_number(value):>{CELL - 1}}", style.strip()
