"""What parts write for the answer and for its rival: signed bars around a middle."""

from __future__ import annotations

from collections.abc import Sequence

from rich.cells import cell_len
from rich.text import Text

from icldiag.render.bars import bar
from icldiag.render.fit import pad
from icldiag.render.look import Look


def signed_bars(names: Sequence[str], values: Sequence[float], look: Look, width: int) -> Text:
    """A line per name in the order given; what is above 0 goes to the right, what is below to the left."""
    if not names:
        return Text("")
    head, most = max(map(cell_len, names)), max(abs(value) for value in values) or 1.0
    room = max(2, (width - head - 11) // 2)
    lines = []
    for name, value in zip(names, values, strict=True):
        length = bar(abs(value) / most, room, look)
        style = look.chosen if value > 0 else look.gold
        line = Text(f"   {pad(name, head)} {value:+z6.2f} ", no_wrap=True)
        left = length.replace(look.half_bar, "") if value < 0 and look.half_bar else length
        line.append(" " * (room - cell_len(left)) + left if value < 0 else " " * room, style if value < 0 else "")
        line.append("|", look.muted)
        line.append("" if value < 0 else length, style)
        lines.append(line)
    return Text("\n", no_wrap=True).join(lines)
