"""YAML without its guesses: plain values, and the line of each when an error asks for it.

`Yes`, `1.0` and `2024-01-01` stay the text that was typed, because a label named `No` is a label and not a boolean;
only null is understood. PyYAML parses, by libyaml where it has it; values are built here from what it parses, with a
limit on all that could grow.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from yaml.constructor import SafeConstructor
from yaml.reader import Reader

from icldiag.errors import InputError, PromptError
from icldiag.inputs.values import DEPTH, DIGITS, TOO_DEEP, TOO_LONG, Lines, Location, refuse_half_characters
from icldiag.quoting import brief, quoted

_NULLS = ("", "~", "null", "Null", "NULL")
_STANDARD = "tag:yaml.org,2002:"
_CONSTRUCTED = {
    "int": SafeConstructor.construct_yaml_int,
    "float": SafeConstructor.construct_yaml_float,
    "bool": SafeConstructor.construct_yaml_bool,
}
_CONTROL = re.compile(Reader.NON_PRINTABLE.pattern)
_READ_OTHERWISE = re.compile(r"[\t\ufeff]|(?:^|[\s\[{,])!")  # by libyaml than by PyYAML's own parser
_QUOTES = "put quotes around a text that holds ': ' or starts with one of [ ] { } & * ! | > % @ `"
_TIMES, _FREE = 8, 1 << 20  # aliases may repeat so many times what is written, and so many bytes anyhow
_EACH = 50  # bytes that a value takes at least


class _Refused(Exception):
    """What we do not read, with its line."""

    def __init__(self, message: str, line: int | None) -> None:
        super().__init__(message)
        self.line = line


def parse_yaml(text: str, path: Path | None, raises: type[InputError] = PromptError) -> tuple[Any, Lines]:
    """Parse a YAML text of one document; None for an empty one. Raises an error of the kind `raises`, with the line."""
    control = _CONTROL.search(text)
    if control is not None:
        code = ord(control[0])
        written = f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}"
        reason = f'the character U+{code:04X} cannot stand in YAML; remove it, or write {written} in a text in "..."'
        raise raises(reason, path=path, line=text.count("\n", 0, control.start()) + 1)
    try:
        value, lines = _built(text)
    except _Refused as failure:
        raise raises(str(failure), path=path, line=failure.line) from None
    refuse_half_characters(text, value, lines, path, raises)
    return value, lines


def _built(text: str) -> tuple[Any, Lines]:
    for parser in _parsers(text):
        try:
            value = _Builder().build(_events(text, parser))
        except yaml.YAMLError as failure:
            if parser is not yaml.SafeLoader:  # the slow one decides what is YAML, and explains it better
                continue
            raise _Refused(*_explained(failure)) from None
        return value, Lines(lambda parser=parser: _located(text, parser))  # type: ignore[misc]
    raise AssertionError("the last parser returns or raises")


def _parsers(text: str) -> Iterator[Any]:
    if yaml.__with_libyaml__ and not _READ_OTHERWISE.search(text):
        yield yaml.CSafeLoader
    yield yaml.SafeLoader


def _located(text: str, parser: Any) -> dict[Location, int]:
    builder = _Builder({})
    builder.build(_events(text, parser))
    return builder.lines or {}


def _explained(failure: yaml.YAMLError) -> tuple[str, int | None]:
    if not isinstance(failure, yaml.MarkedYAMLError):
        return f"not valid YAML: {brief(failure)}; {_QUOTES}", None
    mark = failure.problem_mark or failure.context_mark
    problem = " ".join(part for part in (failure.context, failure.problem) if part)
    return f"not valid YAML: {brief(problem)}; {_QUOTES}", mark.line + 1 if mark else None


def _events(text: str, parser: Any) -> Iterator[yaml.Event]:
    """What PyYAML parses, whatever it raises as a YAMLError."""
    loader = parser(text)
    try:
        while loader.check_event():
            yield loader.get_event()
    except yaml.YAMLError:
        raise
    except (ValueError, OverflowError, RecursionError, LookupError, TypeError):
        line = getattr(loader, "line", None)
        mark = None if line is None else yaml.Mark("", 0, line, 0, None, 0)
        raise yaml.MarkedYAMLError(problem="an escape stands for no character", problem_mark=mark) from None
    finally:
        loader.dispose()


@dataclass
class _Open:
    """A list or a mapping that is being built."""

    value: Any
    location: Location
    anchor: str | None
    size: int = _EACH  # bytes of all in it, aliases written out
    key: str | None = None  # that waits for its value


@dataclass
class _Builder:
    """Values from events, one after the other, without recursion."""

    lines: dict[Location, int] | None = None  # filled where it is given
    anchors: dict[str, tuple[Any, int] | None] = field(default_factory=dict)  # value and size; None while it is open
    stack: list[_Open] = field(default_factory=list)
    written: int = 0  # bytes, an alias counted as one value
    repeated: int = 0  # bytes that aliases stand for
    value: Any = None
    done: bool = False

    def build(self, events: Iterator[yaml.Event]) -> Any:
        for event in events:
            line: int = event.start_mark.line + 1  # type: ignore[union-attr]
            if isinstance(event, yaml.ScalarEvent):
                self._scalar(event, line)
            elif isinstance(event, yaml.SequenceStartEvent | yaml.MappingStartEvent):
                self._open(event, line)
            elif isinstance(event, yaml.SequenceEndEvent | yaml.MappingEndEvent):
                closed = self.stack.pop()
                if closed.anchor is not None:
                    self.anchors[closed.anchor] = closed.value, closed.size
                if self.stack:
                    self.stack[-1].size += closed.size
            elif isinstance(event, yaml.AliasEvent):
                self._alias(str(event.anchor), line)
            elif isinstance(event, yaml.DocumentStartEvent) and self.done:
                raise _Refused("a second document begins ('---'); write one document in a file", line)
        return self.value

    def _scalar(self, event: yaml.ScalarEvent, line: int) -> None:
        value, size = self._read(event, line), _EACH + len(event.value)
        self.written += size
        if event.anchor is not None:
            self.anchors[event.anchor] = value, size
        self._put(value, size, line)

    def _read(self, event: yaml.ScalarEvent, line: int) -> Any:
        text: str = event.value
        if event.tag in (None, "!"):
            return None if event.implicit[0] and text in _NULLS else text
        kind = str(event.tag).removeprefix(_STANDARD)
        if event.tag == _STANDARD + "str":
            return text
        if event.tag == _STANDARD + "null":
            return None
        if event.tag != _STANDARD + kind or kind not in _CONSTRUCTED:
            raise _Refused(f"the tag {_tag(event.tag)} is not read here; remove it", line)
        if len(text) > DIGITS:
            raise _Refused(TOO_LONG, line)
        try:
            node = yaml.ScalarNode(event.tag, text)
            return _CONSTRUCTED[kind](SafeConstructor(), node)
        except (ValueError, LookupError, OverflowError, yaml.YAMLError):
            raise _Refused(f"{quoted(text)} is no {_tag(event.tag)}; remove the tag", line) from None

    def _open(self, event: yaml.SequenceStartEvent | yaml.MappingStartEvent, line: int) -> None:
        empty: list[Any] | dict[str, Any] = [] if isinstance(event, yaml.SequenceStartEvent) else {}
        kind = "seq" if isinstance(empty, list) else "map"
        if event.tag not in (None, "!", _STANDARD + kind):
            raise _Refused(f"the tag {_tag(event.tag)} is not read here; remove it", line)
        if len(self.stack) == DEPTH:
            raise _Refused(TOO_DEEP, line)
        self.written += _EACH
        if event.anchor is not None:
            self.anchors[event.anchor] = None
        location = self._put(empty, 0, line)
        self.stack.append(_Open(empty, location, event.anchor))

    def _alias(self, name: str, line: int) -> None:
        if name not in self.anchors:
            raise _Refused(f"there is no {quoted('&' + name)} before this alias; write it, or correct the name", line)
        found = self.anchors[name]
        if found is None:
            raise _Refused(f"the alias {quoted('*' + name)} stands inside what it repeats; remove it", line)
        value, size = found
        self.written += _EACH
        self.repeated += size
        if self.repeated > _TIMES * self.written + _FREE:
            raise _Refused("the aliases repeat far more than is written; write out what is meant", line)
        self._put(value, size, line)

    def _put(self, value: Any, size: int, line: int) -> Location:
        """Set a value where it belongs: in the list, as a key, under the key that waits, or as the document."""
        location: Location = ()
        if not self.stack:
            self.value, self.done = value, True
        else:
            place = self.stack[-1]
            place.size += size
            if isinstance(place.value, list):
                location = (*place.location, len(place.value))
                place.value.append(value)
            elif place.key is None:
                self._key(place, value, line)
                return place.location
            else:
                location = (*place.location, place.key)
                place.value[place.key], place.key = value, None
        if self.lines is not None:
            self.lines.setdefault(location, line)
        return location

    def _key(self, place: _Open, key: Any, line: int) -> None:
        if not isinstance(key, str):
            told = "a list or mapping" if isinstance(key, list | dict) else "null" if key is None else quoted(key)
            raise _Refused(f"{told} cannot be a key; write a text, in quotes where it is like null or a number", line)
        if key in place.value:
            raise _Refused(f"the key {quoted(key)} is written twice; remove one", line)
        place.key = key
        if self.lines is not None:
            self.lines[*place.location, key] = line


def _tag(tag: str) -> str:
    return quoted(tag.replace(_STANDARD, "!!", 1) if tag.startswith(_STANDARD) else tag)
