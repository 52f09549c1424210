"""Numbers and users' text as a page shows them."""

from __future__ import annotations

import math
from collections.abc import Iterable

from icldiag.page.blocks import Cell


def cell_text(cell: Cell, digits: str = ".2f") -> str:
    """A cell as text: floats with these digits, a dash where a number is undefined. Text is as it is."""
    if cell is None or (isinstance(cell, float) and math.isnan(cell)):
        return "-"
    if not isinstance(cell, float):
        return str(cell)
    text = format(cell, digits)
    return text.lstrip("-") if not text.strip("-0.") else text  # no -0.00


def percent(share: float) -> str:
    """'66%', '1.3%', 'under 0.1%': a small share is never rounded to nothing."""
    if 0 < share < 0.001:
        return "under 0.1%"
    return f"{share:.1%}" if 0 < share < 0.1 else f"{share:.0%}"


def ranges(layers: Iterable[int]) -> str:
    """Layers as people write them: 0, 1, 2 and 5 are '0-2, 5'."""
    runs: list[list[int]] = []
    for layer in sorted(layers):
        if runs and layer == runs[-1][-1] + 1:
            runs[-1].append(layer)
        else:
            runs.append([layer])
    return ", ".join(str(run[0]) if len(run) == 1 else f"{run[0]}-{run[-1]}" for run in runs)


def place(rank: int, superlative: str) -> str:
    """1 -> 'closest', 2 -> '2nd closest', 11 -> '11th closest'."""
    if rank == 1:
        return superlative
    ending = "th" if rank % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(rank % 10, "th")
    return f"{rank}{ending} {superlative}"


def shortened(text: str, width: int) -> str:
    """Cut in the middle where it is longer than `width`."""
    if len(text) <= width:
        return text
    head = (width - 1) // 2 + (width - 1) % 2
    return f"{text[:head]}…{text[len(text) - (width - 1) // 2 :]}"
