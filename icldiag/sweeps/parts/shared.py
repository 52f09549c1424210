"""Words and numbers that several parts show alike. Accuracies and loyalties are in percent, as in the paper."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from icldiag.page.blocks import Cell, Table
from icldiag.sweeps.numbers import Numbers

Row = tuple[Cell, ...]

OVER_SEEDS = "mean ± standard deviation over seeds"
LOYALTIES = {"label_loyalty": "label loyalty", "word_loyalty": "word loyalty", "accuracy": "accuracy"}


def table_of(
    numbers: Numbers, name: str, caption: str, columns: Sequence[str], rows: Sequence[Row], **more: Any
) -> Table:
    """A table whose rows begin with the model; where there is one model alone, the page's head names it."""
    if len(numbers.models) == 1:
        return Table(name, caption, tuple(columns[1:]), tuple(row[1:] for row in rows), **more)
    return Table(name, caption, tuple(columns), tuple(rows), **more)


def percent(share: float) -> str:
    return f"{100 * share:.1f}"


def file_name(*words: str) -> str:
    """Words as a part of a file's name."""
    return re.sub(r"[^\w.-]+", "-", "-".join(words)).strip("-.") or "unnamed"
