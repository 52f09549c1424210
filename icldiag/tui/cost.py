"""What a computation would take, from the time that the queries took."""

from __future__ import annotations

from icldiag.counting import counted
from icldiag.tui.state import State


def cost(state: State, passes: float) -> str:
    """In words, for as many passes of a query; says that it is an estimate, or why there is none."""
    if state.pace is None or state.prompt is None:
        return "How long that takes is not known: the answers came from disk."
    queries = len(state.prompt.queries)
    took = f"the {counted(queries, 'query')} took {_in_words(state.pace * queries)}"
    return f"Estimated time: {_in_words(state.pace * passes)} ({took})."


def _in_words(seconds: float) -> str:
    if seconds < 1:
        return "less than 1 s"
    return f"{seconds:.0f} s" if seconds < 100 else f"{seconds / 60:.0f} min"
