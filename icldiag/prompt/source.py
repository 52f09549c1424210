"""A prompt's files: YAML and JSON to plain values plus the line of every field, JSONL to rows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from icldiag.errors import PromptError
from icldiag.inputs.files import read_text
from icldiag.inputs.json_text import parse_json
from icldiag.inputs.values import Lines, Location
from icldiag.inputs.yaml_text import parse_yaml

__all__ = ["Lines", "Location", "read_document", "read_rows", "read_text"]


def read_document(path: Path) -> tuple[Any, Lines]:
    """Parse a YAML or JSON file into plain values, and the line of every field. Raises PromptError."""
    text = read_text(path)
    return (parse_json if path.suffix.lower() == ".json" else parse_yaml)(text, path)


def read_rows(path: Path, *, finite: bool = True, written: bool = False) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield (line, object) for every non-empty line of a JSONL file.

    Args:
        finite: refuse NaN and infinite numbers.
        written: as texts, numbers are what stands in the file.

    Raises:
        PromptError: with the line.
    """
    rows = json_rows(read_text(path).split("\n"), path, finite=finite, written=written)
    return ((line, row) for line, row, _ in rows)


def json_rows(
    lines: Iterable[str], path: Path, *, finite: bool = True, written: bool = False
) -> Iterator[tuple[int, dict[str, Any], str]]:
    """The same of lines as they come, with what is written there."""
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        row, _ = parse_json(line, path, finite=finite, written=written, first=number)
        if not isinstance(row, dict):
            raise PromptError('expected an object such as {"text": "...", "label": "..."}', path=path, line=number)
        yield number, row, line.strip()
