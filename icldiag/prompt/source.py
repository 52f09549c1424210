"""Text files with line numbers: YAML and JSON to plain values plus the line of every field, JSONL to rows.

YAML is read without its guesses: `Yes`, `1.0` and `2024-01-01` stay the text that was typed, because a label named
`No` is a label and not a boolean. Only null is understood.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from icldiag.errors import PromptError

Location = tuple[str | int, ...]


class _TypedAsWritten(yaml.SafeLoader):
    """SafeLoader that leaves every scalar but null a string."""


_TypedAsWritten.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag == "tag:yaml.org,2002:null"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def read_text(path: Path) -> str:
    """Return the file's text; raise PromptError when it is missing, a folder, or not UTF-8."""
    try:
        return path.read_bytes().decode("utf-8-sig")
    except FileNotFoundError:
        raise PromptError("there is no such file; check the path", path=path) from None
    except IsADirectoryError:
        raise PromptError("this is a folder; name the prompt file in it", path=path) from None
    except UnicodeDecodeError as error:
        line = path.read_bytes()[: error.start].count(b"\n") + 1
        raise PromptError("not UTF-8 text; save the file as UTF-8", path=path, line=line) from None
    except OSError as error:
        raise PromptError(f"cannot be read: {error.strerror}", path=path) from None


def read_document(path: Path) -> tuple[Any, dict[Location, int]]:
    """Parse a YAML or JSON file into plain values and a map from field location to line."""
    text = read_text(path)
    value, lines = (_parse_json if path.suffix.lower() == ".json" else _parse_yaml)(text, path)
    _refuse_half_characters(value, path, lines)
    return value, lines


def _refuse_half_characters(value: Any, path: Path, lines: dict[Location, int], location: Location = ()) -> None:
    r"""An escape such as \ud83d alone is no character: no tokenizer and no terminal can take it."""
    if isinstance(value, str) and any("\ud800" <= character <= "\udfff" for character in value):
        reason = r"holds half a character (an escape from \ud800 to \udfff); write the whole one"
        raise PromptError(reason, path=path, line=line_of(lines, location))
    members = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, member in members:
        _refuse_half_characters(member, path, lines, (*location, key))


def _parse_yaml(text: str, path: Path) -> tuple[Any, dict[Location, int]]:
    loader = _TypedAsWritten(text)
    try:
        node = loader.get_single_node()
        if node is None:
            return None, {}
        lines = _locate(node, path)
        return loader.construct_document(node), lines
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        problem = " ".join(part for part in (error.context, error.problem) if part)
        cure = "; put quotes around a text that holds ': ' or starts with one of [ ] { } & * ! | > % @ `"
        raise PromptError(f"not valid YAML: {problem}{cure}", path=path, line=mark.line + 1 if mark else None) from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise PromptError(f"not valid YAML: {str(error).splitlines()[0]}", path=path) from None
    finally:
        loader.dispose()


def _parse_json(text: str, path: Path) -> tuple[Any, dict[Location, int]]:
    try:
        value = json.loads(text)
    except json.JSONDecodeError as error:
        raise PromptError(f"not valid JSON: {error.msg}", path=path, line=error.lineno) from None
    except RecursionError:
        raise PromptError("not valid JSON: nested too deeply", path=path) from None
    try:  # nearly all JSON is YAML too, so its parser can tell the lines
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        return value, _locate(node, path) if node is not None else {}
    except (yaml.YAMLError, RecursionError):
        return value, {}


def _locate(root: yaml.Node, path: Path) -> dict[Location, int]:
    """Map the location of every node to its line; refuse a key that is written twice."""
    lines: dict[Location, int] = {}
    pending: list[tuple[Location, yaml.Node]] = [((), root)]
    visited: set[int] = set()
    while pending:
        location, node = pending.pop()
        lines.setdefault(location, node.start_mark.line + 1)  # a field has its key's line already
        if id(node) in visited:  # an alias: its children have their lines already
            continue
        visited.add(id(node))
        if isinstance(node, yaml.MappingNode):
            seen: set[str] = set()
            for key, value in node.value:
                if key.value in seen and isinstance(key, yaml.ScalarNode):
                    raise PromptError(
                        f"the key {key.value!r} is written twice; remove one", path=path, line=key.start_mark.line + 1
                    )
                if isinstance(key, yaml.ScalarNode):
                    seen.add(key.value)
                    pending.append(((*location, key.value), value))
                    lines.setdefault((*location, key.value), key.start_mark.line + 1)
        elif isinstance(node, yaml.SequenceNode):
            pending.extend(((*location, index), value) for index, value in enumerate(node.value))
    return lines


def read_rows(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield (line, object) for every non-empty line of a JSONL file."""
    for number, line in enumerate(read_text(path).split("\n"), start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (json.JSONDecodeError, RecursionError) as error:
            reason = error.msg if isinstance(error, json.JSONDecodeError) else "nested too deeply"
            raise PromptError(f"not valid JSON: {reason}; write one object a line", path=path, line=number) from None
        _refuse_half_characters(row, path, {(): number})
        if not isinstance(row, dict):
            raise PromptError('expected an object such as {"text": "...", "label": "..."}', path=path, line=number)
        yield number, row


def line_of(lines: dict[Location, int], location: Location) -> int | None:
    """The line of a location, or of its nearest enclosing one (a missing field has none of its own)."""
    for length in range(len(location), -1, -1):
        if location[:length] in lines:
            return lines[location[:length]]
    return None
