"""Colours and attributes by as few codes as will do; Rich writes every piece's style whole, and a reset after it.

What the terminal draws with is remembered, and only what the next piece needs otherwise is written.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

from rich.color import ColorSystem
from rich.console import Console
from rich.segment import Segment
from rich.style import Style

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
    before, _, _ = (style or Style()).render("\0", color_system=system).partition("\0")
    codes = iter(before.removeprefix("\x1b[").removesuffix("m").split(";") if before else ())
    attributes, colours = set(), ["", ""]
    for code in codes:
        number = int(code)
        if number in (38, 48):
            kind = next(codes)
            rest = [next(codes) for _ in range(1 if kind == "5" else 3)]
            colours[number == 48] = ";".join((code, kind, *rest))
        elif 30 <= number <= 49 or 90 <= number <= 107:
            colours[number in range(40, 50) or number >= 100] = "" if number in (39, 49) else code
        else:
            attributes.add(code)
    return Ink(frozenset(attributes), *colours)


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
