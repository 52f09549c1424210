"""Lines set in columns, so that a wide and low panel shows them all."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil

from rich.text import Text

GAP = 4  # cells between columns


def in_columns(head: Text, lines: Sequence[Text], width: int, height: int) -> Text:
    """In as few columns as show all lines in `height` rows, or as many as the width holds; each with its head."""
    wide = max((line.cell_len for line in (head, *lines)), default=0)
    most = max(1, min((width + GAP) // (wide + GAP), len(lines)))
    needed = ceil(len(lines) / max(1, height - 1))
    rows = ceil(len(lines) / min(most, max(1, needed)))
    return side_by_side([[head, *lines[start : start + rows]] for start in range(0, len(lines), max(1, rows))])


def side_by_side(blocks: Sequence[Sequence[Text]]) -> Text:
    """Blocks of lines beside each other."""
    widths = [max(line.cell_len for line in block) for block in blocks]
    rows = []
    for number in range(max(map(len, blocks), default=0)):
        row, start = Text(no_wrap=True), 0
        for block, wide in zip(blocks, widths, strict=True):
            if number < len(block):
                row.append(" " * (start - row.cell_len)).append_text(block[number])
            start += wide + GAP
        rows.append(row)
    return Text("\n", no_wrap=True).join(rows)


def width_of(blocks: Sequence[Sequence[Text]]) -> int:
    """Cells that they take beside each other."""
    return sum(max(line.cell_len for line in block) + GAP for block in blocks) - GAP
