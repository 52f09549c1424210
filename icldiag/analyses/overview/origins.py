"""What the answers come from, in sentences: causes that changed demonstrations show, the order, the prompt's lean."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from icldiag.analyses.orders import last_run
from icldiag.analyses.overview.causes import most_shown, share, share_where_last
from icldiag.analyses.overview.compute import Overview
from icldiag.analyses.overview.lean import LEAST_SHOWN
from icldiag.analyses.overview.stability import Stability
from icldiag.counting import counted
from icldiag.model.readout import IntArray


def causes(found: Overview) -> list[str]:
    """What in the prompt its answers come from, a sentence each, the heaviest first."""
    if found.stability is None or found.verdict.kind == "right":
        return []
    said = {"recency": _last_wins, "majority": _most_wins, "demonstration": _harms}
    return [said[cause.kind](found, found.stability, cause.label) for cause in found.causes]


def order_decides(found: Overview) -> str:
    """That the label which errors are answered is answered most now, and another in most other orders."""
    label, stability = found.verdict.label, found.stability
    if stability is None or label is None or len(found.predicted) == 1:
        return ""

    def is_first(predicted: IntArray) -> bool:
        counts = np.bincount(predicted, minlength=len(found.labels))
        return bool(counts.max() == counts[label])

    others = sum(not is_first(order.predicted) for order in stability.orders)
    if not is_first(stability.predicted) or 2 * others <= len(stability.orders):
        return ""
    sample = f" (a sample of {len(stability.queries)} queries)" if len(stability.queries) < len(found.predicted) else ""
    orders = counted(len(stability.orders), "other order")
    said = f"The order decides which label is answered most often: in {others} of {orders}{sample} it is another one"
    own = stability.accuracy(stability.predicted)
    right = [value for order in stability.orders if (value := stability.accuracy(order.predicted)) is not None]
    if own is None or not right:
        return f"{said}."
    least, most = f"{min(right):.2f}", f"{max(right):.2f}"
    accuracy = least if least == most else f"{least} to {most}"
    return f"{said} (accuracy {accuracy} there, {own:.2f} now)."


def names_counts(found: Overview) -> int | None:
    """The class with most demonstrations, where what comes last is told with it: if it is no cause of its own."""
    return None if "majority" in [cause.kind for cause in found.causes] else most_shown(found.shown)


def _last_wins(found: Overview, stability: Stability, label: int) -> str:
    """By what is answered where another class comes last, if all answers or too many are the class that is last."""
    names, recency, most = found.labels, found.recency, names_counts(found)
    assert recency is not None
    most_answers = recency.last > 1 / 2
    said = f"The class whose demonstrations come last {'wins' if most_answers else 'is answered more often'}"
    if most is not None:
        said += f", {'and' if most == label else 'though'} {_of_demonstrations(found, most)}"
    where_last = {one: share_where_last(stability, one, one) or 0.0 for one in set(found.shown) - {label}}
    if found.verdict.label != label or not where_last:
        where = f"{recency.last:.0%} of the answers are that class, {recency.otherwise:.0%} where it is not last"
        own = f"in this one {share([stability.predicted], label):.0%} are {names[label]}"
        return f"{said}: {where} (means of {recency.orders} orders, a class counted as often as it is last; {own})."
    other = max(where_last, key=lambda one: where_last[one])
    here = share_where_last(stability, other, label) or 0.0
    ends = [_end(found, one) for one in (other, label)]
    name = names[other]
    own = f"{share([stability.predicted], other):.0%} in this one"
    return (
        f"{said}: {where_last[other]:.0%} of the answers are {name} with {ends[0]} last, "
        f"{here:.0%} are {name} with {ends[1]} last (means of {recency.orders} orders in all; {own})."
    )


def _end(found: Overview, label: int) -> str:
    """What of a class the orders that were asked end with: as many as the present one has of its last class."""
    run = min(last_run(found.shown), found.shown.count(label))
    return found.labels[label] if run == 1 else f"{run} of {found.labels[label]}"


def _most_wins(found: Overview, stability: Stability, label: int) -> str:
    balanced = [run.predicted for run in stability.balanced]
    own, after = share([stability.predicted], label), share(balanced, label)
    before, right = stability.accuracy(stability.predicted), [stability.accuracy(answers) for answers in balanced]
    known = [value for value in right if value is not None]
    accuracy = f"; accuracy {np.mean(known):.2f} then, {before:.2f} now" if known else ""
    return (
        f"{_of_demonstrations(found, label)}, which draws answers to it: with as many of each class {after:.0%} of the "
        f"answers are {found.labels[label]}, {own:.0%} now{accuracy}."
    )


def _harms(found: Overview, stability: Stability, label: int) -> str:
    assert stability.harmful is not None
    run = stability.left_out[stability.harmful]
    own, after = (stability.accuracy(answers) for answers in (stability.predicted, run.predicted))
    who, alone = named(found, run.without), len(run.without) == 1
    gain = f"{stability.taken(run).mean():.1f} nats"
    it = "it" if alone else "them"
    if own is None or after is None:
        right = ""
    elif after > own:
        right = f", and accuracy is {after:.2f}, {own:.2f} as it is"
    elif after == own:
        right = f", but as many answers are right (accuracy {own:.2f})"
    else:
        right = f", but fewer answers are right (accuracy {after:.2f}, {own:.2f} as it is)"
    return (
        f"{who[0].upper()}{who[1:]} harm{'s' if alone else ''} the lead: without {it} that of the "
        f"{'answers' if own is None else 'gold labels'} grows by {gain} on average{right}."
    )


def named(found: Overview, without: Sequence[int]) -> str:
    """Demonstrations that are left out together."""
    label = found.labels[found.shown[without[0]]]
    if len(without) == 1:
        return f"demonstration {without[0] + 1} ({label})"
    return f"the {len(without)} demonstrations of {label}"


def _of_demonstrations(found: Overview, label: int) -> str:
    return f"{found.shown.count(label)} of the {len(found.shown)} demonstrations are {found.labels[label]}"


def leans_there(found: Overview) -> str:
    """That the prompt favours the label that errors are answered also where the query says nothing."""
    lean, label = found.lean, found.verdict.label
    if lean is None or label is None or lean.towards != label:
        return ""
    if any(label == shorter for _, shorter in found.outscored):  # how words are scored has said why
        return ""
    prior = lean.priors[0]
    if prior.strength < LEAST_SHOWN:
        return ""
    measured = f"{prior.kind} {prior.strength:.1f} nats"
    return f" The prompt leans to {found.labels[label]} also where the query says nothing ({measured})."
