"""What an answer's lead is made of: a bar and its nats for each factor, what its change does, what to do about it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.cells import cell_len
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.text import Text

from icldiag.render.bars import share_bar
from icldiag.render.look import Look
from icldiag.visible import visible

if TYPE_CHECKING:
    from icldiag.analyses.explanation.weights import Weight

_BAR = (8, 20)  # cells of a bar as long as the lead, least and most
_WIDE = 96  # columns from which a note stands under its bar, not under its name
_ROLES = {"main": "CAUSE", "maybe": "MAYBE", "also": "also", "part": "part", "rest": "rest"}
_NAMED = ("main", "maybe", "also")


def weight_rows(
    rows: Sequence[Weight], actions: Sequence[str], lead: float, legend: str, look: Look, width: int
) -> RenderableType:
    """The first rows are the causes, in the order of their actions; the last line is the sum.

    An action stands behind its bar, or on a line of its own; what it costs, after "; ", with what else is known.
    """

    def shown(text: str) -> str:
        return visible(text, look.ascii_only)

    names = max(cell_len(row.name) for row in rows)
    cells = min(max(width - names - 29, _BAR[0]), _BAR[1])
    blocks: list[RenderableType] = []
    for place, row in enumerate(rows):
        style = look.chosen if row.role == "main" else look.strong if row.role in _NAMED else look.muted
        head = Text(no_wrap=True)
        head.append(f"{_ROLES[row.role]:<7}", style)
        head.append(shown(f"{row.name:<{names}}  "), style)
        if row.nats is not None:
            head.append(f"{share_bar(row.nats, lead, cells, look)}  {row.nats:+6.2f}", style)
        action, _, caution = (actions[place] if place < len(actions) else "").partition("; ")
        offer = Text(f"-> {action}" if action else "", look.strong)
        beside = head.cell_len + 2 + offer.cell_len <= width
        blocks.append(head.append("  ").append_text(offer) if action and beside else head)
        if row.role in _NAMED:
            note = Text(shown(f"{row.note}{f'; {caution}' if caution else ''}."))
            note = note if beside or not action else offer.append("\n").append_text(note)
            blocks.append(Padding(note, (0, 0, 0, 9 + names if width >= _WIDE else 7)))
    total = f"{'sum':<7}{'the lead, in nats':<{names + cells + 5}}"
    blocks.append(Text(f"{total}{lead:+6.2f}", look.muted, no_wrap=True))
    if legend:
        blocks.append(Padding(Text(legend, look.muted), (0, 0, 0, 7)))
    return Group(*blocks)
