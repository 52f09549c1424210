"""What a computation would take, from the time that queries took."""

from __future__ import annotations

from icldiag.counting import counted
from icldiag.time_left import about, in_words
from icldiag.tui.panels.base import Panel


def cost(panel: Panel, passes: float) -> str:
    """In words, for as many passes of a query; says that it is an estimate, or why there is none."""
    pace, state = _pace(panel), panel.state
    if pace is not None:
        queries, seconds = pace
        took = f"{'' if state.pace is None else 'the '}{counted(queries, 'query')} took {in_words(seconds)}"
        return f"Estimated time: {in_words(seconds / queries * passes)} ({took})."
    if state.stored or state.session is None:
        return "How long that takes is not known yet: the answers came from disk."
    return "How long that takes is being measured."


def in_short(panel: Panel, passes: float) -> str:
    """'about 50 s', or nothing while it is not known."""
    pace = _pace(panel)
    return "" if pace is None else about(pace[1] / pace[0] * passes)


def of_search(panel: Panel) -> float:
    """Passes of a query that a search for repairs takes."""
    from icldiag.analyses.repairs import BUDGET, changes

    return changes(BUDGET) * (len(panel.prompt.queries) + len(panel.prompt.examples))


def _pace(panel: Panel) -> tuple[int, float] | None:
    """Queries, and the seconds that they took; measured where all answers came from disk."""
    state = panel.state
    if state.pace is not None and state.prompt is not None:
        return len(state.prompt.queries), state.pace * len(state.prompt.queries)
    if state.session is None:
        return None
    from icldiag.analyses.timing import TimeQueries

    found = panel.result(TimeQueries())
    return None if found is None else (found.queries, found.seconds)
