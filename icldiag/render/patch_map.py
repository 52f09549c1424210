"""Where a change works: a row for each place, a sign for each layer, in tenths of the change."""

from __future__ import annotations

from collections.abc import Sequence

from rich.cells import cell_len
from rich.text import Text

from icldiag.render.fit import cut_middle, pad
from icldiag.render.look import Look
from icldiag.visible import visible

NOT_RUN = "."
LEGEND = f"a digit is tenths of the change, # all of it or more, - less than none, {NOT_RUN} not run"


def patch_map(names: Sequence[str], shares: Sequence[Sequence[float]], layer: int, width: int, look: Look) -> Text:
    """Rows of shares, NaN where a layer was not run; the chosen layer's number stands behind its row.

    Where a row has more layers than there is room, the layers from `layer` on are at the right end, or all that fit.
    """
    count = len(shares[0])
    head = min(max(cell_len(visible(name, look.ascii_only)) for name in names), max(width // 3, width - count - 8))
    room = max(1, width - head - 8)
    start = min(max(0, layer - room // 2), max(0, count - room))
    columns = range(start, min(count, start + room))
    lines = []
    for name, row in zip(names, shares, strict=True):
        line = Text(no_wrap=True)
        line.append(pad(cut_middle(visible(name, look.ascii_only), head, look.dots), head) + " ", look.muted)
        for column in columns:
            share = row[column]
            style = look.muted if share != share else look.heat_of(abs(share))
            line.append(sign(share), f"{style} reverse" if column == layer else style)
        at = row[layer]
        line.append("      -" if at != at else f"  {at:z5.2f}", look.strong)
        lines.append(line)
    return Text("\n", no_wrap=True).join(lines)


def sign(share: float) -> str:
    """0.83 -> 8, 0.97 and more -> #, -0.2 -> -; what rounds to nothing is 0."""
    if share != share:
        return NOT_RUN
    if share <= -0.05:
        return "-"
    return "#" if share >= 0.95 else str(max(0, round(share * 10)))
