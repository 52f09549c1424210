"""The prompt as a whole: who is answered for whom, the labels, the lean, and what each demonstration gives."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from rich.cells import cell_len
from rich.style import Style
from rich.text import Text

from icldiag.counting import shown_of
from icldiag.render.bars import bar
from icldiag.render.fit import cut_end, cut_middle, pad, short_names
from icldiag.render.look import Look
from icldiag.visible import visible

if TYPE_CHECKING:
    from icldiag.analyses.overview import Lean, Overview, Stability
    from icldiag.model.readout import FloatArray

Cell = tuple[int, int]  # a gold label and an answer
MOST = 8  # labels, errors or left-out demonstrations that are shown
_COLUMN, _WIDEST = 6, 15  # cells of a column, least and most
_ANSWERED = "  <- answered"
LARGE = 0.2  # nats
_STEPS = ((1.0, "#"), (LARGE, "+"))  # nats from which on a sign is used, and the signs of as many less than 0
_TAKES = {"#": "=", "+": "-"}
_SIGNS = "# gives 1 nat or more, + 0.2 or more, . less, - takes 0.2 or more, = 1 or more"
_TEXT = 12  # cells from which on a text is worth its room


def strip_signs(queries: Sequence[int], query: int) -> str:
    """What the signs of a strip of these queries mean, and the `v` over the chosen one."""
    return f"{_SIGNS}; {'v over' if query in queries else 'not in it:'} query {query + 1}, the selected one"


def cells(found: Overview, width: int) -> list[list[Cell]]:
    """The cells of `answer_table`, row by row, each a gold label and an answer."""
    names = range(len(found.labels))
    if _is_square(found, width):
        return [[(gold, answer) for answer in names] for gold in names]
    return [[cell] for cell in _commonest(found)[:MOST]]


def _is_square(found: Overview, width: int) -> bool:
    return len(found.labels) <= MOST and _head(found, width) + 2 + _COLUMN * len(found.labels) <= width


def _head(found: Overview, width: int) -> int:
    return min(max(cell_len(visible(name)) for name in found.labels), max(8, width // 3))


def answer_table(found: Overview, look: Look, width: int, cursor: Cell | None = None) -> Text:
    """Gold labels by answers, with a cursor on a cell; of many labels the commonest errors."""
    if not _is_square(found, width):
        return _errors(found, look, cursor)
    counts, names, head = found.counts, _visible(found.labels, look), _head(found, width)
    room = (width - head - 2 - len(_ANSWERED)) // len(names)
    cell = max(_COLUMN, min(room, _WIDEST, 1 + max(map(cell_len, names))))
    columns = short_names(names, cell - 1)
    title = Text(f"{pad('gold', head)}  ", look.muted, no_wrap=True)
    title.append("".join(f"{' ' * (cell - cell_len(name))}{name}" for name in columns))
    title.append(_ANSWERED, look.muted)
    lines = [title]
    for gold, name in enumerate(names):
        line = Text(no_wrap=True)
        line.append(f"{pad(cut_middle(name, head, look.dots), head)}  ")
        for answer in range(len(names)):
            count = int(counts[gold, answer])
            style = _cell(look.right if gold == answer else look.wrong if count else look.muted, gold, answer)
            if (gold, answer) == cursor:
                line.append(f"{f'>{count}':>{cell}}", style + Style(reverse=True))
            else:
                line.append(f"{count:>{cell}}", style)
        lines.append(line)
    return Text("\n", no_wrap=True).join(lines)


def _commonest(found: Overview) -> list[Cell]:
    """Errors, the commonest first."""
    counts = found.counts
    errors = [(int(a), int(b)) for a, b in zip(*np.nonzero(counts), strict=True) if a != b]
    return sorted(errors, key=lambda cell: -int(counts[cell]))


def _errors(found: Overview, look: Look, cursor: Cell | None) -> Text:
    counts, names = found.counts, _visible(found.labels, look)
    errors = _commonest(found)
    lines = []
    for gold, answer in errors[:MOST]:
        here = (gold, answer) == cursor
        text = f"{'>' if here else ' '}{counts[gold, answer]:>3} x {names[gold]} -> {names[answer]}"
        lines.append(Text(text, _cell(look.wrong, gold, answer) + Style(reverse=here), no_wrap=True))
    if len(errors) > MOST:
        rest = sum(int(counts[cell]) for cell in errors[MOST:])
        lines.append(Text(f"{rest:>4} other {'error' if rest == 1 else 'errors'}", look.muted))
    return Text("\n").join(lines)


def _cell(style: str, gold: int, answer: int) -> Style:
    """With the cell that it is, for a click."""
    return Style.parse(style) + Style(meta={"cell": (gold, answer)})


def label_bars(found: Overview, look: Look, width: int) -> Text:
    """How often each label is answered, and is right; those with most errors first where there are many."""
    names, answered, counts = _visible(found.labels, look), found.answered, found.counts
    gold, right = counts.sum(1), np.diag(counts)
    order = list(range(len(names)))
    if (shown := shown_of(len(names), MOST)) < len(names):
        order = sorted(order, key=lambda label: -int(answered[label] + gold[label] - 2 * right[label]))[:shown]
    head = min(max(cell_len(names[label]) for label in order), max(8, width // 3))
    room = max(4, min(24, width - head - 26))
    known = found.measures is not None
    lines = [
        Text(f"{'':{head}}  {pad('answered', room + 5)}{'right  gold' if known else ''}", look.muted, no_wrap=True)
    ]
    for label in order:
        line = Text(f"{pad(cut_middle(names[label], head, look.dots), head)}  ", no_wrap=True)
        line.append(f"{pad(bar(answered[label] / max(1, answered.sum()), room, look), room)} ", look.chosen)
        line.append(f"{answered[label]:>4}")
        if known:
            line.append(f"{right[label]:>5}", look.right).append(f"{gold[label]:>6}", look.muted)
        lines.append(line)
    if len(order) < len(names):
        lines.append(Text(f"and {len(names) - len(order)} more labels", look.muted))
    return Text("\n", no_wrap=True).join(lines)


def lean_bars(found: Overview, lean: Lean, look: Look, width: int) -> Text:
    """A line a measurement of the prior: its nats towards the label that it favours."""
    names = _visible(found.labels, look)
    most = max(prior.strength for prior in lean.priors) or 1.0
    room = max(4, min(20, width - 44))
    lines = [Text("lean of the prompt, in nats over the other labels", f"bold {look.muted}")]
    for prior in lean.priors:
        line = Text(f"{prior.kind:<15} ", no_wrap=True)
        line.append(pad(bar(prior.strength / most, room, look), room), look.muted)
        line.append(f" {prior.strength:4.1f}  towards {prior.favours(names)}")
        lines.append(line)
    return Text("\n", no_wrap=True).join(lines)


def strip(found: Overview, stability: Stability, query: int, look: Look, width: int) -> Text:
    """Demonstrations left out by queries: what each gives to the gold label's lead. `v` is over the chosen query."""
    rows = list(range(len(stability.matrix)))
    if len(rows) > 2 * MOST:
        rows = sorted(sorted(rows, key=lambda row: -abs(float(stability.matrix[row].mean())))[: 2 * MOST])
    names = [_numbered(found, stability.left_out[row].without) for row in rows]
    notes = [Text("  <- stands out" if row == stability.harmful else "", look.wrong) for row in rows]
    return given_strip(names, -stability.matrix[rows], notes, stability.queries, query, look, width)


def given_strip(
    names: Sequence[str],
    matrix: FloatArray,
    notes: Sequence[Text],
    queries: Sequence[int],
    query: int,
    look: Look,
    width: int,
    title: str = "mean nats",
    texts: Sequence[str] = (),
) -> Text:
    """Rows of what is given to each query's lead, in nats, with its mean and a note. `v` is over the chosen query.

    Args:
        texts: what the rows are of; cut, and shown where all queries leave them room.
    """
    names = _visible(names, look)
    head = min(max(map(cell_len, names)), max(10, width // 3))
    beside = max(14, *(note.cell_len for note in notes))
    spare = width - head - 13 - beside - len(queries)
    room = max(1, width - head - 11 - beside)
    first = max(0, list(queries).index(query) + 1 - room) if query in queries else 0  # in view
    above = "".join("v" if place == query else " " for place in queries[first : first + room])
    lines = [Text(f"{'':{head}}  {above}  {title}", look.muted, no_wrap=True)]
    shown = _visible(texts, look) if spare >= _TEXT and texts else [""] * len(names)
    for name, given, note, text in zip(names, matrix, notes, shown, strict=True):
        line = Text(f"{pad(cut_middle(name, head, look.dots), head)}  ", no_wrap=True)
        for value in given[first : first + room]:
            sign = _sign(float(value))
            line.append(sign, look.right if sign in "#+" else look.wrong if sign in "-=" else look.muted)
        line.append(f"  {float(given.mean()):+z.2f}").append_text(note)
        if text:
            line.append(" " * (beside - note.cell_len + 2)).append(cut_end(text, spare, look.dots), look.muted)
        lines.append(line)
    return Text("\n", no_wrap=True).join(lines)


def _numbered(found: Overview, without: Sequence[int]) -> str:
    """What is left out, its number first: the column is narrow."""
    label = found.labels[found.shown[without[0]]]
    return f"{without[0] + 1} {label}" if len(without) == 1 else f"all {len(without)} {label}"


def _sign(nats: float) -> str:
    sign = next((sign for least, sign in _STEPS if abs(nats) >= least), ".")
    return sign if nats > 0 else _TAKES.get(sign, sign)


def _visible(names: Sequence[str], look: Look) -> list[str]:
    return [visible(name, look.ascii_only) for name in names]
