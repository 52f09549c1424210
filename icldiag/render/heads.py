"""Heads that are cut: a line for each, and a map of what all of them are estimated to do."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from rich.text import Text

from icldiag.render.look import Look

if TYPE_CHECKING:
    from icldiag.analyses.circuits.compute import Circuit
    from icldiag.model.readout import FloatArray

MAP_SIGNS = "a digit is tenths of the largest, lost by the cut, - a tenth or more gained, . less than a tenth"


def ranked_heads(found: Circuit, look: Look) -> list[Text]:
    """A head line, and one for each head that was cut alone; anchor heads stand out."""
    lines, anchors = [Text("  head  lost  (est.) stay", look.muted, no_wrap=True)], set(found.anchor_heads)
    for one in found.ranked:
        anchor = (one.layer, one.head) in anchors
        name = f"{one.layer}.{one.head}"
        line = Text(no_wrap=True).append(f"{'*' if anchor else ' '}{name:>5}", look.gold if anchor else "")
        line.append(f" {one.cut.lost:z5.2f} {f'({one.estimate:z.2f})':>7} {one.cut.stay:>4}")
        lines.append(line)
    return lines


def heads_together(found: Circuit, look: Look) -> list[Text]:
    """A head line, and one for each number of the first heads, with as many others of the same layers."""
    lines = [Text("first n   lost  stay   as many others: lost  stay", look.muted, no_wrap=True)]
    for step in found.together:
        line = Text(no_wrap=True).append(f"{step.heads:>7}", look.chosen)
        line.append(f"  {step.cut.lost:z5.2f} {step.cut.stay:>5}")
        others = ("-", "-") if step.others is None else (f"{step.others.lost:z.2f}", str(step.others.stay))
        line.append(f"{others[0]:>23} {others[1]:>5}")
        lines.append(line)
    return lines


def head_map(estimates: FloatArray, measured: Collection[tuple[int, int]], look: Look) -> Text:
    """A row for each head number and a sign for each layer; the measured ones are set in reverse."""
    layers, heads = estimates.shape
    most = float(abs(estimates).max()) or 1.0
    name = max(5, len(str(heads - 1)) + 5)
    tens = "".join(str(layer // 10) if layer % 10 == 0 and layer else " " for layer in range(layers))
    lines = [Text(f"{'':{name}} {tens}", look.muted, no_wrap=True)] if layers > 10 else []
    digits = "".join(str(layer % 10) for layer in range(layers))
    lines.append(Text(f"{'layer':{name}} {digits}", look.muted, no_wrap=True))
    for head in range(heads):
        line = Text(f"{f'head {head}':{name}} ", look.muted, no_wrap=True)
        for layer in range(layers):
            share = float(estimates[layer, head]) / most
            style = look.heat_of(abs(share)) + (" reverse" if (layer, head) in measured else "")
            line.append(_sign(share), style)
        lines.append(line)
    return Text("\n", no_wrap=True).join(lines)


def _sign(share: float) -> str:
    """0.83 -> 8, the largest 9; what is less than a tenth is a dot."""
    if abs(share) < 0.1:
        return "."
    return "-" if share < 0 else str(min(9, int(share * 10)))
