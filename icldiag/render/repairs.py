"""The repairs that were tried as a table: what each did to other texts and to one query, and what it changes."""

from __future__ import annotations

from collections.abc import Sequence

from rich.cells import cell_len
from rich.text import Text

from icldiag.analyses.repairs import Repairs, Trial, alike, p_text, verdict
from icldiag.analyses.search.reading import CALIBRATES
from icldiag.counting import counted
from icldiag.prompt.schema import Prompt
from icldiag.render.fit import cut_end, pad
from icldiag.render.look import Look
from icldiag.visible import visible

_AS_IT_IS = "as it is"
_NARROWEST = 12  # of the column of changes


def repair_table(
    repairs: Repairs, shown: range, marked: int, query: int, width: int, look: Look, on: int | None = None
) -> Text:
    """A head, and a line for each repair in `shown`: the change of the prompt, and the calibration on top of it.

    `on` is the place of the one that is in force.

    Where there is no room for both, the change is cut at its end: it begins with what tells it from others.
    """
    uneven, trials = repairs.uneven, [repairs.trials[place] for place in shown]
    head = f"query {query + 1}"
    numbers = [_numbers(trial, uneven) + f"{_turn(repairs, trial, query):<{len(head)}}  " for trial in trials]
    heads = f"   net   +   -      p  {'alike  ' if uneven else ''}{head}  "
    changes = [visible(trial.repair.short, look.ascii_only) or _AS_IT_IS for trial in trials]
    on_top = ["" if (one := trial.repair.calibration) is None else one.kind for trial in trials]
    if set(changes) == {_AS_IT_IS}:
        names = ["calibration", *on_top]
    else:
        names = _columns(["change", *changes], ["calibration", *on_top], width - len(heads), look)
    lines = [Text(heads + names[0], look.muted, no_wrap=True)]
    for place, number, name in zip(shown, numbers, names[1:], strict=True):
        sign = "ON" if place == on else "> " if place == marked else "  "
        row = f"{sign}{number}{name}"
        marks = place == marked
        lines.append(Text(pad(row, width) if marks else row, look.selected if marks else "", no_wrap=True))
    return Text("\n").join(lines)


def about(repairs: Repairs, trial: Trial, query: int, prompt: Prompt, look: Look, width: int) -> Text:
    """A repair in words: the query, the other ones, and what it costs; a line for each text that it turns."""
    compared, queries = trial.selection, trial.queries
    same = trial.tokens == repairs.tokens_before
    tokens = f"{trial.tokens} tokens as before" if same else f"{repairs.tokens_before} -> {trial.tokens} tokens"
    of_queries = ""
    if queries.count:
        before, after = queries.right_before, queries.right_after
        of_queries = f"; of {counted(queries.count, 'labelled query')} {before} before, {after} after"
    calibration = trial.repair.calibration
    means = [] if calibration is None else [f"{calibration.kind}: {CALIBRATES[calibration.kind]}."]
    lines = [
        f"{trial.repair.name}: {verdict(repairs, trial, query)}.",
        *means,
        f"Of {counted(compared.count, 'example')} to compare on, {compared.right_before} right before, "
        f"{compared.right_after} after{of_queries}.",
        f"Demonstrations: {tokens}; whoever uses it needs {trial.repair.needs}.",
    ]
    shown = [Text(), *(Text(visible(line, look.ascii_only)) for line in lines)]
    for word, places, style in (("fixes", queries.mended, look.right), ("breaks", queries.broken, look.wrong)):
        texts = [visible(prompt.queries[place].text, look.ascii_only) for place in places]
        shown += [Text.assemble((f"{word:>6}", style), f"  {cut_end(text, width - 8, look.dots)}") for text in texts]
    return Text("\n").join(shown)


def _columns(left: Sequence[str], right: Sequence[str], width: int, look: Look) -> list[str]:
    room = max(_NARROWEST, width - 2 - max(map(cell_len, right)))
    room = min(room, max(map(cell_len, left)))
    return [f"{pad(change, room, look.dots)}  {kind}".rstrip() for change, kind in zip(left, right, strict=True)]


def _numbers(trial: Trial, uneven: bool) -> str:
    effect = trial.selection
    counts = f"{effect.net:+4} {len(effect.mended):3} {len(effect.broken):3} {p_text(effect.p_value):>6}  "
    return counts + (f"{alike(effect):>5}  " if uneven else "")


def _turn(repairs: Repairs, trial: Trial, query: int) -> str:
    """What it does to the query; nothing where nobody knows."""
    gold = repairs.gold_of(query)
    if gold is None:
        return ""
    was, now = repairs.before[query] == gold, trial.predicted[query] == gold
    return ("right" if now else "broken") if was else ("fixed" if now else "wrong")
