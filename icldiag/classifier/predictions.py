"""`icldiag predict`: labels and probabilities for every row of a file, as they are computed."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import time
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from icldiag.classifier.output import Extent, Output
from icldiag.classifier.scorer import CHUNK
from icldiag.classifier.workers import Refusal, Texts, Workers
from icldiag.errors import IcldiagError, PromptError, UsageError
from icldiag.files import is_taken
from icldiag.inputs.files import is_there
from icldiag.inputs.json_text import Written
from icldiag.model.readout import Progress
from icldiag.prompt.schema import Example, Prompt
from icldiag.prompt.table_stream import LINES, TABLES, Fingerprint, TableStream, in_chunks
from icldiag.prompt.tables import Row
from icldiag.prompt.template import ONE
from icldiag.quoting import listed, quoted, quoted_path

Probabilities = Literal["all", "chosen", "none"]


@dataclass(frozen=True)
class Columns:
    """What is added to a row: the label, the probability of it or of every class, under `name` and names made of it."""

    name: str
    probabilities: Probabilities
    labels: tuple[str, ...]

    @property
    def names(self) -> tuple[str, ...]:
        if self.probabilities == "none":
            return (self.name,)
        if self.probabilities == "chosen":
            return self.name, f"{self.name}_p"
        return self.name, *(f"{self.name}_p_{label}" for label in self.labels)

    def values(self, chances: Sequence[float] | None) -> dict[str, str | float | None]:
        """Of one row with these probabilities, in the order of `labels`; None is a row that was not asked."""
        if chances is None:
            return dict.fromkeys(self.names)
        best = max(range(len(chances)), key=chances.__getitem__)
        numbers = {"none": [], "chosen": [chances[best]], "all": list(chances)}[self.probabilities]
        return dict(zip(self.names, [self.labels[best], *(float(f"{p:.6g}") for p in numbers)], strict=True))


class Writer:
    """Rows as CSV, TSV or JSONL, all columns of the input kept and the predictions after them.

    Raises:
        PromptError: the input has one of the new columns already.
    """

    def __init__(self, stream: TableStream, columns: Columns, output: Path | None) -> None:
        self._columns = columns
        self._stream = stream
        suffix = stream.path.suffix.lower() if output is None else output.suffix.lower()
        known = (*TABLES, *LINES)
        if output is not None and suffix and suffix not in known and (is_taken(output) or not is_there(output)):
            raise UsageError(f"{quoted_path(output)} must end with {', '.join(known)}, which say what is written")
        if suffix not in known:
            suffix = stream.path.suffix.lower()  # stdout, a pipe, a name without an ending
        own = stream.delimiter if suffix == stream.path.suffix.lower() else None
        self.delimiter = None if suffix in LINES else own or ("\t" if suffix == ".tsv" else ",")
        taken = [name for name in columns.names if name in stream.columns]
        if taken:
            reason = f"there is a column {quoted(taken[0])} already; name another with --column"
            raise PromptError(reason, path=stream.path)

    def head(self) -> str:
        """The line before the first row, if there is one."""
        return "" if self.delimiter is None else self._cells([*self._stream.columns, *self._columns.names])

    def row(self, row: Row, chances: Sequence[float] | None) -> str:
        """One row. Raises PromptError: a row of JSONL has a column that a table's first row has not."""
        added = self._columns.values(chances)
        if self.delimiter is None:
            clash = next((name for name in added if name in row.values), None)
            if clash is not None:
                reason = f"there is a field {quoted(clash)} already; name another with --column"
                raise PromptError(reason, path=self._stream.path, line=row.line)
            values = row.written or json.dumps(row.values, ensure_ascii=False)  # as they stand there
            return f"{values[:-1].rstrip()}, {json.dumps(added, ensure_ascii=False)[1:]}\n"
        further = [name for name in row.values if name not in self._stream.columns]
        if further:
            reason = f"the field {quoted(further[0])} is not in the first row, which names the columns; write .jsonl"
            raise PromptError(reason, path=self._stream.path, line=row.line)
        cells = [_cell(row.values.get(name)) for name in self._stream.columns]
        return self._cells([*cells, *map(_cell, added.values())])

    def _cells(self, cells: Sequence[str]) -> str:
        assert self.delimiter is not None
        line = io.StringIO()
        csv.writer(line, delimiter=self.delimiter, lineterminator="\n").writerow(cells)
        return line.getvalue()


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return str(value) if isinstance(value, str | Written) else json.dumps(value, ensure_ascii=False)


@dataclass(frozen=True)
class Survey:
    """What a file holds, by reading it once before anything is computed."""

    rows: int
    blank: int  # rows without a text
    fingerprint: str  # of the rows that an earlier run has done


def survey(stream: TableStream, writer: Writer, done: int, blank: bool) -> Survey:
    """Raises PromptError with the line: a row cannot be read, cannot be written, or (unless `blank`) has no text."""
    rows = blanks = 0
    seen, fingerprint = Fingerprint(), ""
    for row in stream.rows():
        if rows == done:
            fingerprint = seen.value
        rows += 1
        if rows <= done:
            seen.add(row)
        blanks += _example(stream, row, blank) is None
        writer.row(row, None)
    if rows == done:
        fingerprint = seen.value
    return Survey(rows, blanks, fingerprint)


def _example(stream: TableStream, row: Row, blank: bool) -> Example | None:
    """The row's texts, or None where it has none and that may be so."""
    try:
        return stream.example_of(row)
    except PromptError:
        if not blank:
            raise
        return None


@dataclass(frozen=True)
class Tally:
    """What a run did."""

    first: int  # rows before those of this run
    rows: int
    blank: int  # of these, without a prediction
    seconds: float


def write_predictions(
    workers: Workers,
    stream: TableStream,
    writer: Writer,
    output: Output,
    total: int,
    *,
    blank: bool,
    progress: Progress,
) -> Tally:
    """Append a prediction for every row that the output has not yet, chunk by chunk.

    Args:
        total: rows of the file.
        blank: give a row without a text, or with one that is too long, no prediction; else it is refused.

    Raises:
        PromptError: with the line, a row that cannot be asked.
        IcldiagError: the output cannot be written.
    """
    seen, done, blanks, begun = Fingerprint(), output.begun.rows, output.begun.blank, time.perf_counter()
    rows = stream.rows()
    for _ in range(done):
        seen.add(next(rows))
    progress("rows", done, total)
    waiting: deque[list[Row]] = deque()  # for their answers

    def asked() -> Iterator[Texts]:
        for chunk in in_chunks(rows, CHUNK):
            waiting.append(chunk)
            yield [_example(stream, row, blank) for row in chunk]

    def within(note: str, part: int, of: int) -> None:
        if note == "texts":
            note, part, of = "rows", done + part, total
        progress(note, part, of)

    for found in workers.answers(asked(), blank, within):
        chunk = waiting.popleft()
        if isinstance(found, Refusal):
            raise _error(found, stream, chunk)
        for row in chunk:
            seen.add(row)
        head = "" if done else writer.head()  # not before: what is refused in the first rows leaves no output
        content = "".join(writer.row(row, values) for row, values in zip(chunk, found, strict=True))
        done += len(chunk)
        blanks += sum(values is None for values in found)
        output.append(head + content, Extent(done, fingerprint=seen.value, blank=blanks))
        progress("rows", done, total)
    if not done:
        output.append(writer.head(), Extent(fingerprint=seen.value))
    return Tally(output.begun.rows, done, blanks, time.perf_counter() - begun)


def _error(refusal: Refusal, stream: TableStream, chunk: Sequence[Row]) -> IcldiagError:
    if refusal.place is None:
        return IcldiagError(refusal.reason)
    reason, fields = f"{refusal.reason}; --blank leaves such rows without a prediction", list(stream.texts.values())
    return PromptError(reason, path=stream.path, line=chunk[refusal.place].line, field=listed(fields))


def identity(
    prompt: Prompt, model: str, stream: TableStream, writer: Writer, columns: Columns, options: dict[str, Any]
) -> dict[str, Any]:
    """What every row of an output depends on, by the names that a user knows."""
    votes = prompt.calibration is not None and prompt.calibration.asks_neighbours
    asked = replace(prompt, queries=(), examples=prompt.examples if prompt.retrieval or votes else ())
    return {
        "prompt": asked.hash,
        "model": hashlib.sha256(model.encode()).hexdigest(),
        "column of texts": stream.texts["text"] if tuple(stream.texts) == ONE else dict(stream.texts),
        "columns": list(columns.names),
        "format": writer.delimiter or "jsonl",
        **options,
    }
