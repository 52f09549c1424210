"""What panel Repair says before a search: how the selected query is answered, and what the keys would begin."""

from __future__ import annotations

from typing import TYPE_CHECKING

from icldiag.counting import counted
from icldiag.tui.panels.cost import cost, of_search

if TYPE_CHECKING:
    from icldiag.tui.panels.applying import ApplyingPanel


def offer(panel: ApplyingPanel) -> str:
    """A search is offered only where there is enough to confirm what it finds."""
    from icldiag.analyses.repairs import BUDGET

    prediction, query = panel.prediction, panel.state.query
    names, gold, answer = prediction.labels, prediction.gold[query], int(prediction.predicted[query])
    if gold is None:
        this = f"This query was answered {names[answer]}; without a gold label no repair of it can be judged."
    elif gold == answer:
        this = f"This query is answered right, {names[answer]}."
    else:
        f_searches = "" if panel.too_few(query) else ": press f to search for a repair"
        this = f"This query was answered {names[answer]} and not {names[gold]}{f_searches}."
    if panel.too_few():
        return this
    return (
        f"{this} Press s to search for repairs of the prompt: up to {BUDGET} candidates, each tried on examples that "
        f"it was not made from and on {counted(len(prediction), 'query')}. {cost(panel, of_search(panel))}"
    )
