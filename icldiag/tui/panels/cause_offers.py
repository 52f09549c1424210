"""What can be done about a cause: by panel Why's key, in another panel, or in the prompt file."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from icldiag.analyses.contest import Counterfactual
    from icldiag.analyses.explanation import Cause, Explanation
    from icldiag.analyses.search.repair import Repair

_ACTIONS = {  # what can be done about a cause that has no change of the prompt to apply, and in which panel
    "template": "edit the file",
    "word": "Prompt: rename its label word",
    "name": "Prompt: rename its label word",
    "majority": "Prompt: drop",
    "recency": "m: Repair tries whole orders",
    "order": "m: Repair tries whole orders",
    "prior": "m: Repair",
    "classes": "Prompt: clearer demonstrations of both, or one label for the two",
    "aggregation": "Reweight: start training",
}


def first_to_try(found: Explanation, cured: Sequence[int]) -> int | None:
    """Of the causes that have a cure here the first whose change alone makes the answer right, or else the one whose
    change leaves least of the lead; one that not all tests confirm comes after those."""
    applied = {place: _applied(found.causes[place], found) for place in cured if found.causes[place].confirmed}
    turned = (place for place, run in applied.items() if run.turned)
    least = min(applied, key=lambda place: applied[place].lead, default=next(iter(cured), None))
    return next(turned, least)


def _applied(cause: Cause, found: Explanation) -> Counterfactual:
    """What a cause's cure does: it is made alone, and a prior is measured on all queries, not on the others."""
    from icldiag.analyses.explanation.cure import measured

    if cause.kind == "prior" and (source := measured(cause, found)) is not None:
        return source.applied
    place = found.shares.place_of(cause.kind)
    return cause.confirmed_by if place is None else found.shares.alone(place)


def _stays(cause: Cause, found: Explanation) -> str:
    """That what confirmed the cause turns the answer, and its cure does not."""
    run = _applied(cause, found)
    turns = cause.confirmed_by.turned and not run.turned
    return f"as t applies it, the answer is {found.labels[run.answer]}" if turns else ""


def offer(cause: Cause, found: Explanation, mends: Repair | None, first: str) -> str:
    """Always a try: what a change does to queries of further labels, and to other texts, is not known before.

    Args:
        mends: the cause's own change; None where that is not made here.
        first: the keys before the one that tries it.
    """
    from icldiag.analyses.explanation.reading import cautions

    if mends is None:
        return elsewhere(cause, found)
    lose = "; ".join(filter(None, (_stays(cause, found), cautions(cause, found))))
    it = mends.name if cause.kind == "majority" else "it"  # which demonstrations go is said nowhere else
    tried = f"{first}t tries {it}"
    return f"{tried}; {lose}" if lose else tried


def elsewhere(cause: Cause, found: Explanation) -> str:
    """What is done in another panel or in the file: what was tried, so far as one key or one value does that."""
    factor = next((one for one in found.shares.factors if one.kind == cause.kind), None)
    if cause.kind == "scoring" and factor is not None:
        return f"edit the file: scoring: {'terminated' if found.overlap else factor.scoring}"
    if cause.kind == "demonstration":
        relabelled = factor is not None and factor.relabelled is not None
        return f"Prompt: c labels it {found.pair[1]}" if relabelled else "Prompt: d drops it"
    return _ACTIONS[cause.kind]
