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
        line = Text(f"   {pad(name, head)} {value:+z6.2f} ", no_wrap=True)
        lines.append(line.append_text(signed_bar(value / most, room, look, (look.gold, look.chosen))))
    return Text("\n", no_wrap=True).join(lines)


def signed_bar(share: float, room: int, look: Look, styles: tuple[str, str]) -> Text:
    """A share of -1 to 1 from a middle on, with so many cells at each side; `styles`: below 0 and above."""
    length = bar(abs(share), room, look)
    left = length.replace(look.half_bar, "") if look.half_bar else length  # half a cell would stand at its wrong end
    line = Text(no_wrap=True)
    line.append(" " * (room - cell_len(left)) + left if share < 0 else " " * room, styles[0] if share < 0 else "")
    line.append("|", look.muted)
    return line.append("" if share < 0 else length, styles[1])
