"""CSV and TSV: cells of rows, with the lines that the rows begin in."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from pathlib import Path

from icldiag.errors import InputError, PromptError
from icldiag.quoting import brief

_CELL = 2**30  # characters; a file's size has its own limit


def csv_rows(
    lines: Iterable[str], delimiter: str, path: Path, raises: type[InputError] = PromptError
) -> Iterator[tuple[int, list[str]]]:
    """Yield (line where it begins, cells) of every row, from lines that each have their end.

    Empty lines are no rows. In a file of one column they are, with an empty cell, but for those at the end.
    Raises an error of the kind `raises`.
    """
    csv.field_size_limit(_CELL)  # the usual 131,072 is less than a long document
    reader = csv.reader(iter(lines), delimiter=delimiter, strict=True)
    begins, width = 1, 0
    empty: list[int] = []  # lines
    try:
        for row in reader:
            if row:
                yield from ((line, [""]) for line in empty)
                empty.clear()
                width = width or len(row)
                yield begins, row
            elif width == 1:
                empty.append(begins)
            begins = reader.line_num + 1
    except csv.Error as error:
        wrong = f"not valid CSV: {brief(error)}; put quotes around the text"
        if "new-line character" in str(error):  # how the csv module says it
            wrong = "a line ends with a carriage return alone; save the file with line feeds, as text of this system"
        raise raises(wrong, path=path, line=begins) from None
