"""The panels' names on one line, by group: the group in front is open, the others as far as there is room."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Literal

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
    style: str = ""
    tab: int | None = None


#: How groups are shown that are not in front; "last" opens the last of them alone, which has few.
Others = Literal["open", "last", "keys", "name", "nothing"]


def tab_row(tabs: Sequence[Tab], front: int, look: Look, width: int) -> list[Piece]:
    """The fullest form that fits; where the group in front does not, all keys and the panel's name."""
    forms: tuple[tuple[Others, str, bool, bool], ...] = (
        ("open", " | ", True, True),
        ("open", " | ", True, False),
        ("last", " | ", True, True),
        ("keys", " | ", True, True),
        ("keys", "|", True, True),
        ("name", " | ", True, True),
        ("name", " | ", True, False),
        ("name", "|", True, False),
        ("keys", " | ", False, True),
        ("name", "|", False, True),
        ("nothing", "", True, True),
    )
    for others, between, named, headed in forms:
        row = list(_row(tabs, front, look, others, between, named, headed))
        if row_width(row) <= width:
            return row
    return list(_members(tabs, range(len(tabs)), front, look, names=False))


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


def _row(
    tabs: Sequence[Tab], front: int, look: Look, others: Others, between: str, named: bool, headed: bool
) -> Iterator[Piece]:
    """The groups in their order.

    Args:
        named: all tabs of the open groups have their names, not the one in front alone.
        headed: the open groups have theirs. A closed one has the key of its first tab, if no more.
    """
    separator = ""
    groups = [(name, list(places)) for name, places in groupby(range(len(tabs)), lambda place: tabs[place].group)]
    last = [places for _, places in groups if front not in places][-1:]
    for name, places in groups:
        is_front = front in places
        if not is_front and others == "nothing":
            continue
        yield Piece(separator, look.muted)
        separator = between
        is_open = is_front or others == "open" or (others == "last" and places in last)
        if not is_open:
            key = f"{tabs[places[0]].key} " if others == "name" else ""
            yield Piece(f"{key}{name}", look.muted, places[0])
        elif headed:
            yield Piece(f"{name}:", look.strong if is_front else look.muted, places[0])
        if is_open or others in ("last", "keys"):
            if headed or not is_open:
                yield Piece(" ")
            yield from _members(tabs, places, front, look, names=is_open and named)


def _members(tabs: Sequence[Tab], places: Sequence[int], front: int, look: Look, names: bool) -> Iterator[Piece]:
    """Tabs beside each other; the one in front is in brackets."""
    for place in places:
        tab = tabs[place]
        if place != places[0]:
            yield Piece(" ")
        if place == front:
            yield Piece(f"[{tab.key} {tab.title}]", look.cursor, place)
        else:
            yield Piece(f"{tab.key} {tab.title}" if names else tab.key, "" if names else look.muted, place)
