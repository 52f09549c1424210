"""Data files as rows of named columns: CSV, TSV, JSONL, and folders that Hugging Face's `datasets` saved."""

from __future__ import annotations

import csv
import io
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from icldiag.errors import PromptError
from icldiag.prompt.conversation import is_conversation, refuse_conversation
from icldiag.prompt.source import read_document, read_rows, read_text
from icldiag.prompt.template import named_column

SUFFIXES = (".csv", ".tsv", ".jsonl", ".ndjson")
KINDS = ".csv, .tsv, .jsonl, or a folder that datasets' save_to_disk wrote"


_WORD = 8  # characters; where a language parts its words by spaces, few have more

LabelledRow = tuple[int, str, str | None, str | None]  # line, text, label, id


@dataclass(frozen=True)
class Row:
    """One row; `line` counts from 1 in the file (in a `datasets` folder it is the row's number)."""

    line: int
    values: dict[str, Any]


@dataclass(frozen=True)
class Table:
    """The rows of a file. A JSONL row need not have every column."""

    path: Path
    columns: tuple[str, ...]
    rows: tuple[Row, ...]

    def need(self, column: str) -> None:
        """Raise PromptError, which tells the columns that there are, unless `column` is one of them."""
        if column not in self.columns:
            raise PromptError(f"there is no column {column!r}; there are {', '.join(self.columns)}", path=self.path)

    def refuse_named(self, template: str) -> None:
        """Raise PromptError where the template names a column in braces: its cells would be left out of the prompt."""
        column = named_column(template, self.columns)
        if column is not None:
            reason = f"the template names the column {column!r}, but an example has one text, which stands for {{text}}"
            raise PromptError(f"{reason}; put the columns' texts into one column first", path=self.path)

    def unread(self, read: Collection[str]) -> tuple[str, ...]:
        """Notes on the columns besides those read that hold texts, which the prompt goes without."""
        names = [name for name in self.columns if name not in read and self._holds_texts(name)]
        told = ", ".join(map(repr, names))
        return (f"not read: column {told} of {self.path.name}, which holds texts too",) if names else ()

    def _holds_texts(self, column: str) -> bool:
        """Whether most cells that are not empty have several words, or as many characters without spaces."""
        cells = [
            value.strip() for row in self.rows if isinstance(value := row.values.get(column), str) and value.strip()
        ]
        texts = sum(len(cell.split()) > 1 or (len(cell) > _WORD and not cell.isascii()) for cell in cells)
        return texts * 2 > len(cells)

    def examples(self, text: str, label: str | None, name: str | None) -> Iterator[LabelledRow]:
        """Yield (line, text, label, id) of every row from the columns named; label and id may be unknown."""
        for row in self.rows:
            yield row.line, self.text(row, text), self.text_or_none(row, label), self.text_or_none(row, name)

    def labelled(self, text: str, label: str | None = None, name: str | None = None) -> list[LabelledRow]:
        """The rows as (line, text, label, id). Columns that are named must be there; the usual ones may be."""
        self.need(text)
        for column in (label, name):
            if column is not None:
                self.need(column)
        return list(self.examples(text, label or "label", name or "id"))

    def text(self, row: Row, column: str) -> str:
        """A cell that must hold text (or a number, as it is written)."""
        if column not in row.values:
            raise PromptError("this field is missing", path=self.path, line=row.line, field=column)
        value = row.values[column]
        if is_conversation(value):
            refuse_conversation(value, self.path, row.line)
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            raise PromptError("expected text", path=self.path, line=row.line, field=column)
        return str(value)

    def text_or_none(self, row: Row, column: str | None) -> str | None:
        """The same, or None where the column is not there or its cell is empty."""
        if column is None or row.values.get(column) in (None, ""):
            return None
        return self.text(row, column)


def read_table(path: Path, split: str | None = None) -> Table:
    """Read a data file of any known kind.

    Args:
        split: which split of a `datasets` folder that has several.

    Raises:
        PromptError: the file is not there, of no known kind, or broken; with the line.
    """
    if path.is_dir():
        return _saved_dataset(path, split)
    if split is not None:
        raise PromptError("'split' is for datasets folders; a file has none", path=path)
    suffix = path.suffix.lower()
    if suffix in (".csv", ".tsv"):
        return _separated(path, "\t" if suffix == ".tsv" else None)
    if suffix in (".jsonl", ".ndjson"):
        rows = tuple(Row(line, values) for line, values in read_rows(path))
        return Table(path, tuple(dict.fromkeys(key for row in rows for key in row.values)), rows)
    if suffix == ".json" and path.is_file():
        refuse_conversation(read_document(path)[0], path)
    raise PromptError(f"not a kind of data file that is known here; use {KINDS}", path=path)


def _separated(path: Path, delimiter: str | None) -> Table:
    text = read_text(path)
    if delimiter is None:  # some spreadsheets write semicolons
        head = text.split("\n", 1)[0]
        delimiter = ";" if head.count(";") > head.count(",") else ","
    cells = list(_cells(text, delimiter, path))
    if not cells:
        raise PromptError("the file is empty; the first line names the columns", path=path)
    (_, columns), *others = cells
    twice = next((name for index, name in enumerate(columns) if name in columns[:index]), None)
    if twice is not None:
        raise PromptError(f"the column {twice!r} is named twice; rename one", path=path, line=1)
    rows = []
    for line, row in others:
        if len(row) != len(columns):
            reason = f"{len(row)} cells, but the first line names {len(columns)} columns; put quotes around a text"
            raise PromptError(f"{reason} that holds {delimiter!r}", path=path, line=line)
        rows.append(Row(line, dict(zip(columns, row, strict=True))))
    return Table(path, tuple(columns), tuple(rows))


def _cells(text: str, delimiter: str, path: Path) -> Iterator[tuple[int, list[str]]]:
    """Yield (line where it begins, cells) of every row that is not empty."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    begins = 1
    try:
        for row in reader:
            if row:
                yield begins, row
            begins = reader.line_num + 1
    except csv.Error as error:
        raise PromptError(f"not valid CSV: {error}", path=path, line=begins) from None


def _saved_dataset(path: Path, split: str | None) -> Table:
    try:
        import datasets
    except ImportError:
        reason = "this is a folder, and reading a datasets folder needs the package datasets; "
        raise PromptError(reason + "pip install 'icldiag[datasets]'", path=path) from None
    try:
        found = datasets.load_from_disk(str(path))
    except Exception as error:  # what it raises differs from version to version
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise PromptError(f"not a folder that datasets can load: {reason}", path=path) from None
    if isinstance(found, datasets.DatasetDict):
        if split not in found:
            wanted = "several splits; choose one with 'split'" if split is None else f"no split {split!r}"
            raise PromptError(f"the folder has {wanted}: {', '.join(map(str, found))}", path=path)
        found = found[split]
    elif split is not None and found.split is not None and str(found.split) != split:
        raise PromptError(f"the folder has no split {split!r}, only {found.split}", path=path)
    named = {name: kind for name, kind in found.features.items() if isinstance(kind, datasets.ClassLabel)}
    rows = []
    for number, values in enumerate(found, start=1):
        for name, kind in named.items():  # a class is stored as its number; -1 where it is unknown
            value = values[name]
            values[name] = kind.int2str(value) if value is not None and value >= 0 else None
        rows.append(Row(number, values))
    return Table(path, tuple(found.column_names), tuple(rows))
