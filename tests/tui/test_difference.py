"""A terminal that is only sent differences shows the same as one that is sent whole frames."""

from __future__ import annotations

import io
import random

import pyte
from rich.console import Console
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from icldiag.tui.difference import Screenful

WIDTH, HEIGHT = 30, 6
CONSOLE = Console(file=io.StringIO(), force_terminal=True, color_system="truecolor")


def random_row(rng: random.Random) -> Strip:
    """Segments of narrow and wide characters in several styles, exactly as wide as the screen."""
    segments, width = [], 0
    while width < WIDTH:
        text = rng.choice(["a", "bc", "漢", "é", "  ", "x漢y"])
        room = WIDTH - width
        size = Strip([Segment(text)]).cell_length
        if size > room:
            text, size = " " * room, room
        style = rng.choice(
            [Style(color="red"), Style(bgcolor="#102030", bold=True), Style(meta={"@click": rng.random()})]
        )
        segments.append(Segment(text, style))
        width += size
    return Strip(segments)


def changed(rows: list[Strip], rng: random.Random) -> list[Strip]:
    return [random_row(rng) if rng.random() < 0.3 else row for row in rows]


def test_differences_add_up_to_the_frame() -> None:
    rng = random.Random(0)
    terminal, whole = pyte.Screen(WIDTH, HEIGHT), pyte.Screen(WIDTH, HEIGHT)
    stream, screenful = pyte.Stream(terminal), Screenful()
    rows = [random_row(rng) for _ in range(HEIGHT)]
    for _ in range(200):
        stream.feed(screenful.update(rows).render_segments(CONSOLE))
        pyte.Stream(whole).feed(Screenful().update(rows).render_segments(CONSOLE))
        assert terminal.buffer == whole.buffer
        rows = changed(rows, rng)


def test_only_what_changed_is_written() -> None:
    style = Style(color="green")
    rows = [Strip([Segment("hello world, how are you?     ", style)]) for _ in range(HEIGHT)]
    screenful = Screenful()
    assert len(screenful.update(rows).parts) == HEIGHT
    assert screenful.update(rows).parts == []
    rows[2] = Strip([Segment("hello earth, how are you?     ", style)])
    ((x, y, strip),) = screenful.update(rows).parts
    assert (x, y, strip.text) == (6, 2, "earth")
    screenful.forget()
    assert len(screenful.update(rows).parts) == HEIGHT
    assert len(screenful.update(rows[:3]).parts) == 3  # the terminal was made smaller
