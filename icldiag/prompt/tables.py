"""Data files as rows of named columns: CSV, TSV, JSONL, and folders that Hugging Face's `datasets` saved."""

from __future__ import annotations

import io
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

from icldiag.counting import counted
from icldiag.errors import PromptError
from icldiag.inputs.csv_text import csv_rows
from icldiag.inputs.files import check_folder, is_folder
from icldiag.inputs.values import finite, first_repeated, no_text
from icldiag.prompt.conversation import is_conversation, refuse_conversation
from icldiag.prompt.source import read_document, read_rows, read_text
from icldiag.prompt.template import in_braces
from icldiag.quoting import brief, did_you_mean, listed, quoted

SUFFIXES = (".csv", ".tsv", ".jsonl", ".ndjson")
KINDS = ".csv, .tsv, .jsonl, or a folder that datasets' save_to_disk wrote"


_WORD = 8  # characters; where a language parts its words by spaces, few have more

LabelledRow = tuple[int, dict[str, str], str | None, str | None]  # line, the text of each field, label, id


@dataclass(frozen=True)
class Row:
    """One row; `line` counts from 1 in the file (in a `datasets` folder it is the row's number)."""

    line: int
    values: dict[str, Any]
    written: str = ""  # of JSONL, the line itself


@dataclass(frozen=True)
class Table:
    """The rows of a file. A JSONL row need not have every column."""

    path: Path
    columns: tuple[str, ...]
    rows: tuple[Row, ...]

    def need(self, column: str) -> None:
        """Raise PromptError, which tells the columns that there are, unless `column` is one of them."""
        if column not in self.columns:
            close = did_you_mean(column, self.columns)
            reason = f"there is no column {quoted(column)}; {close}there are {listed(self.columns)}"
            raise PromptError(reason, path=self.path)

    def refuse_named(self, template: str, fields: Sequence[str]) -> None:
        """Raise PromptError where the template names a column that is no field: its cells would be left out."""
        names = (name for name in self.columns if f"{{{name}}}" in template and name not in (*fields, "label"))
        column = next(names, None)
        if column is not None:
            reason = (
                f"the template names the column {quoted(column)}, which is no field ({in_braces(fields)}): rename it "
                "to letters, digits and underscores, other than 'id', and write it in single braces"
            )
            raise PromptError(reason, path=self.path)

    def unread(self, read: Collection[str]) -> tuple[str, ...]:
        """Notes on the columns besides those read that hold texts, which the prompt goes without."""
        names = [name for name in self.columns if name not in read and self._holds_texts(name)]
        told = listed(map(quoted, names))
        return (f"not read: column {told} of {self.path.name}, which holds texts too",) if names else ()

    def _holds_texts(self, column: str) -> bool:
        """Whether most cells that are not empty have several words, or as many characters without spaces."""
        cells = [
            value.strip() for row in self.rows if isinstance(value := row.values.get(column), str) and value.strip()
        ]
        texts = sum(len(cell.split()) > 1 or (len(cell) > _WORD and not cell.isascii()) for cell in cells)
        return texts * 2 > len(cells)

    def examples(self, columns: Mapping[str, str], label: str | None, name: str | None) -> Iterator[LabelledRow]:
        """Yield (line, texts, label, id) of every row from the columns named; label and id may be unknown.

        Args:
            columns: for each field of the template, the column of its texts.
        """
        for row in self.rows:
            texts = {field: self.text(row, column) for field, column in columns.items()}
            yield row.line, texts, self.text_or_none(row, label), self.text_or_none(row, name)

    def labelled(
        self, columns: Mapping[str, str], label: str | None = None, name: str | None = None
    ) -> list[LabelledRow]:
        """The same as a list. Columns that are named must be there; the usual ones of label and id may be."""
        for column in (*columns.values(), label, name):
            if column is not None:
                self.need(column)
        return list(self.examples(columns, label or "label", name or "id"))

    def text(self, row: Row, column: str) -> str:
        """A cell that must hold text (or a number, or true or false, as they are written)."""
        if column not in row.values:
            raise PromptError("this field is missing", path=self.path, line=row.line, field=column)
        value = row.values[column]
        if is_conversation(value):
            refuse_conversation(value, self.path, row.line)
        if isinstance(value, bool):
            return "true" if value else "false"
        if not isinstance(value, str) and not finite(value):
            raise PromptError(no_text(value), path=self.path, line=row.line, field=column)
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
    if is_folder(path):
        return _saved_dataset(path, split)
    if split is not None:
        raise PromptError("'split' is for datasets folders; a file has none", path=path)
    suffix = path.suffix.lower()
    if suffix in (".csv", ".tsv"):
        return _separated(path)
    if suffix in (".jsonl", ".ndjson"):
        rows = tuple(Row(line, values) for line, values in read_rows(path, written=True))
        return Table(path, tuple(dict.fromkeys(key for row in rows for key in row.values)), rows)
    if suffix == ".json" and path.is_file():
        refuse_conversation(read_document(path)[0], path)
    raise PromptError(f"not a kind of data file that is known here; use {KINDS}", path=path)


def _separated(path: Path) -> Table:
    columns, _, rows = separated_rows(io.StringIO(read_text(path), newline="\n"), path)
    return Table(path, columns, tuple(rows))


def separated_rows(lines: Iterable[str], path: Path) -> tuple[tuple[str, ...], str, Iterator[Row]]:
    """A CSV or TSV file's columns, what parts its cells, and its rows as its lines are read. Raises PromptError."""
    rest = iter(lines)
    head = next(rest, "")
    delimiter = "\t" if path.suffix.lower() == ".tsv" else ","
    if delimiter == "," and head.count(";") > head.count(","):  # some spreadsheets write semicolons
        delimiter = ";"
    cells = csv_rows(chain([head], rest), delimiter, path)
    _, columns = next(cells, (1, []))
    if not columns:
        raise PromptError("the file is empty; the first line names the columns", path=path)
    twice = first_repeated(columns)
    if twice is not None:
        raise PromptError(f"the column {quoted(columns[twice])} is named twice; rename one", path=path, line=1)

    def rows() -> Iterator[Row]:
        for line, row in cells:
            if len(row) != len(columns):
                reason = f"{counted(len(row), 'cell')}, but the first line names {len(columns)} columns"
                cure = f"put quotes around a text that holds {delimiter!r}"
                raise PromptError(f"{reason}; {cure}", path=path, line=line)
            yield Row(line, dict(zip(columns, row, strict=True)))

    return tuple(columns), delimiter, rows()


def _saved_dataset(path: Path, split: str | None) -> Table:
    try:
        import datasets
    except ImportError:
        reason = "this is a folder, and reading a datasets folder needs the package datasets; "
        raise PromptError(reason + "pip install 'icldiag[datasets]'", path=path) from None
    try:
        check_folder(path)
        return _rows_of(datasets.load_from_disk(str(path)), datasets, path, split)
    except PromptError:
        raise
    except Exception as error:  # what it raises differs from version to version
        reason = brief(getattr(error, "strerror", None) or error)
        raise PromptError(f"not a folder that datasets can load: {reason}", path=path) from None


def _rows_of(found: Any, datasets: Any, path: Path, split: str | None) -> Table:
    if isinstance(found, datasets.DatasetDict):
        if split not in found:
            wanted = "several splits; choose one with 'split'" if split is None else f"no split {quoted(split)}"
            raise PromptError(f"the folder has {wanted}: {listed(found)}", path=path)
        found = found[split]
    elif split is not None and found.split is not None and str(found.split) != split:
        raise PromptError(f"the folder has no split {quoted(split)}, only {found.split}", path=path)
    named = {name: kind for name, kind in found.features.items() if isinstance(kind, datasets.ClassLabel)}
    rows = []
    for number, values in enumerate(found, start=1):
        for name, kind in named.items():  # a class is stored as its number; -1 where it is unknown
            value = values[name]
            values[name] = kind.int2str(value) if value is not None and value >= 0 else None
        rows.append(Row(number, values))
    return Table(path, tuple(found.column_names), tuple(rows))
