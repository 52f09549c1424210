"""One query in a list: two lines, with a sign for the chosen one and a sign for a wrong one."""

from __future__ import annotations

from rich.cells import cell_len
from rich.text import Text

from icldiag.render.fit import cut_end, cut_middle
from icldiag.render.look import Look
from icldiag.visible import visible


def query_lines(
    number: int,
    text: str,
    predicted: str | None,
    gold: str | None,
    *,
    chosen: bool,
    width: int,
    look: Look,
    was: str | None = None,
    sign: str = "~",
    note: str = "",
    marked: bool = False,
) -> tuple[Text, Text]:
    """The text, and under it its number, the answer and what was wanted; `predicted` is None before there is one.

    `was` is the answer in the state that this one is compared with, where that differs, which `sign` says before the
    answer; it is named where the names beside it have room. `note` ends the second line.

    First column: `>` the chosen query. Second: `x` a wrong answer, `?` an answer without a gold label. Third: `+` a
    marked query.
    """
    wrong = predicted is not None and gold is not None and predicted != gold
    judged = "x" if wrong else "?" if gold is None else " "
    first = Text(no_wrap=True)
    first.append(">" if chosen else " ", look.chosen)
    first.append(judged, look.wrong if wrong else look.muted)
    first.append("+" if marked else " ", look.chosen)
    first.append(cut_end(visible(text, look.ascii_only) or "(empty)", width - 3, look.dots), "bold" if chosen else "")
    second = Text(no_wrap=True)
    second.append(f"{number:>3}", look.muted)  # as reports and messages name it
    second.append(" " if was is None else sign, {"+": look.right, "-": look.wrong}.get(sign, ""))
    before = ""
    if was is not None:
        before = " (was right)" if was == gold else f" (was {cut_middle(visible(was, look.ascii_only), 14, look.dots)})"
    names = [visible(name, look.ascii_only) for name in (predicted, gold) if name is not None]
    needed = sum(map(cell_len, names)) + 7 if wrong else cell_len(names[0] if names else "")
    ends = f"  {note}" if note else ""
    if second.cell_len + needed + cell_len(before + ends) > width:
        before = ""
    before += ends
    room = width - second.cell_len - cell_len(before)
    if predicted is None:
        if gold is not None:
            second.append(cut_middle(f"gold {visible(gold, look.ascii_only)}", room, look.dots), look.muted)
        return first, second
    answer = visible(predicted, look.ascii_only)
    if not wrong or gold is None:
        second.append(cut_middle(answer, room, look.dots) + before, look.muted)
        return first, second
    wanted = visible(gold, look.ascii_only)
    each = max(4, (room - 7) // 2)
    answer_room = max(each, room - 7 - len(wanted))
    shown = cut_middle(answer, answer_room, look.dots)
    second.append(shown, look.wrong)
    second.append("  want ", look.muted)
    second.append(cut_middle(wanted, max(4, room - 7 - Text(shown).cell_len), look.dots), look.gold)
    second.append(before, look.muted)
    return first, second
