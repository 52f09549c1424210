"""Colours and attributes by as few codes as will do; Rich writes every piece's style whole, and a reset after it.

What the terminal draws with is remembered, and only what the next piece needs otherwise is written.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

from rich.color import Color, ColorSystem
from rich.console import Console
from rich.segment import Segment
from rich.style import Style

_ATTRIBUTES = {
    "bold": "1",
    "dim": "2",
    "italic": "3",
    "underline": "4",
    "blink": "5",
    "blink2": "6",
    "reverse": "7",
    "conceal": "8",
    "strike": "9",
    "underline2": "21",
    "frame": "51",
    "encircle": "52",
    "overline": "53",
}
#: The code that ends an attribute; two attributes share one.
_ENDS = {"1": "22", "2": "22", "3": "23", "4": "24", "5": "25", "7": "27", "9": "29"}
_SYSTEMS = {"standard": ColorSystem.STANDARD, "256": ColorSystem.EIGHT_BIT, "truecolor": ColorSystem.TRUECOLOR}


class Ink(NamedTuple):
    """What a style makes the terminal draw with, as SGR parameters; empty where it is the terminal's own."""

    attributes: frozenset[str] = frozenset()
    colour: str = ""
    background: str = ""

    @property
    def shows_on_blanks(self) -> bool:
        """Whether a blank looks otherwise than its background: only bold, dim and italic do not show on one."""
        return not self.attributes <= {"1", "2", "3"}


@lru_cache(maxsize=4096)
def ink_of(style: Style | None, system: ColorSystem = ColorSystem.TRUECOLOR) -> Ink:
    """Not by `Style.render`: a style keeps the codes of the colour system that it was first rendered for."""
    if style is None:
        return Ink()
    attributes = frozenset(code for name, code in _ATTRIBUTES.items() if getattr(style, name))
    return Ink(attributes, _codes(style.color, system, True), _codes(style.bgcolor, system, False))


def _codes(colour: Color | None, system: ColorSystem, foreground: bool) -> str:
    if colour is None or colour.is_default:
        return ""
    return ";".join(colour.downgrade(system).get_ansi_codes(foreground))


class Pen:
    """Writes pieces of text in their styles; `reset` leaves the terminal as it was found. Links are not written."""

    def __init__(self, console: Console) -> None:
        self.system = _SYSTEMS.get(console.color_system or "", ColorSystem.TRUECOLOR)
        self.ink = Ink()

    def write(self, segments: list[Segment]) -> Iterator[str]:
        for text, style, _ in segments:
            ink = ink_of(style, self.system)
            if not (text.strip(" ") or ink.shows_on_blanks or self.ink.shows_on_blanks):
                ink = self.ink._replace(background=ink.background)
            yield self._change(ink) + text

    def reset(self) -> str:
        return self._change(Ink())

    def _change(self, new: Ink) -> str:
        old, self.ink = self.ink, new
        if old == new:
            return ""
        gone, codes = old.attributes - new.attributes, []
        if new == Ink() or not gone <= set(_ENDS):
            codes, old, gone = ["0"], Ink(), frozenset()
        ends = {_ENDS[attribute] for attribute in gone}
        kept = {attribute for attribute in old.attributes if _ENDS.get(attribute) not in ends}
        codes += sorted(ends) + sorted(new.attributes - kept)
        if new.colour != old.colour:
            codes.append(new.colour or "39")
        if new.background != old.background:
            codes.append(new.background or "49")
        return f"\x1b[{';'.join(codes)}m"
