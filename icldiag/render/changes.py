"""Before and after an intervention: one query's probabilities, and the queries whose answers change."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.cells import cell_len
from rich.text import Text

from icldiag.render.bars import bar, label_style, signs
from icldiag.render.fit import cut_end, cut_middle, pad
from icldiag.render.look import Look
from icldiag.visible import visible

_LONGEST_BAR = 24
_TELLING = 0.05  # a probability that moved by so much is set in bold


@dataclass(frozen=True)
class Change:
    """A query whose answer changes. `sign` is `+` mended, `x` broken, blank where it is wrong either way or unknown."""

    text: str
    before: str
    after: str
    sign: str = " "


def tally(changes: int, mended: int, broken: int, unjudged: int = 0) -> str:
    """'3 answers change: + 1 mended, x 2 broken', and how many of them have no gold label."""
    answers = "1 answer changes" if changes == 1 else f"{changes} answers change"
    if changes and unjudged == changes:
        return f"{answers}; no gold label says if for better"
    without = f", {unjudged} without a gold label" if unjudged else ""
    return f"{answers}: + {mended} fixed, x {broken} broken{without}"


def outcome(labels: Sequence[str], before: Sequence[float], after: Sequence[float]) -> str:
    """'stays Person (0.96 -> 0.91)' or 'turns from Person (0.96) to Number (0.71)'."""
    old, new = _largest(before), _largest(after)
    if old == new:
        return f"stays {labels[old]} ({before[old]:.2f} -> {after[old]:.2f})"
    return f"turns from {labels[old]} ({before[old]:.2f}) to {labels[new]} ({after[new]:.2f})"


def before_after(
    labels: Sequence[str],
    before: Sequence[float],
    after: Sequence[float],
    gold: int | None,
    look: Look,
    width: int,
    height: int = 12,
) -> Text:
    """A line per label, most probable before first: `>` is the answer now, `*` the gold label."""
    old, new = _largest(before), _largest(after)
    order = sorted(range(len(labels)), key=lambda label: -before[label])
    wanted = {old, new} if gold is None else {old, new, gold}
    others = [label for label in order if label not in wanted][: max(0, height - len(wanted))]
    order = [label for label in order if label in wanted or label in others]
    names = [visible(label, look.ascii_only) for label in labels]
    head = min(max(cell_len(names[label]) for label in order), max(8, width // 3))
    room = max(1, min(_LONGEST_BAR, (width - head - 3 - 2 * 7) // 2))
    lines = [Text(f"{'':{head + 4}}{'before':{room + 7}}now", look.muted, no_wrap=True)]
    for label in order:
        style = label_style(label, new, gold, look)
        line = Text(no_wrap=True)
        line.append(f"{signs(label, new, gold)} {pad(cut_middle(names[label], head, look.dots), head)} ", style)
        line.append(f"{pad(bar(before[label], room, look), room)} ", look.muted)
        line.append(f"{before[label]:.2f}  ", look.strong if label == old else look.muted)
        line.append(f"{pad(bar(after[label], room, look), room)} ", style)
        moved = abs(after[label] - before[label]) >= _TELLING
        line.append(f"{after[label]:.2f}", look.strong if moved or label == new else look.muted)
        lines.append(line)
    return Text("\n", no_wrap=True).join(lines)


def changed_answers(changes: Sequence[Change], look: Look, width: int, height: int = 12) -> Text:
    """A line per change, as many as fit; the answers keep their place and the texts are cut."""
    if not changes:
        return Text("")
    answers = [[visible(of, look.ascii_only) for of in (change.before, change.after)] for change in changes]
    most = max(6, width // 5)
    first, second = (min(most, max(cell_len(pair[side]) for pair in answers)) for side in (0, 1))
    room = max(8, width - 2 - first - second - 6)
    shown = changes if len(changes) <= height else changes[: height - 1]
    lines = []
    for change, (old, new) in zip(shown, answers, strict=False):
        style = {"+": look.right, "x": look.wrong}.get(change.sign, look.muted)
        line = Text(no_wrap=True)
        line.append(f"{change.sign} ", style)
        line.append(f"{pad(cut_end(visible(change.text, look.ascii_only), room, look.dots), room)}  ")
        line.append(f"{pad(cut_middle(old, first, look.dots), first)} -> ", look.muted)
        line.append(cut_middle(new, second, look.dots), style)
        lines.append(line)
    if len(shown) < len(changes):
        lines.append(Text(f"  and {len(changes) - len(shown)} more", look.muted))
    return Text("\n", no_wrap=True).join(lines)


def _largest(values: Sequence[float]) -> int:
    return max(range(len(values)), key=values.__getitem__)
