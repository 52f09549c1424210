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
    """Yield (line where it begins, cells) of every row that is not empty, from lines that each have their end.

    Raises an error of the kind `raises`.
    """
    csv.field_size_limit(_CELL)  # the usual 131,072 is less than a long document
    reader = csv.reader(iter(lines), delimiter=delimiter, strict=True)
    begins = 1
    try:
        for row in reader:
            if row:
                yield begins, row
            begins = reader.line_num + 1
    except csv.Error as error:
        raise raises(f"not valid CSV: {brief(error)}; put quotes around the text", path=path, line=begins) from None
