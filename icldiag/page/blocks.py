"""What a page is made of, before anybody decides on HTML, Markdown, CSV, a terminal or a notebook.

Texts are users' texts or computed ones, never markup: whoever renders a block escapes them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Drawing

# What a piece of the prompt is to the model; "special" is a token of the tokenizer's own.
Kind = Literal["special", "instruction", "template", "text", "label", "separator", "retrieved", "forerunner", "target"]
Cell = str | int | float | None  # None and NaN are undefined numbers

# open: on every page. folded: it repeats a figure's numbers, so HTML folds it. aside: folded in HTML, not in Markdown.
Place = Literal["open", "folded", "aside"]


@dataclass(frozen=True)
class Paragraph:
    text: str


@dataclass(frozen=True)
class Heading:
    """A heading under the section's own."""

    text: str


@dataclass(frozen=True)
class Items:
    """A list of sentences."""

    texts: tuple[str, ...]


@dataclass(frozen=True)
class Code:
    """Something to copy, as it is."""

    text: str


@dataclass(frozen=True)
class Table:
    """Rows of cells; `name` names its file. Pages show at most `limit` rows, files and frames hold all."""

    name: str
    caption: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    place: Place = "open"
    digits: str = ".2f"  # of floats on a page
    limit: int | None = None


@dataclass(frozen=True)
class Figure:
    """A figure that is drawn on demand; `name` names its file."""

    name: str
    caption: str
    draw: Callable[[], Drawing]


@dataclass(frozen=True)
class Piece:
    """A stretch of the prompt: a token, or before the tokenizer is there a part of the template."""

    text: str
    kind: Kind
    demonstration: int | None  # None for the instruction and the query
    position: int | None = None
    token_id: int | None = None


@dataclass(frozen=True)
class Tokens:
    """The prompt in pieces, each with the part that it plays."""

    caption: str
    pieces: tuple[Piece, ...]
    weights: tuple[float, ...] | None = None  # shades the pieces, darkest the heaviest


Block = Paragraph | Heading | Items | Code | Table | Figure | Tokens


def notes(missing: Sequence[str]) -> list[Block]:
    """What is undefined and why, as a list; nothing where nothing is."""
    return [Items(tuple(missing))] if missing else []


@dataclass(frozen=True)
class Part:
    """A section of a page: its heading, the sentence that says what was found, and the evidence."""

    name: str
    title: str
    reading: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True)
class Page:
    """A whole document. `summary` holds, per question, sentences with the name of the part that they come from."""

    title: str
    facts: tuple[str, ...]
    summary: dict[str, tuple[tuple[str, str], ...]]
    parts: tuple[Part, ...]

    @property
    def titles(self) -> dict[str, str]:
        """Of the parts, by their names."""
        return {part.name: part.title for part in self.parts}
