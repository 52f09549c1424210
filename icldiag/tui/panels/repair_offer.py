"""What a search for a repair would begin with, said before it: by panel Repair of the prompt, by Why of a query."""

from __future__ import annotations

from typing import TYPE_CHECKING

from icldiag.counting import counted
from icldiag.tui.panels.cost import cost, in_short, of_search

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


def offer_of_query(panel: ApplyingPanel) -> str:
    """The repair that Overview offers; else what the key to panel Repair begins and takes, or why it cannot."""
    from icldiag.analyses.overview import Summarise
    from icldiag.analyses.repairs import BUDGET
    from icldiag.analyses.search.reading import right_now

    if not panel.prediction.is_wrong(panel.state.query):
        return ""
    overview, on = panel.peek(Summarise()), panel.takes_off or panel.prompt.calibration is not None
    known = None if on else panel.searched() or (None if overview is None else overview.repairs)
    if known is not None and known.best is not None and known.confirmed is not None and known.sure:
        return f"O has a repair: {known.best.repair.name}, {right_now(known.confirmed)}."
    if why := panel.too_few(panel.state.query):
        return f"{why[0].upper()}{why[1:]}."
    takes = in_short(panel, of_search(panel))  # the page ends with it: a second line may have no room
    return f"m searches for what fixes this query: up to {BUDGET} candidates{takes and f', in {takes}'}."
