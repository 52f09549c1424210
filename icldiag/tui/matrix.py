"""A heatmap with a cell cursor; where it is larger than its place it scrolls under fixed heads."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from typing import Any, ClassVar

from rich.text import Text
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Size
from textual.message import Message
from textual.widget import Widget

from icldiag.render.heatmap import CELL, Cell, Heatmap, heatmap
from icldiag.render.look import DARK, Look
from icldiag.tui.keys import with_ids


class Matrix(Widget, can_focus=True):
    """Shows one `Heatmap`. The arrow keys move its cursor; posts `CellChosen`."""

    BINDINGS: ClassVar[list[BindingType]] = with_ids(
        "matrix",
        [
            Binding("up", "move(-1, 0)", "cell above", show=False),
            Binding("down", "move(1, 0)", "cell below", show=False),
            Binding("left", "move(0, -1)", "cell to the left", show=False),
            Binding("right", "move(0, 1)", "cell to the right", show=False),
        ],
    )

    class CellChosen(Message):
        """The cursor moved to a cell."""

        def __init__(self, matrix: Matrix, cell: Cell) -> None:
            super().__init__()
            self.matrix, self.cell = matrix, cell

    def __init__(self, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.heatmap: Heatmap | None = None
        self.look: Look = DARK
        self.cell: Cell = (0, 1)  # by the heatmap's own numbers, whatever the order
        self.order: tuple[int, ...] = ()  # how rows and columns stand
        self.first: Cell = (0, 0)  # the place in the top left corner
        self.most_head, self.most_rows = 20, 40

    def set(self, matrix: Heatmap, look: Look, cell: Cell, order: tuple[int, ...] | None = None) -> None:
        """Show a heatmap with the cursor at a cell, its rows and columns in some order."""
        self.heatmap, self.look, self.cell = matrix, look, cell
        self.order = tuple(range(len(matrix.labels))) if order is None else order
        self.refresh()

    def fit(self, most_head: int, most_rows: int) -> None:
        """Take at most so many cells for the row heads, and so many lines in all."""
        self.most_head, self.most_rows = most_head, most_rows
        self._laid_out()

    def widen(self, spare: int) -> None:
        """Give the columns' names what there is to spare."""
        if self.heatmap is not None:
            self.heatmap = self.heatmap.with_room(self.look, spare)
            self._laid_out()

    def _laid_out(self) -> None:
        if self.size != (self.width, min(self.natural_height, self.most_rows)):
            self.refresh(layout=True)

    def put(self, cell: Cell) -> None:
        """Move the cursor without saying so."""
        self.cell = cell
        self.refresh()

    def mark(self, other: Matrix) -> None:
        """Show where the numbers differ from the other matrix's, to the two places that are shown."""
        if self.heatmap is None or other.heatmap is None or self.heatmap.labels != other.heatmap.labels:
            return
        mine, theirs = self.heatmap.values, other.heatmap.values
        cells = product(range(len(mine)), repeat=2)
        changed = frozenset(
            (row, column) for row, column in cells if f"{mine[row][column]:.2f}" != f"{theirs[row][column]:.2f}"
        )
        self.heatmap = replace(self.heatmap, changed=changed)
        self.refresh()

    @property
    def natural_head(self) -> int:
        """Cells that the row heads take uncut."""
        return self.heatmap.head_width(self.look) if self.heatmap else 0

    @property
    def head_width(self) -> int:
        return min(self.natural_head, self.most_head)

    @property
    def cells_width(self) -> int:
        return self.column * len(self.order)

    @property
    def column(self) -> int:
        """Its width."""
        return CELL if self.heatmap is None else self.heatmap.cell

    @property
    def width(self) -> int:
        return self.head_width + self.cells_width

    @property
    def widest(self) -> int:
        """Its width with all that the names of rows and columns are ever given."""
        cell = CELL if self.heatmap is None else self.heatmap.widest_cell(self.look)
        return self.natural_head + cell * len(self.order)

    @property
    def natural_height(self) -> int:
        return 1 + len(self.order)

    def get_content_width(self, container: Size, viewport: Size) -> int:
        return max(1, self.width)

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        return min(self.natural_height, self.most_rows)

    def _window(self) -> tuple[range, range]:
        """Places of rows and columns that fit, moved as little as brings the cursor into view."""
        count = len(self.order)
        sizes = (max(1, self.size.height - 1), max(1, (self.size.width - self.head_width) // self.column))
        ranges = []
        for start, size, at in zip(self.first, sizes, self._place(), strict=True):
            start = min(max(start, at - size + 1), at)
            start = max(0, min(start, count - size))
            ranges.append(range(start, min(count, start + size)))
        self.first = (ranges[0].start, ranges[1].start)
        return ranges[0], ranges[1]

    def _place(self) -> Cell:
        return self.order.index(self.cell[0]), self.order.index(self.cell[1])

    def render(self) -> Text:
        if self.heatmap is None:
            return Text("")
        rows, columns = ([self.order[place] for place in places] for places in self._window())
        return heatmap(
            self.heatmap, self.look, rows=rows, columns=columns, cursor=self.cell, head_width=self.head_width
        )

    def action_move(self, rows: int, columns: int) -> None:
        if self.heatmap is not None:
            last = len(self.order) - 1
            row, column = (min(max(at + by, 0), last) for at, by in zip(self._place(), (rows, columns), strict=True))
            self.choose((self.order[row], self.order[column]))

    def step_strongest(self, step: int, afresh: bool = False) -> None:
        """Go from the cursor's pair to the next weaker one, or (-1) the next stronger one; the ends are joined.

        `afresh` goes to the strongest of all, or to the second where the cursor is on that already.
        """
        if self.heatmap is not None and (pairs := self.heatmap.strongest_pairs):
            here = (min(self.cell), max(self.cell))
            at = pairs.index(here) if here in pairs else -1
            if afresh:
                at, step = (0, int(at == 0 and len(pairs) > 1))
            self.choose(pairs[(at + step) % len(pairs)])
            self.centre()

    def centre(self) -> None:
        """Show the surroundings of the cursor, not only the cursor at an edge."""
        if self.heatmap is None:
            return
        rows, columns = self._window()
        row, column = self._place()
        self.first = (max(0, row - len(rows) // 2), max(0, column - len(columns) // 2))
        self.refresh()

    def on_click(self, event: events.Click) -> None:
        row, column = event.y - 1 + self.first[0], (event.x - self.head_width) // self.column + self.first[1]
        count = len(self.order)
        if event.y >= 1 and event.x >= self.head_width and row < count and column < count:
            self.choose((self.order[row], self.order[column]))

    def choose(self, cell: Cell) -> None:
        """Move the cursor, and say so."""
        self.cell = cell
        self.refresh()
        self.post_message(self.CellChosen(self, cell))
