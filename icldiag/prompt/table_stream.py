"""Data files of any length, row by row: CSV, TSV and JSONL as in `tables`, but never held whole."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from icldiag.errors import PromptError, UsageError
from icldiag.inputs.files import text_lines
from icldiag.prompt.schema import Example, Prompt
from icldiag.prompt.source import json_rows
from icldiag.prompt.tables import Row, Table, separated_rows
from icldiag.prompt.template import ONE, in_braces
from icldiag.quoting import did_you_mean, listed, quoted, shortened

TABLES = (".csv", ".tsv")
LINES = (".jsonl", ".ndjson")


@dataclass(frozen=True)
class TableStream:
    """A file of rows with a column of texts for each field. `columns` of JSONL are those of the first row."""

    path: Path
    texts: Mapping[str, str]  # the columns, by the template's fields
    columns: tuple[str, ...]
    delimiter: str | None  # of a CSV or TSV file

    @classmethod
    def of(cls, path: Path, texts: Mapping[str, str]) -> TableStream:
        """Look at the file's first row.

        Raises:
            PromptError: it is of no known kind, cannot be read, is empty, or has no such column.
        """
        suffix = path.suffix.lower()
        if suffix in TABLES:
            columns, delimiter, _ = separated_rows(text_lines(path), path)
        elif suffix in LINES:
            first = next((values for _, values, _ in json_rows(text_lines(path), path, written=True)), None)
            if first is None:
                raise PromptError("there are no rows in the file; write one for each text", path=path)
            columns, delimiter = tuple(first), None
        else:
            known = ", ".join((*TABLES, *LINES))
            raise PromptError(f"not a kind of file that is read row by row; use {known}", path=path)
        for name, text in texts.items():
            if text not in columns:
                option = "--text" if tuple(texts) == ONE else f"--field {name}=COLUMN"
                close = did_you_mean(text, columns)
                reason = (
                    f"there is no column {quoted(text)}; {close}there are {listed(columns)}: name one with {option}"
                )
                raise PromptError(reason, path=path)
        return cls(path, texts, columns, delimiter)

    def rows(self) -> Iterator[Row]:
        """All rows. Raises PromptError with the line of the first that cannot be read."""
        if self.delimiter is not None:
            yield from separated_rows(text_lines(self.path), self.path)[2]
        else:
            for line, values, written in json_rows(text_lines(self.path), self.path, written=True):
                yield Row(line, values, written)

    def example_of(self, row: Row) -> Example:
        """A row's texts. Raises PromptError, with the line: one is missing, or all are empty."""
        table = Table(self.path, self.columns, ())
        found = {name: table.text(row, column) for name, column in self.texts.items()}
        if not any(text.strip() for text in found.values()):
            field = listed(list(self.texts.values()))
            raise PromptError("there is no text in this field", path=self.path, line=row.line, field=field)
        return Example.of(found)


def columns_of(prompt: Prompt, text: str, given: Mapping[str, str]) -> dict[str, str]:
    """For each field of a prompt, the column of its texts: as given, or that of its name.

    Args:
        text: the column of {text}.

    Raises:
        IcldiagError: a column is given for what is no field, or twice.
    """
    if text != "text" and ("text" not in prompt.fields or "text" in given):
        fields = in_braces(prompt.fields)
        cure = (
            "give one of the two"
            if "text" in given
            else f"the template has the fields {fields}: use --field NAME=COLUMN"
        )
        raise UsageError(f"--text {shortened(text)} would be ignored; {cure}")
    further = next((name for name in given if name not in prompt.fields), None)
    if further is not None:
        known = in_braces(prompt.fields)
        raise UsageError(f"--field {shortened(further)}: the prompt's template has the fields {known}")
    return {name: given.get(name, text if name == "text" else name) for name in prompt.fields}


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
