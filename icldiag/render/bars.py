"""Label probabilities: bars, or one line where there is no room. `>` is the answer, `*` the gold label."""

from __future__ import annotations

from collections.abc import Sequence

from rich.cells import cell_len
from rich.text import Text

from icldiag.render.fit import cut_end, cut_middle, pad
from icldiag.render.look import Look
from icldiag.visible import visible


def probability_bars(
    labels: Sequence[str],
    probabilities: Sequence[float],
    predicted: int,
    gold: int | None,
    look: Look,
    width: int,
    height: int | None = None,
    head: int = 0,
) -> Text:
    """A line per label, most probable first; with `height`, as many as fit, the gold label always among them.

    Args:
        head: cells that the names take at least, so that bars under other bars begin where those do.
    """
    shown = [visible(label, look.ascii_only) for label in labels]
    order, left_out = _fitting(probabilities, gold, height)
    name_width = min(max(head, *(cell_len(name) for name in shown)), max(6, width * 45 // 100))
    room = max(1, width - name_width - 9)
    lines = []
    for label in order:
        style = label_style(label, predicted, gold, look)
        line = Text(no_wrap=True)
        line.append(signs(label, predicted, gold) + " ", style)
        line.append(pad(cut_middle(shown[label], name_width, look.dots), name_width), style)
        line.append(f" {pad(bar(probabilities[label], room, look), room)}", style)
        line.append(f" {probabilities[label]:.2f}", style)
        lines.append(line)
    if left_out:
        lines.append(Text(f"   and {left_out} less probable", look.muted, no_wrap=True))
    return Text("\n", no_wrap=True).join(lines)


def share_bars(names: Sequence[str], shares: Sequence[float], look: Look, width: int) -> Text:
    """A line per name in the order given; what is above 0 and below .01 is written '<.01'."""
    name_width = max(map(cell_len, names))
    room = max(1, width - name_width - 9)
    lines = []
    for name, share in zip(names, shares, strict=True):
        number = "<.01" if 0 < share < 0.01 else f"{share:.2f}"
        line = Text(f"   {pad(name, name_width)} ", no_wrap=True)
        lines.append(line.append(pad(bar(share, room, look), room), look.muted).append(f" {number}"))
    return Text("\n", no_wrap=True).join(lines)


def probability_line(
    labels: Sequence[str], probabilities: Sequence[float], predicted: int, gold: int | None, look: Look, width: int
) -> Text:
    """`>Entity .61  *Description .28  Abbreviation .06`, as many labels as fit."""
    order, _ = _fitting(probabilities, gold, None)
    if gold is not None and gold in order[3:]:  # the gold label must not fall off the end
        order.remove(gold)
        order.insert(2, gold)
    line = Text(no_wrap=True)
    for label in order:
        name = cut_middle(visible(labels[label], look.ascii_only), 20, look.dots)
        part = f"{signs(label, predicted, gold).strip()}{name} {short_number(probabilities[label])}"
        if line.cell_len + 2 + cell_len(part) > width:
            break
        if line:
            line.append("  ")
        line.append(part, label_style(label, predicted, gold, look))
    return line


def folded(
    text: str,
    labels: Sequence[str],
    probabilities: Sequence[float],
    predicted: int,
    gold: int | None,
    look: Look,
    width: int,
) -> Text:
    """A query and its probabilities in two lines, where there is no room for a list of queries."""
    sign = "x" if gold is not None and gold != predicted else " "
    line = Text(no_wrap=True)
    line.append(f"{sign} ", look.wrong)
    line.append(cut_end(visible(text, look.ascii_only) or "(empty)", max(8, width - 2), look.dots), look.strong)
    return line.append("\n").append_text(probability_line(labels, probabilities, predicted, gold, look, width))


def signs(label: int, predicted: int, gold: int | None) -> str:
    """Two cells: `>` for the answer, `*` for the gold label."""
    return (">" if label == predicted else " ") + ("*" if label == gold else " ")


def short_number(value: float) -> str:
    """0.61 -> '.61', 1.0 -> '1.00', nan -> '-'."""
    if value != value:
        return "-"
    text = f"{value:.2f}"
    return text.replace("0.", ".", 1) if text.startswith(("0.", "-0.")) else text


def _fitting(probabilities: Sequence[float], gold: int | None, height: int | None) -> tuple[list[int], int]:
    order = sorted(range(len(probabilities)), key=lambda label: -probabilities[label])
    if height is None or len(order) <= height:
        return order, 0
    kept = order[: max(1, height - 1)]
    if gold is not None and gold not in kept:
        kept[-1] = gold
    return kept, len(order) - len(kept)


def bar(probability: float, room: int, look: Look) -> str:
    """A bar of at most `room` cells."""
    halves = round(2 * room * min(1.0, max(0.0, probability)))
    if look.ascii_only:
        return look.bar * round(halves / 2)
    return look.bar * (halves // 2) + look.half_bar * (halves % 2)


def label_style(label: int, predicted: int, gold: int | None, look: Look) -> str:
    """The style of a label's line: that of right answers, the gold label's, or the answer's where it is wrong."""
    if label == gold:
        return f"bold {look.right}".strip() if label == predicted else look.gold
    return look.chosen if label == predicted else look.muted


def share_bar(nats: float, most: float, cells: int, look: Look) -> str:
    """What has `most` nats fills the cells; what works against the answer is as long, in the sign for it."""
    share = nats / most if most > 0 else 0.0
    if share < 0:
        return "<" * max(1, round(-share * cells))
    return bar(share, cells, look)
