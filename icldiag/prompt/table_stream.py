"""Data files of any length, row by row: CSV, TSV and JSONL as in `tables`, but never held whole."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from icldiag.errors import PromptError
from icldiag.inputs.files import text_lines
from icldiag.prompt.source import json_rows
from icldiag.prompt.tables import Row, Table, separated_rows
from icldiag.quoting import listed, quoted

TABLES = (".csv", ".tsv")
LINES = (".jsonl", ".ndjson")


@dataclass(frozen=True)
class TableStream:
    """A file of rows with a column of texts. `columns` of JSONL are those of the first row."""

    path: Path
    text: str
    columns: tuple[str, ...]
    delimiter: str | None  # of a CSV or TSV file

    @classmethod
    def of(cls, path: Path, text: str) -> TableStream:
        """Look at the file's first row.

        Raises:
            PromptError: it is of no known kind, cannot be read, is empty, or has no such column.
        """
        suffix = path.suffix.lower()
        if suffix in TABLES:
            columns, delimiter, _ = separated_rows(text_lines(path), path)
        elif suffix in LINES:
            first = next((values for _, values in json_rows(text_lines(path), path)), None)
            if first is None:
                raise PromptError("there are no rows in the file", path=path)
            columns, delimiter = tuple(first), None
        else:
            known = ", ".join((*TABLES, *LINES))
            raise PromptError(f"not a kind of file that is read row by row; use {known}", path=path)
        if text not in columns:
            reason = f"there is no column {quoted(text)}; there are {listed(columns)}: name one with --text"
            raise PromptError(reason, path=path)
        return cls(path, text, columns, delimiter)

    def rows(self) -> Iterator[Row]:
        """All rows. Raises PromptError with the line of the first that cannot be read."""
        if self.delimiter is not None:
            yield from separated_rows(text_lines(self.path), self.path)[2]
        else:
            for line, values in json_rows(text_lines(self.path), self.path):
                yield Row(line, values)

    def text_of(self, row: Row) -> str:
        """A row's text. Raises PromptError, with the line: it has none, or one that is empty."""
        text = Table(self.path, self.columns, ()).text(row, self.text)
        if not text.strip():
            raise PromptError("there is no text in this field", path=self.path, line=row.line, field=self.text)
        return text


class Fingerprint:
    """Of rows as they go by: two runs that met the same rows have the same."""

    def __init__(self) -> None:
        self._digest = hashlib.sha256()

    def add(self, row: Row) -> None:
        self._digest.update(json.dumps(row.values, sort_keys=True).encode() + b"\n")

    @property
    def value(self) -> str:
        return self._digest.hexdigest()


def in_chunks(rows: Iterator[Row], size: int) -> Iterator[list[Row]]:
    """The rows, so many at a time."""
    while chunk := list(islice(rows, size)):
        yield chunk
