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
from icldiag.tui.keys import named


class Matrix(Widget, can_focus=True):
    """Shows one `Heatmap`. Arrow keys or hjkl move its cursor; posts `CellChosen`."""

    BINDINGS: ClassVar[list[BindingType]] = named(
        "matrix",
        [
            Binding("up,k", "move(-1, 0)", "cell above", show=False),
            Binding("down,j", "move(1, 0)", "cell below", show=False),
            Binding("left,h", "move(0, -1)", "cell to the left", show=False),
            Binding("right,l", "move(0, 1)", "cell to the right", show=False),
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
        self.cell: Cell = (0, 1)
        self.first: Cell = (0, 0)  # the cell in the top left corner

    def set(self, matrix: Heatmap, look: Look, cell: Cell) -> None:
        resized = self.heatmap is None or len(self.heatmap.labels) != len(matrix.labels)
        self.heatmap, self.look, self.cell = matrix, look, cell
        self.refresh(layout=resized)

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
    def head_width(self) -> int:
        return self.heatmap.head_width(self.look) if self.heatmap else 0

    def get_content_width(self, container: Size, viewport: Size) -> int:
        return self.head_width + CELL * len(self.heatmap.labels) if self.heatmap else 1

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        return 1 + len(self.heatmap.labels) if self.heatmap else 1

    def _window(self) -> tuple[range, range]:
        """Rows and columns that fit, moved as little as brings the cursor into view."""
        assert self.heatmap is not None
        count = len(self.heatmap.labels)
        sizes = (max(1, self.size.height - 1), max(1, (self.size.width - self.head_width) // CELL))
        ranges = []
        for start, size, at in zip(self.first, sizes, self.cell, strict=True):
            start = min(max(start, at - size + 1), at)
            start = max(0, min(start, count - size))
            ranges.append(range(start, min(count, start + size)))
        self.first = (ranges[0].start, ranges[1].start)
        return ranges[0], ranges[1]

    def render(self) -> Text:
        if self.heatmap is None:
            return Text("")
        rows, columns = self._window()
        cursor = self.cell if self.has_focus else None
        return heatmap(self.heatmap, self.look, rows=rows, columns=columns, cursor=cursor, head_width=self.head_width)

    def action_move(self, rows: int, columns: int) -> None:
        if self.heatmap is not None:
            last = len(self.heatmap.labels) - 1
            self._choose((min(max(self.cell[0] + rows, 0), last), min(max(self.cell[1] + columns, 0), last)))

    def on_click(self, event: events.Click) -> None:
        if self.heatmap is None:
            return
        row, column = event.y - 1 + self.first[0], (event.x - self.head_width) // CELL + self.first[1]
        count = len(self.heatmap.labels)
        if event.y >= 1 and event.x >= self.head_width and row < count and column < count:
            self._choose((row, column))

    def _choose(self, cell: Cell) -> None:
        self.cell = cell
        self.refresh()
        self.post_message(self.CellChosen(self, cell))
