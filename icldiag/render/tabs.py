"""The panels' names on one line, by group: the group in front is open, the others as far as there is room."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from rich.cells import cell_len

from icldiag.render.look import Look


@dataclass(frozen=True)
class Tab:
    """A panel's key and title, and the group that it stands in; tabs of a group follow each other."""

    key: str
    title: str
    group: str


@dataclass(frozen=True)
class Piece:
    """A stretch of the line; a click on it brings a tab to the front."""

    text: str
    style: str
    tab: int | None = None


def tab_row(tabs: Sequence[Tab], front: int, look: Look, width: int) -> list[Piece]:
    """The fullest form that fits: all groups open, the others as keys, as names alone; at last keys alone."""
    forms = (
        _row(tabs, front, look, others="open"),
        _row(tabs, front, look, others="keys"),
        _row(tabs, front, look, others="name"),
        [
            _tab(tab, place, look) if place == front else Piece(f"{tab.key} ", look.muted, place)
            for place, tab in enumerate(tabs)
        ],
    )
    return next((form for form in forms if row_width(form) <= width), forms[-1])


def row_width(pieces: Sequence[Piece]) -> int:
    """In terminal cells."""
    return sum(cell_len(piece.text) for piece in pieces)


def tab_at(pieces: Sequence[Piece], x: int) -> int | None:
    """The tab that a click in a column is for."""
    for piece in pieces:
        x -= cell_len(piece.text)
        if x < 0:
            return piece.tab
    return None


def _row(tabs: Sequence[Tab], front: int, look: Look, others: str) -> list[Piece]:
    row: list[Piece] = []
    for name, members in groupby(range(len(tabs)), lambda place: tabs[place].group):
        places = list(members)
        if row:
            row.append(Piece("| ", look.muted))
        if front in places or others == "open":
            row.append(Piece(f"{name}: ", look.strong if front in places else look.muted, places[0]))
            row += [_tab(tabs[place], place, look, place == front) for place in places]
        else:
            row.append(Piece(f"{name} ", look.muted, places[0]))
            if others == "keys":
                row += [Piece(f"{tabs[place].key} ", look.muted, place) for place in places]
    return row


def _tab(tab: Tab, place: int, look: Look, front: bool = True) -> Piece:
    """The one in front is in brackets, which stand where the others have spaces."""
    name = f"{tab.key} {tab.title}"
    return Piece(f"[{name}]" if front else f" {name} ", look.cursor if front else "", place)
