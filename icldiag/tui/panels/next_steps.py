"""What to do next about the prompt as a whole: the action first, a line each, and what is known of it behind."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from icldiag.counting import counted
from icldiag.render.look import Look
from icldiag.visible import visible

if TYPE_CHECKING:
    from icldiag.analyses.overview import Overview
    from icldiag.analyses.repairs import Repairs

Step = tuple[str, str]  # an action, and what is known of it


@dataclass(frozen=True)
class Situation:
    """What the prompt's state adds to what is known of the prompt."""

    searched: Repairs | None = None  # what panel Repair found for the whole prompt, if there was a search
    offers: bool = False  # the key `t` applies the repair
    takes: str = ""  # how long a search would take, if that is known
    searching: bool = False  # a search runs
    trying: bool = False  # calibrations are tried, or will be
    calibrated: bool = False  # one is in force
    repaired: bool = False  # a repair is on, which `t` takes off


def next_steps(found: Overview, now: Situation) -> list[Step]:
    """Empty while nothing is computed."""
    searched = now.searched
    known = searched or found.repairs
    steps: list[Step] = []
    if known is not None:
        steps = [*_repair(known, now), _search(found, now)]
        steps = steps if known.sure or searched is not None else steps[::-1]
        steps += _texts(known)
        steps += _to_check(found)
    elif found.unrepaired:
        steps = [("", f"{found.unrepaired[0].upper()}{found.unrepaired[1:]}.")]
    elif now.trying:
        steps = [("", "What t can apply is named here, once calibrations are tried.")]
    if steps and found.outscored:
        steps.insert(0, ("e edits the file", "set 'scoring: terminated' first"))
    return steps


def _repair(known: Repairs, now: Situation) -> Iterator[Step]:
    from icldiag.analyses.repairs import finding, gain, tried_kind

    if known.best is None or known.confirmed is None:
        yield "", finding(known)
        return
    name, measured, own = known.best.repair.name, gain(known.confirmed), known.best.queries
    if own.net < 0:
        measured += f"; of {counted(own.count, 'query')} here fewer right, {own.right_before} -> {own.right_after}"
    if now.calibrated and now.searched is None and not known.sure:
        yield "", f"No calibration surely gains more than the one in force. The best, {name}: {measured}"
    elif known.holds and now.offers:
        yield f"t {'applies' if known.sure else 'tries'} {name}", measured
    elif known.holds:
        yield name, f"{measured}; t first takes off the repair that is on" if now.repaired else measured
    else:
        yield "", f"No {tried_kind(known)} holds. The first choice, {name}, gains nothing: {measured}"


def _search(found: Overview, now: Situation) -> Step:
    from icldiag.analyses.overview import search_first

    if now.searching:
        return "9 shows the search that runs", ""
    if now.searched is not None:
        return "m shows all that was tried", ""
    first = search_first(found)
    said = [f"first {', then '.join(first)}"] if first else []
    return "m searches for changes of the prompt too", ", ".join([*said, *([now.takes] if now.takes else [])])


def _to_check(found: Overview) -> Iterator[Step]:
    from icldiag.analyses.overview import to_check

    if (doubt := to_check(found)) is not None:
        yield f"8 shows the prompt: {doubt[0]}", doubt[1]


def _texts(known: Repairs) -> Iterator[Step]:
    """Where the gain may be chance."""
    from icldiag.analyses.repairs import MORE

    if known.holds and not known.sure:
        yield "e edits the file", f"add labelled texts to 'examples'. {MORE}"


def drawn(steps: list[Step], look: Look) -> Table | str:
    """A row a step, the first one strong."""
    if not steps:
        return ""
    table = Table.grid()
    table.add_column(width=6)
    table.add_column(ratio=1)
    for number, (action, known) in enumerate(steps):
        row = Text(visible(action, look.ascii_only), look.strong if action else "")
        row.append(f"{': ' if action and known else ''}{visible(known, look.ascii_only)}", "not bold")
        table.add_row(Text("NEXT" if number == 0 else "", look.chosen), row)
    return table
