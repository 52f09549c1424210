"""A square matrix over labels: the number in every cell, and one hue behind it that grows with confusion."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from itertools import combinations

from rich.cells import cell_len
from rich.text import Text

from icldiag.render.bars import short_number
from icldiag.render.fit import cut_middle, pad, short_names
from icldiag.render.look import Look
from icldiag.visible import visible

CELL = 5  # a sign and four characters: "  .41", "@ .12", " -.07"
_WIDEST = 14  # a cell that has room for its column's name
MARK = "@"  # nothing that reads as part of a number, or as greater than one
Cell = tuple[int, int]


@dataclass(frozen=True)
class Heatmap:
    """What to draw. `strength` says how confused a value is, from 0 to 1; NaN cells show "-", the diagonal nothing."""

    labels: tuple[str, ...]
    values: Sequence[Sequence[float]]
    strength: Callable[[float], float]
    marked: Collection[Cell] = ()
    changed: Collection[Cell] = ()  # underlined: not as in the matrix that this one is compared with
    cell: int = CELL  # its width; more where there is room for the columns' names

    def with_room(self, look: Look, spare: int) -> Heatmap:
        """With cells as wide as the columns' names need, as far as there are so many cells to spare."""
        return replace(self, cell=min(self.widest_cell(look), CELL + max(0, spare) // len(self.labels)))

    def widest_cell(self, look: Look) -> int:
        """As much as the columns' names are ever given."""
        longest = max(cell_len(visible(label, look.ascii_only)) for label in self.labels)
        return max(CELL, min(longest + 1, _WIDEST))

    def names(self, look: Look) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Column heads and row heads. Where heads would be alike they are numbers, and rows carry the number too."""
        return _names(self.labels, look.ascii_only, self.cell)

    @cached_property
    def strongest_pairs(self) -> list[Cell]:
        """(row, column), row < column, the most confused first; cells without a value are left out."""
        values = self.values
        pairs = [(i, j) for i, j in combinations(range(len(self.labels)), 2) if values[i][j] == values[i][j]]
        return sorted(pairs, key=lambda pair: -self.strength(values[pair[0]][pair[1]]))

    def head_width(self, look: Look, limit: int = 20) -> int:
        return min(limit, max(cell_len(name) for name in self.names(look)[1]))


def heatmap(
    matrix: Heatmap,
    look: Look,
    *,
    rows: Sequence[int] | None = None,
    columns: Sequence[int] | None = None,
    cursor: Cell | None = None,
    head_width: int | None = None,
) -> Text:
    """The matrix, or the given rows and columns of it, with its heads."""
    count = len(matrix.labels)
    rows = range(count) if rows is None else rows
    columns = range(count) if columns is None else columns
    heads, names = matrix.names(look)
    width = matrix.head_width(look) if head_width is None else head_width
    head = Text(" " * width, no_wrap=True)
    for column in columns:
        at = cursor is not None and cursor[1] == column
        head.append(
            f"{' ' * (matrix.cell - cell_len(heads[column]))}{heads[column]}", look.strong if at else look.muted
        )
    lines = [head]
    for row in rows:
        at = cursor is not None and cursor[0] == row
        line = Text(no_wrap=True)
        name = names[row] if width > CELL or cell_len(names[row]) <= width else heads[row]
        line.append(pad(cut_middle(name, width, look.dots), width), look.strong if at else look.muted)
        for column in columns:
            text, style = _cell(matrix, look, (row, column))
            line.append(text, look.cursor if cursor == (row, column) else style)
        lines.append(line)
    return Text("\n", no_wrap=True).join(lines)


@lru_cache(maxsize=8)  # asked for on every cursor move
def _names(labels: tuple[str, ...], ascii_only: bool, cell: int) -> tuple[tuple[str, ...], tuple[str, ...]]:
    shown = [visible(label, ascii_only) for label in labels]
    heads = short_names(shown, cell - 1)
    numbered = heads != tuple(shown) and all(head.isdigit() for head in heads)
    width = len(str(len(shown)))
    rows = tuple(f"{head:>{width}} {name}" if numbered else name for head, name in zip(heads, shown, strict=True))
    return heads, rows


def _cell(matrix: Heatmap, look: Look, cell: Cell) -> tuple[str, str]:
    row, column = cell
    if row == column:
        return " " * matrix.cell, ""
    value = float(matrix.values[row][column])
    sign = MARK if cell in matrix.marked else " "
    style = look.muted if value != value else look.heat_of(matrix.strength(value))
    style += " bold" if sign == MARK else ""
    style += " underline" if cell in matrix.changed else ""
    return f"{f'{sign}{short_number(value):>{CELL - 1}}':>{matrix.cell}}", style.strip()
