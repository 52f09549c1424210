"""What an answer's lead is made of: a bar and its nats for each factor, what its change does, what to do about it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.cells import cell_len
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.text import Text

from icldiag.render.bars import share_bar
from icldiag.render.fit import pad
from icldiag.render.look import Look
from icldiag.visible import visible

if TYPE_CHECKING:
    from icldiag.analyses.explanation.weights import Weight

_BAR = (8, 20)  # cells of the longest bar, least and most
_BESIDE = 17  # cells that a row has beside its name and its bar
_WIDE = 96  # columns from which a note stands under its bar, not under its name
_ROLES = {"main": "CAUSE", "maybe": "MAYBE", "also": "also", "unsure": "maybe", "part": "part", "rest": "rest"}
_NAMED = ("main", "maybe", "also", "unsure")
_SUM = "the lead, in nats"


def weight_rows(
    rows: Sequence[Weight], actions: Sequence[str], lead: float, legend: str, look: Look, width: int
) -> RenderableType:
    """The first rows are the causes, in the order of their actions; the last line is the sum, in the same scale.

    An action stands behind its bar, or on a line of its own; what it costs, after "; ", with what else is known.
    """

    def shown(text: str) -> str:
        return visible(text, look.ascii_only)

    told = [action.partition("; ") for action in actions]
    offers = [f"-> {action}" if action else "" for action, _, _ in told]
    names = max(cell_len(_SUM), *(cell_len(row.name) for row in rows))
    most = max(lead, *(abs(row.nats) for row in rows if row.nats is not None))
    cells = _bar_cells(width - names - _BESIDE, [cell_len(offer) + 2 for offer in offers if offer])
    blocks: list[RenderableType] = []
    for place, row in enumerate(rows):
        style = look.chosen if row.role == "main" else look.strong if row.role in _NAMED else look.muted
        head = Text(no_wrap=True)
        head.append(f"{_ROLES[row.role]:<7}", style)
        head.append(shown(f"{row.name:<{names}}  "), style)
        if row.nats is not None:
            of_bar = style if row.role == "main" else look.muted  # one bar is the first to be seen
            head.append(pad(share_bar(row.nats, most, cells, look), cells), of_bar)
            head.append(f"  {row.nats:+z6.2f}", style)
        offer = Text(offers[place] if place < len(offers) else "", look.strong)
        beside = head.cell_len + 2 + offer.cell_len <= width
        blocks.append(head.append("  ").append_text(offer) if offer and beside else head)
        if row.role in _NAMED:
            caution = told[place][2] if place < len(told) else ""
            note = Text(shown(f"{row.note}{f'; {caution}' if caution else ''}."))
            note = note if beside or not offer else Text.assemble(offer, "\n", note)
            blocks.append(Padding(note, (0, 0, 0, 9 + names if width >= _WIDE else 7)))
    total = f"{'sum':<7}{_SUM:<{names}}  {pad(share_bar(lead, most, cells, look), cells)}  {lead:+z6.2f}"
    blocks.append(Text(total, look.muted, no_wrap=True))
    if legend:
        blocks.append(Padding(Text(legend, look.muted), (0, 0, 0, 7)))
    return Group(*blocks)


def _bar_cells(room: int, offers: Sequence[int]) -> int:
    """Of the longest bar: what the widest of those offers leaves that have room beside the shortest."""
    least, most = _BAR
    beside = max((offer for offer in offers if offer + least <= room), default=0)
    return max(least, min(most, room - beside))
