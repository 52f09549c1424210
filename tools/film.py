"""A moving picture (SVG) of a recorded session: python tools/film.py docs/session.cast docs/session.svg

pyte works out what the terminal showed. A frame is a screen that stood for a while; lines that several frames have in
common are in the file once.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from html import escape
from itertools import groupby, pairwise
from pathlib import Path
from typing import NamedTuple

import pyte
import typer

CELL, LINE, SIZE = 8.4, 19, 14  # pixels: a monospaced cell, a line, the type
BACKGROUND, TEXT = "#121212", "#e0e0e0"
_STOOD = 0.25  # seconds
_LAST = 5.0
_COLOURS = {
    "black": "#121212",
    "red": "#cc555a",
    "green": "#4ebf71",
    "brown": "#ffa62b",
    "blue": "#0178d4",
    "magenta": "#b480ad",
    "cyan": "#57a5b8",
    "white": "#e0e0e0",
}


class Frame(NamedTuple):
    """What the screen showed, and since when: seconds."""

    when: float
    lines: tuple[str, ...]


def _colour(name: str, default: str) -> str:
    return default if name == "default" else _COLOURS.get(name, f"#{name}")


def line_of(row: dict[int, pyte.screens.Char], width: int) -> str:
    """One line of cells as SVG, its top at 0."""
    parts = []
    cells = [(column, row[column]) for column in range(width)]
    for (fg, bg, bold), run in groupby(cells, key=lambda cell: _style(cell[1])):
        found = list(run)
        start, text = found[0][0], "".join(char.data for _, char in found)
        left, wide = f"{start * CELL:.1f}", f"{len(found) * CELL:.1f}"
        if bg != BACKGROUND:
            parts.append(f'<rect x="{left}" width="{wide}" height="{LINE}" fill="{bg}"/>')
        if stripped := text.strip():
            blank = len(text) - len(text.lstrip())
            weight = ' font-weight="bold"' if bold else ""
            at, length = f"{(start + blank) * CELL:.1f}", f"{len(stripped) * CELL:.1f}"
            parts.append(
                f'<text x="{at}" y="{LINE - 5}" textLength="{length}" fill="{fg}"{weight}>{escape(stripped)}</text>'
            )
    return "".join(parts)


def _style(char: pyte.screens.Char) -> tuple[str, str, bool]:
    fg, bg = _colour(char.fg, TEXT), _colour(char.bg, BACKGROUND)
    return (bg, fg, char.bold) if char.reverse else (fg, bg, char.bold)


def frames_of(cast: Path) -> tuple[list[Frame], float, int, int]:
    """The frames of an asciinema recording (version 2), its length in seconds, and its columns and lines."""
    head, *events = (json.loads(line) for line in cast.read_text(encoding="utf-8").splitlines())
    width, height = head["width"], head["height"]
    screen = pyte.Screen(width, height)
    stream = pyte.Stream(screen)
    frames: list[Frame] = []
    for (when, _, text), (until, _, after) in pairwise(events):
        stream.feed(text)
        if until - when < _STOOD and "\x1b[?1049l" not in after:
            continue
        lines = tuple(line_of(screen.buffer[row], width) for row in range(height))
        if not frames or lines != frames[-1].lines:
            frames.append(Frame(when, lines))
        if "\x1b[?1049l" in after:  # the app gives the terminal back
            return frames, when + _LAST, width, height
    return frames, events[-1][0] + _LAST, width, height


def svg_of(frames: list[Frame], seconds: float, width: int, height: int) -> str:
    """The frames side by side on a film that is moved step by step."""
    wide, high = round(width * CELL), height * LINE
    lines = {line: f"l{number}" for number, line in enumerate(dict.fromkeys(sum((one.lines for one in frames), ())))}
    return "\n".join(_parts(frames, seconds, wide, high, lines))


def _parts(frames: list[Frame], seconds: float, wide: int, high: int, lines: dict[str, str]) -> Iterator[str]:
    yield f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {wide} {high}" width="{wide}" height="{high}">'
    stops = "".join(
        f"{0 if not place else 100 * one.when / seconds:.2f}%{{transform:translateX({-place * wide}px)}}"
        for place, one in enumerate(frames)
    )
    font = f"{SIZE}px 'DejaVu Sans Mono',Menlo,Consolas,monospace"
    yield (
        f"<style>text{{font:{font};white-space:pre}}@keyframes film{{{stops}}}"
        f"#film{{animation:film {seconds:.1f}s step-end infinite}}</style>"
    )
    yield "<defs>" + "".join(f'<g id="{name}">{line}</g>' for line, name in lines.items() if line) + "</defs>"
    yield f'<rect width="{wide}" height="{high}" fill="{BACKGROUND}"/><g id="film">'
    for place, frame in enumerate(frames):
        uses = "".join(f'<use href="#{lines[line]}" y="{row * LINE}"/>' for row, line in enumerate(frame.lines) if line)
        yield f'<svg x="{place * wide}" width="{wide}" height="{high}">{uses}</svg>'
    yield "</g></svg>"


def main(cast: Path, target: Path) -> None:
    """Read the recording, and write the picture."""
    target.write_text(svg_of(*frames_of(cast)), encoding="utf-8")


if __name__ == "__main__":
    typer.run(main)
