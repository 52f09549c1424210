"""Tables as data frames, and as CSV files, which people open in spreadsheets and `cat` on terminals."""

from __future__ import annotations

import csv
import io
import math
from typing import Any

from icldiag.errors import AnalysisError
from icldiag.page.blocks import Cell, Table
from icldiag.visible import visible

_FORMULA = ("=", "+", "-", "@")


def as_frame(table: Table) -> Any:
    """Every row as a pandas data frame. Raises AnalysisError without pandas."""
    try:
        import pandas
    except ImportError:
        raise AnalysisError("to_frame needs pandas; install it with: pip install pandas") from None
    return pandas.DataFrame(list(table.rows), columns=list(table.columns))


def as_csv(table: Table) -> str:
    """Every row, numbers in full, undefined ones empty. Text is on one line, and never a spreadsheet's formula."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(_cell(name) for name in table.columns)
    writer.writerows([_cell(cell) for cell in row] for row in table.rows)
    return buffer.getvalue()


def _cell(cell: Cell) -> Cell:
    if isinstance(cell, str):
        text = visible(cell)
        return f"'{text}" if text.startswith(_FORMULA) else text
    return None if isinstance(cell, float) and not math.isfinite(cell) else cell
