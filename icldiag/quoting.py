"""What a user wrote, in an error message: on one line, and short however long it is."""

from __future__ import annotations

import difflib
import re
import reprlib
from collections.abc import Iterable
from itertools import islice

from icldiag.visible import visible

MOST = 80  # characters of one value
_PATH = 400
_LISTED = 8
_COMPARED = 1000  # names
_QUOTED = re.compile(r"'[^']{80,}+'?|\"[^\"]{80,}+\"?|\S{81,}+")


def shortened(text: str, most: int = MOST) -> str:
    """The text on one line, its middle left out where it is longer than `most` characters."""
    return _cut(visible(_cut(text, most)), most)  # a sign may be longer than its character


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most * 2 // 3]}...{text[-most // 4 :]}"


def shortened_path(path: object) -> str:
    """The path whole, unless it or a name in it is longer than people write."""
    text = "/".join(map(shortened, str(path).split("/")))
    return shortened(text, _PATH if len(text) <= _PATH else MOST)


def quoted_path(path: object) -> str:
    """The same in quotes."""
    return repr(shortened_path(path))


def quoted(value: object) -> str:
    """The value as Python writes it."""
    if not isinstance(value, str):
        return shortened(reprlib.repr(value))
    shown = repr(value if len(value) <= MOST else shortened(value, MOST - 2))
    return shown if len(shown) <= MOST else f"{shown[0]}{shortened(value, MOST - 2)}{shown[0]}"


def listed(names: Iterable[object], most: int = _LISTED) -> str:
    """The first names, and how many there are."""
    every = list(names)
    shown = ", ".join(shortened(str(name)) for name in every[:most])
    return shown if len(every) <= most else f"{shown}, ... ({len(every)} in all)"


def did_you_mean(name: str, known: Iterable[object]) -> str:
    """A question, to stand before what there is instead; nothing where no name is like this one."""
    few = [str(other) for other in islice(known, _COMPARED)]
    close = difflib.get_close_matches(name[:MOST], [other for other in few if len(other) <= MOST], n=1)
    return f"did you mean {quoted(close[0])}? " if close else ""


def brief(error: object) -> str:
    """A library's own words: their first line, with what they quote of the user's shortened."""
    lines = str(error).splitlines() or [""]
    words = lines[0] if lines[0].strip() else type(error).__name__
    return shortened(_QUOTED.sub(lambda found: shortened(found[0]), words), 300)
