"""JSON: plain values, and the line of each when an error asks for it."""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Iterator
from itertools import accumulate
from pathlib import Path
from typing import Any

from icldiag.errors import InputError, PromptError
from icldiag.inputs.values import DEPTH, DIGITS, TOO_DEEP, TOO_LONG, Lines, Location, refuse_half_characters
from icldiag.quoting import brief, quoted

# Quantifiers that give nothing back (++, *+): no text makes these patterns slow.
_STRING = re.compile(r'"(?:[^"\\]++|\\.)*+"?', re.DOTALL)
_TOKEN = re.compile(r'(?:"(?:[^"\\]++|\\.)*+"?|[\[\]{},:]|[^\s"\[\]{},:]++)', re.DOTALL)
_NOT_BRACKETS = re.compile(r"[^\[\]{}]+")
_STEPS = {"[": 1, "{": 1, "]": -1, "}": -1}
_NOT_FINITE = "is no number; write a number or null, or put quotes around a text"


class Written(float):
    """A number whose text is what stands in the file: 1.10, 0.1e-7."""

    written: str

    @classmethod
    def of(cls, written: str) -> Written:
        value = cls(_finite(written))
        value.written = written
        return value

    def __str__(self) -> str:
        return self.written


class _Refused(ValueError):
    """What the JSON standard or we do not allow, met while values are built."""


def parse_json(
    text: str,
    path: Path | None,
    raises: type[InputError] = PromptError,
    *,
    finite: bool = True,
    written: bool = False,
    first: int = 1,
) -> tuple[Any, Lines]:
    """Parse a JSON text.

    Args:
        finite: refuse NaN and infinite numbers, which the standard does not know but Python writes.
        written: make numbers `Written`, which are finite.
        first: the number of the text's first line in its file.

    Raises:
        InputError: of the kind `raises`, with the line.
    """

    def error(message: str, line: int | None) -> InputError:
        return raises(message, path=path, line=None if line is None else line + first - 1)

    bare = _STRING.sub('""', text)
    if nesting(bare) > DEPTH:
        raise error(TOO_DEEP, _line_of_depth(text))
    if too_long(bare):
        raise error(TOO_LONG, next((line for token, line in _tokens(text) if too_long(token)), None))
    constant, number = (_no_number, Written.of if written else _finite) if finite else (None, None)
    try:
        value = json.loads(text, object_pairs_hook=_unique, parse_constant=constant, parse_float=number)
    except json.JSONDecodeError as failure:
        if not text.strip():
            raise error("there is nothing in it, and it should hold JSON; check the path", None) from None
        reason = f"not valid JSON: {failure.msg} at character {failure.colno}; correct it there"
        raise error(reason, failure.lineno) from None
    except _Refused as failure:
        raise error(str(failure), _line_refused(text)) from None
    except (ValueError, RecursionError) as failure:
        raise error(f"not valid JSON: {brief(failure)}", None) from None
    lines = Lines(lambda: {location: line + first - 1 for location, line in _locate(text).items()})
    refuse_half_characters(text, value, lines, path, raises)
    return value, lines


def nesting(bare: str) -> int:
    """How deep brackets and braces are in each other, in a text without its strings."""
    return max(accumulate(map(_STEPS.__getitem__, _NOT_BRACKETS.sub("", bare))), default=0)


def too_long(bare: str) -> bool:
    """Whether a text without its strings holds a number of too many digits."""
    return re.search(rf"\d{{{DIGITS + 1}}}", bare) is not None


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) < len(pairs):
        [(twice, _)] = Counter(key for key, _ in pairs).most_common(1)
        raise _Refused(f"the key {quoted(twice)} is written twice; remove one")
    return made


def _no_number(written: str) -> float:
    raise _Refused(f"{quoted(written)[1:-1]} {_NOT_FINITE}")


def _finite(written: str) -> float:
    value = float(written)
    return value if math.isfinite(value) else _no_number(written)


def _tokens(text: str) -> Iterator[tuple[str, int]]:
    """Strings, signs and bare words with the lines they begin in."""
    line, counted = 1, 0
    for found in _TOKEN.finditer(text):
        line += text.count("\n", counted, found.start())
        counted = found.start()
        yield found[0], line


def _line_of_depth(text: str) -> int | None:
    depth = 0
    for token, line in _tokens(text):
        depth += _STEPS.get(token, 0)
        if depth > DEPTH:
            return line
    return None


def _line_refused(text: str) -> int | None:
    """The line of the first key that comes again, or number that is none."""
    known: set[Location] = set()
    for location, token, line in _walk(text):
        if token.lstrip("-")[:1].isalnum() and token not in ("true", "false", "null") and not _is_finite(token):
            return line
        if token == ":":
            if location in known:
                return line
            known.add(location)
    return None


def _is_finite(token: str) -> bool:
    try:
        return math.isfinite(float(token))
    except ValueError:
        return True


def _locate(text: str) -> dict[Location, int]:
    """The line of every part of a valid text; of a field, its key's."""
    lines: dict[Location, int] = {}
    for location, _, line in _walk(text):
        lines.setdefault(location, line)
    return lines


def _walk(text: str) -> Iterator[tuple[Location, str, int]]:
    """Every value's first token with its location and line; before a field's value, ':' with the line of its key."""
    location: list[str | int] = []  # one part for each open list or mapping
    kinds: list[str] = []
    key, key_line = "", 1
    waits_for_value = True
    for token, line in _tokens(text):
        if token in "]}":
            if kinds:
                kinds.pop()
                location.pop()
            waits_for_value = False
        elif token == ",":
            waits_for_value = bool(kinds) and kinds[-1] == "["
            if waits_for_value:
                location[-1] = int(location[-1]) + 1
        elif token == ":":
            if kinds and kinds[-1] == "{":
                location[-1] = key
                yield tuple(location), ":", key_line
            waits_for_value = True
        elif waits_for_value or token in "[{":
            yield tuple(location), token, line
            waits_for_value = token == "["
            if token in "[{":
                kinds.append(token)
                location.append(0 if token == "[" else "")
        else:
            key, key_line = _unescaped(token), line


def _unescaped(token: str) -> str:
    try:
        return str(json.loads(token))
    except ValueError:
        return token
