"""Rows of evidence: name, number, what makes it comparable, and the reading."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.cells import cell_len
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from icldiag.render.look import Look
from icldiag.visible import visible

if TYPE_CHECKING:
    from icldiag.analyses.explanation import Finding

_READING = 44  # cells from which a reading stands beside its numbers, not under them


def evidence_table(rows: Sequence[Finding], width: int, look: Look) -> RenderableType:
    """Beside each other where there is room; else the reading under its numbers."""

    def shown(text: str) -> str:
        return visible(text, look.ascii_only)

    numbers = sum(max((cell_len(shown(part)) for part in column), default=0) + 2 for column in _heads(rows))
    if width - numbers >= _READING:
        table = Table.grid(padding=(0, 2, 0, 0))
        for _ in range(3):
            table.add_column(no_wrap=True)
        table.add_column(ratio=1)
        for row in rows:
            table.add_row(
                Text(row.name, look.chosen),
                Text(shown(row.number), look.strong),
                Text(shown(row.scale), look.muted),
                Text(shown(row.sentence)),
            )
        return table
    blocks: list[RenderableType] = []
    for row in rows:
        head = Text.assemble(
            (f"{row.name}  ", look.chosen), (f"{shown(row.number)}  ", look.strong), (shown(row.scale), look.muted)
        )
        blocks += [head, Padding(Text(shown(row.sentence)), (0, 0, 0, 2))]
    return Group(*blocks)


def _heads(rows: Sequence[Finding]) -> tuple[list[str], list[str], list[str]]:
    return [row.name for row in rows], [row.number for row in rows], [row.scale for row in rows]
