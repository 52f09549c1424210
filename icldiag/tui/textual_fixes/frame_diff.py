"""Only what changed on the screen is written: over a slow line, repainting whole widgets makes keys feel late.

Textual 8.2.8 writes the regions of all widgets that were updated, whether they look otherwise or not. Here a frame is
compared with the one before, cell by cell. It can go when Textual writes only the cells that changed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from rich.cells import cell_len
from rich.console import Console, RenderableType
from rich.control import Control
from textual import events
from textual._compositor import CompositorUpdate
from textual.app import App
from textual.screen import Screen
from textual.strip import Strip

from icldiag.tui.pen import Ink, Pen, ink_of

Cell = tuple[str, Ink]  # the second cell of a wide character is ("", ink)

#: Unchanged cells between two changes that are written again rather than skipped: a move costs about as much.
_GAP = 6


class FrameDiff(CompositorUpdate):
    """The parts of some rows to be written: (x, y, strip)."""

    def __init__(self, parts: Sequence[tuple[int, int, Strip]]) -> None:
        self.parts = parts

    def render_segments(self, console: Console) -> str:
        """The terminal sequence, as `CompositorUpdate` asks."""
        pen, found = Pen(console), []
        for x, y, strip in self.parts:
            found += [Control.move_to(x, y).segment.text, *pen.write(list(strip))]
        return "".join(found) + pen.reset()


class Frame:
    """What the terminal shows."""

    def __init__(self) -> None:
        self.rows: list[Strip] = []

    def forget(self) -> None:
        """Something else has written to the terminal: the next frame is written whole."""
        self.rows = []

    def update(self, rows: Sequence[Strip]) -> FrameDiff:
        """What must be written to show the rows, which count as shown from then on."""
        plain = [row.discard_meta().simplify() for row in rows]
        if len(plain) != len(self.rows) or (plain and plain[0].cell_length != self.rows[0].cell_length):
            parts = [(start, y, row.crop(start, stop)) for y, row in enumerate(plain) for start, stop in _pieces(row)]
        else:
            pairs = enumerate(zip(self.rows, plain, strict=True))
            parts = [
                (start, y, new.crop(start, stop))
                for y, (old, new) in pairs
                if old != new
                for start, stop in _changes(old, new)
            ]
        self.rows = plain
        return FrameDiff(parts)


class FrameDiffApp(App[None]):
    """Writes what changed instead of what was updated."""

    def __init__(self) -> None:
        super().__init__()
        self.frame = Frame()

    def on_mount(self) -> None:  # Textual calls those of the classes that derive from this as well
        self.app_resume_signal.subscribe(self, lambda _: self.frame.forget())

    def on_resize(self, event: events.Resize) -> None:
        self.frame.forget()  # terminals reflow their content as they like

    def _display(self, screen: Screen[Any], renderable: RenderableType | None) -> None:
        if isinstance(renderable, CompositorUpdate) and not (self._batch_count or self.is_headless or self.is_inline):
            renderable = self.frame.update(self.screen._compositor.render_strips())
        super()._display(screen, renderable)


def _cells(row: Strip) -> Iterator[Cell]:
    for text, style, _ in row:
        ink = ink_of(style)
        blank = ink if ink.shows_on_blanks else Ink(background=ink.background)
        for character in text:
            width = cell_len(character)
            if width:
                yield character, blank if character == " " else ink
            for _ in range(width - 1):
                yield "", ink


def _changes(old: Strip, new: Strip) -> Iterator[tuple[int, int]]:
    """Half-open ranges of columns; one that would cut a wide character takes it in whole."""
    if old.cell_length != new.cell_length or _joined(old) or _joined(new):
        yield from _pieces(new)
    else:
        yield from _ranges(list(_cells(old)), list(_cells(new)))


def _pieces(row: Strip) -> Iterator[tuple[int, int]]:
    """All of a row; each of its styles is placed by itself, as terminals differ in how wide a joined character is."""
    start = 0
    for segment in row if _joined(row) else ():
        yield start, start + segment.cell_length
        start += segment.cell_length
    if start == 0:
        yield 0, row.cell_length


def _joined(row: Strip) -> bool:
    """Whether characters are drawn as one, as an emoji of several is: they have no columns of their own."""
    text = row.text
    if text.isascii():
        return False
    widths = list(map(cell_len, text))
    return 0 in widths or sum(widths) != row.cell_length


def _ranges(old: Sequence[Cell], new: Sequence[Cell]) -> Iterator[tuple[int, int]]:
    changed = [x for x, (before, after) in enumerate(zip(old, new, strict=True)) if before != after]
    start = 0
    for index, x in enumerate(changed):
        if index + 1 == len(changed) or changed[index + 1] - x > _GAP:
            yield _whole(changed[start], x + 1, old, new)
            start = index + 1


def _whole(start: int, stop: int, old: Sequence[Cell], new: Sequence[Cell]) -> tuple[int, int]:
    while start > 0 and "" in (old[start][0], new[start][0]):
        start -= 1
    while stop < len(new) and "" in (old[stop][0], new[stop][0]):
        stop += 1
    return start, stop
