"""What is known of one pair of labels, with the demonstrations that stand for them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.cells import cell_len
from rich.text import Text

from icldiag.page.text import place
from icldiag.render.fit import cut_end, cut_middle, pad
from icldiag.render.look import Look
from icldiag.visible import visible

if TYPE_CHECKING:
    from icldiag.analyses.confusion.compute import Confusion, Pair

Shown = tuple[str, Sequence[str]]  # a label and its demonstrations' texts


def pair_line(found: Confusion, pair: Pair, with_cosine: bool = False) -> str:
    """The exact numbers of a pair of labels, with their ranks; its names stand below, in `demonstration_lines`."""
    from icldiag.analyses.confusion.reading import unasked

    close, apart = found.distance_rank(pair), found.auc_rank(pair)
    closeness = f" ({place(close, 'closest')} of {found.distances})" if close else ""
    separation = (
        f" ({place(apart, 'worst')} of {found.separations})"
        if apart and found.separations > 1 and pair.auc != 1
        else ""
    )
    parts = [f"AUC {exact(pair.auc)}{separation}, of {pair.queries[0]} against {pair.queries[1]} queries"]
    ways = zip(pair.queries, pair.mistaken, (pair.a, pair.b), (pair.b, pair.a), strict=True)
    parts += [f"{count} {found.labels[of]} answered {found.labels[by]}" for asked, count, of, by in ways if asked]
    if pair.auc is None:
        parts[0] = f"AUC undefined: {unasked(found, pair)}"
    if with_cosine:
        parts.insert(0, f"cosine {exact(pair.cosine)}")
    if found.distances > 1:  # the only distance of two labels is 1, by its scaling
        parts.insert(0, f"distance {exact(pair.distance)}{closeness}")
    return "   ".join(parts)


def demonstration_lines(shown: Sequence[Shown], look: Look, width: int) -> Text:
    """A line for each label: its name and the texts of its demonstrations, cut to the width."""
    names = [visible(name, look.ascii_only) for name, _ in shown]
    head = min(max(map(cell_len, names), default=0), width // 3)
    lines = []
    for name, (_, texts) in zip(names, shown, strict=True):
        said = " | ".join(visible(text, look.ascii_only) for text in texts) or "(no demonstration)"
        line = Text(no_wrap=True)
        line.append(pad(cut_middle(name, head, look.dots), head), look.chosen)
        line.append(f"  {cut_end(said, max(8, width - head - 2), look.dots)}", look.muted)
        lines.append(line)
    return Text("\n", no_wrap=True).join(lines)


def exact(value: float | None) -> str:
    return "undefined" if value is None or value != value else f"{value:.3f}"
