"""What a computation would take, from the time that passes took."""

from __future__ import annotations

from icldiag.time_left import roughly
from icldiag.tui.panels.base import Panel


def cost(panel: Panel, passes: float) -> str:
    """In words, for as many passes of a query; or why there is no estimate."""
    found = _seconds(panel, passes)
    if found is not None:
        return f"Estimated time: {roughly(found)}."
    if panel.state.stored or panel.state.session is None:
        return "How long that takes is not known yet: the answers came from disk."
    return "How long that takes is being measured."


def in_short(panel: Panel, passes: float) -> str:
    """'about 50 s', or nothing while it is not known."""
    found = _seconds(panel, passes)
    if found is None:
        return ""
    return f"{'about ' if found >= 1 else ''}{roughly(found)}"


def of_search(panel: Panel) -> float:
    """Passes of a query that a search for repairs takes."""
    from icldiag.analyses.repairs import BUDGET
    from icldiag.analyses.repairs.effort import Effort
    from icldiag.analyses.search.partition import FITTING_PER_CLASS, HELD_OUT

    prompt = panel.prompt
    held = min(len(prompt.examples), FITTING_PER_CLASS * len(prompt.labels) + HELD_OUT)
    prefix = len(panel.session.encoded.prefix) / _tokens(panel)
    return Effort.of(prompt, BUDGET, len(prompt.queries) + held, prefix).passes


def by_passes_so_far(panel: Panel, passes: float) -> float | None:
    """In seconds; None where there were no passes, or none that could be timed."""
    state = panel.state
    pace = None if state.stored or state.session is None else state.session.model.pace.per_token
    return None if pace is None else pace * passes * _tokens(panel)


def _seconds(panel: Panel, passes: float) -> float | None:
    """The same, measured where there were none."""
    if panel.state.session is None:
        return None
    known = by_passes_so_far(panel, passes)
    if known is None:
        from icldiag.analyses.timing import TimeQueries

        found = panel.result(TimeQueries())
        known = None if found is None else found.seconds / found.tokens * passes * _tokens(panel)
    return known


def _tokens(panel: Panel) -> float:
    """That a query has, on average."""
    queries = panel.session.encoded.queries
    return sum(len(query.ids) for query in queries) / len(queries)
