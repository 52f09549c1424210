"""The limits of what parsers may build, plain values, and the lines that their parts stand in."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Hashable, Iterable
from functools import cached_property
from pathlib import Path
from typing import Any

from icldiag.errors import InputError
from icldiag.quoting import quoted

DEPTH = 100  # lists and mappings in each other
DIGITS = 300  # of a number: no float has more before its point
TOO_DEEP = f"nested more than {DEPTH} levels deep; write it flatter"
TOO_LONG = f"a number of more than {DIGITS} digits; shorten it, or put quotes around a text"

Location = tuple[str | int, ...]

_HALF = re.compile(r"\\(?:u|U0000)[dD][89a-fA-F]")


class Lines:
    """The line of every part of a document; only an error asks for them, and then they are found."""

    def __init__(self, locate: Callable[[], dict[Location, int]]) -> None:
        self._locate = locate

    @cached_property
    def _found(self) -> dict[Location, int]:
        return self._locate()

    def of(self, location: Location) -> int | None:
        """The line of a location, or of its nearest enclosing one (a missing field has none of its own)."""
        for length in range(len(location), -1, -1):
            if location[:length] in self._found:
                return self._found[location[:length]]
        return None


def whole_number(text: str) -> int | None:
    """The number that the text is, all digits; None for any other text, and for more digits than numbers have."""
    return int(text) if text.isdecimal() and len(text) <= DIGITS else None


def first_repeated(values: Iterable[Hashable]) -> int | None:
    """The place of the first value that stands before too."""
    seen = set()
    for place, value in enumerate(values):
        if value in seen:
            return place
        seen.add(value)
    return None


def refuse_half_characters(text: str, value: Any, lines: Lines, path: Path | None, raises: type[InputError]) -> None:
    r"""An escape such as \ud83d alone is no character: no tokenizer and no terminal can take it."""
    if _HALF.search(text):  # without such an escape there is none
        location = _half_character(value)
        if location is not None:
            message = r"holds half a character (an escape from \ud800 to \udfff); write the whole one"
            raise raises(message, path=path, line=lines.of(location))


def _half_character(value: Any) -> Location | None:
    """Where a text or a key holds one."""
    pending: list[tuple[Location, Any]] = [((), value)]
    while pending:
        location, part = pending.pop()
        if isinstance(part, str) and any("\ud800" <= character <= "\udfff" for character in part):
            return location
        if isinstance(part, dict):
            pending += [((*location, key), key) for key in part]
            pending += [((*location, key), member) for key, member in part.items()]
        elif isinstance(part, list):
            pending += [((*location, index), member) for index, member in enumerate(part)]
    return None


def finite(value: object) -> bool:
    """Whether it is a number, neither NaN nor infinite."""
    try:
        return not isinstance(value, bool) and isinstance(value, int | float) and math.isfinite(value)
    except OverflowError:  # an integer beyond every float
        return False


def no_text(value: object) -> str:
    """The complaint about a value in the place of a text."""
    words = {None: "null", True: "true", False: "false"}
    if value is None or isinstance(value, bool):
        return f"expected text, not {words[value]}; write the text in quotes"
    kind = "a list" if isinstance(value, list) else "a mapping" if isinstance(value, dict) else quoted(value)
    return f"expected text, not {kind}; write one text"
