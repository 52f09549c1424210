"""A terminal that is only sent differences shows the same as one that is sent whole frames."""

from __future__ import annotations

import io
import random
from typing import Any

import pyte
import pytest
from rich.cells import cell_len
from rich.console import Console
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from icldiag.tui.textual_fixes.frame_diff import Frame

WIDTH, HEIGHT = 30, 6
STYLES: list[dict[str, Any]] = [
    {"color": "red"},
    {"color": "red", "bold": False},  # looks like the one before
    {"bgcolor": "#102030", "bold": True},
    {"color": "#405060", "bgcolor": "#102030", "dim": True, "italic": True},
    {"color": "bright_green", "underline": True},
    {"color": "default", "bgcolor": "bright_blue", "reverse": True, "strike": True},
    {"bold": True, "dim": True, "overline": True},
    {},
    {"meta": {"@click": 1}},
]
Row = list[tuple[str, dict[str, Any]]]


def strips(rows: list[Row]) -> list[Strip]:
    """With styles of their own: Rich keeps in a style what it once rendered."""
    return [Strip([Segment(text, Style(**style)) for text, style in row]) for row in rows]


def random_row(rng: random.Random) -> Row:
    """Pieces of narrow and wide characters in several styles, exactly as wide as the screen."""
    row: Row = []
    width = 0
    while width < WIDTH:
        text = rng.choice(["a", "bc", "漢", "é", "  ", "x漢y"])
        room = WIDTH - width
        size = cell_len(text)
        if size > room:
            text, size = " " * room, room
        row.append((text, rng.choice(STYLES)))
        width += size
    return row


def changed(rows: list[Row], rng: random.Random) -> list[Row]:
    return [random_row(rng) if rng.random() < 0.3 else row for row in rows]


def looks(screen: pyte.Screen) -> list[list[Any]]:
    """What is seen: of a blank that nothing is drawn through, its background."""
    lines = [[screen.buffer[y][x] for x in range(WIDTH)] for y in range(HEIGHT)]
    return [
        [
            cell.bg if cell.data == " " and not (cell.underscore or cell.reverse or cell.strikethrough) else cell
            for cell in line
        ]
        for line in lines
    ]


@pytest.mark.parametrize("system", ["truecolor", "256", "standard", None])
def test_differences_add_up_to_the_frame_as_rich_writes_it(system: Any) -> None:
    console = Console(file=io.StringIO(), force_terminal=True, color_system=system)
    rng = random.Random(0)
    terminal, whole = pyte.Screen(WIDTH, HEIGHT), pyte.Screen(WIDTH, HEIGHT)
    stream, shown = pyte.Stream(terminal), Frame()
    rows = [random_row(rng) for _ in range(HEIGHT)]
    written = {"differences": 0, "rich": 0}
    for _ in range(150):
        difference = shown.update(strips(rows)).render_segments(console)
        frame = "".join(f"\x1b[{y};1H{row.render(console)}" for y, row in enumerate(strips(rows), start=1))
        stream.feed(difference)
        pyte.Stream(whole).feed(frame)
        assert looks(terminal) == looks(whole)
        assert terminal.cursor.attrs == pyte.screens.Char(" ")  # nothing is left behind for the next writer
        written["differences"] += len(difference)
        written["rich"] += len(frame)
        rows = changed(rows, rng)
    assert written["differences"] < written["rich"] / 3


def test_a_style_is_written_once_and_only_what_is_new_of_the_next() -> None:
    muted, strong = Style(color="#808080", bgcolor="#101010"), Style(color="#808080", bgcolor="#101010", bold=True)
    row = Strip(
        [Segment("a", muted), Segment("b", muted + Style(bold=False)), Segment("c", strong), Segment("d", muted)]
    )
    console = Console(file=io.StringIO(), force_terminal=True, color_system="truecolor")
    text = Frame().update([row]).render_segments(console)
    assert text == "\x1b[1;1H\x1b[38;2;128;128;128;48;2;16;16;16mab\x1b[1mc\x1b[22md\x1b[0m"


def test_only_what_changed_is_written() -> None:
    style = Style(color="green")
    rows = [Strip([Segment("hello world, how are you?     ", style)]) for _ in range(HEIGHT)]
    frame = Frame()
    assert len(frame.update(rows).parts) == HEIGHT
    assert frame.update(rows).parts == []
    rows[2] = Strip([Segment("hello earth, how are you?     ", style)])
    ((x, y, strip),) = frame.update(rows).parts
    assert (x, y, strip.text) == (6, 2, "earth")
    frame.forget()
    assert len(frame.update(rows).parts) == HEIGHT
    assert len(frame.update(rows[:3]).parts) == 3  # the terminal was made smaller


@pytest.mark.parametrize("text", ["👩‍👩‍👧", "👍🏽", "1️⃣", "❤️", "नमस्ते", "e\u0301", "👩‍👩‍👧1️⃣1️⃣1️⃣1️⃣"])
def test_a_row_with_characters_that_are_drawn_as_one_is_written_whole(text: str) -> None:
    """By its columns no part of it could be found."""
    frame, room = Frame(), WIDTH - cell_len(text)
    for before, after in (("would begin", "would write"), ("would write", "would end")):
        frame.update(strips([[(text + before.ljust(room), {})]]))
        (new,) = strips([[(text, {"bold": True}), (after.ljust(room), {})]])
        parts = [(0, 0, Strip([new._segments[0]])), (cell_len(text), 0, Strip([new._segments[1]]))]
        assert frame.update([new]).parts == parts
