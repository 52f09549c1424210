"""An explanation in words: the named cause in a sentence with its numbers, and a row for every kind of evidence."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from icldiag.analyses import lens
from icldiag.analyses.explanation.compute import Explanation
from icldiag.analyses.explanation.demonstrations import strongest
from icldiag.analyses.explanation.ranking import Cause, CauseKind
from icldiag.counting import counted

NAMES: dict[CauseKind, str] = {
    "demonstration": "one demonstration",
    "classes": "confusable classes",
    "order": "the order",
    "prior": "the label prior",
    "aggregation": "weak aggregation",
}

_NEARLY_ALL = 0.9  # of the changes that leave an answer as it is: it does not hang on what they change


@dataclass(frozen=True)
class Finding:
    """One row of evidence. `scale` makes `number` comparable; both are '-' where undefined."""

    name: str
    number: str
    scale: str
    sentence: str


def reading(found: Explanation) -> str:
    """What explains the answer, in one or two sentences."""
    if found.causes:
        return of_cause(found.causes[0], found)
    answer, rival = _pair(found)
    tried = found.tried
    turned = [run.change for run in tried if run.turned]
    stays = sum(run.answer == found.contest.answer for run in tried)
    opening = "Nothing that was tried explains it" if found.contest.wrong else "The answer stands"
    count = f"none of {len(tried)} changes makes" if not turned else f"{len(turned)} of {len(tried)} changes make"
    rest = f"{stays} leave it {answer}"
    if turned:
        rest += f"; those that turn it ({', '.join(turned[:2])}{', ...' if len(turned) > 2 else ''}) name no cause"
    elif stays >= _NEARLY_ALL * len(tried):
        rest += ": it hangs on the text and the model rather than on these demonstrations"
    return f"{opening}: {count} the answer {rival}, {rest}."


def of_cause(cause: Cause, found: Explanation) -> str:
    """A confirmed cause with its counterfactual and number, and what else supports it."""
    answer, rival = _pair(found)
    done = cause.confirmed_by
    result = (
        f"the answer is {rival} (p {done.probability:.2f}; the lead of {answer} goes from {_nats(found.contest.lead)} "
        f"to {_nats(done.lead)} nats)"
    )
    opening = {
        "demonstration": lambda: _demonstration(cause, found, result),
        "classes": lambda: f"{answer} and {rival} are taken for each other: with {answer} taken out, {result}",
        "order": lambda: f"The order of the demonstrations: in {cause.confirmed_by.change} {result}",
        "prior": lambda: f"The label prior favours {answer}: {_prior_change(cause)} {result}",
        "aggregation": lambda: f"{rival} gathers too little: with the flow into its label words doubled, {result}",
    }[cause.kind]()
    joint = "; " if cause.supported else ". Nothing else points to it: "
    return f"{opening}{joint}{cause.support}."


def _nats(lead: float) -> str:
    """Near zero with two digits: who leads must show."""
    return f"{lead:.1f}" if abs(lead) >= 0.05 else f"{lead:.2f}"


def _demonstration(cause: Cause, found: Explanation, result: str) -> str:
    answer, rival = _pair(found)
    assert cause.demonstration is not None
    number = cause.demonstration + 1
    opening = f"Demonstration {number} (label {answer})"
    verb = "may carry a wrong label" if cause.supported else "draws this text"
    change = "without it" if cause.confirmed_by.change.endswith("removed") else f"labelled {rival} instead,"
    return f"{opening} {verb}: {change} {result}"


def _prior_change(cause: Cause) -> str:
    change = cause.confirmed_by.change
    return f"with the {change}," if change.endswith("divided out") else f"with {change},"


def findings(found: Explanation) -> tuple[Finding, ...]:
    """A row for every kind of evidence, in the order of the ranking, and where it was decided."""
    return (
        *_of_demonstrations(found),
        _of_classes(found),
        *_of_order(found),
        _of_prior(found),
        _of_aggregation(found),
        _of_depth(found),
    )


def _of_demonstrations(found: Explanation) -> Iterator[Finding]:
    effect = strongest(found.demonstrations)
    if effect is None or effect.removed is None or effect.removed_change is None:
        yield Finding("demonstration", "-", "-", "There is one demonstration, which cannot be removed.")
        return
    called = "" if effect.called is None else f"; the prompt without it calls its text {found.labels[effect.called]}"
    yield Finding(
        "demonstration",
        f"{effect.removed_change:+.1f} nats",
        f"most of {len(found.demonstrations)}",
        f"Demonstration {effect.index + 1} ({found.labels[effect.label]}): removed, the answer is "
        f"{found.labels[effect.removed.answer]}; hidden from the target alone, "
        f"{found.labels[effect.hidden.answer]} ({effect.hidden_change:+.1f}){called}.",
    )


def _of_classes(found: Explanation) -> Finding:
    classes = found.classes
    answer, rival = _pair(found)
    told = []
    if classes.distance is not None and classes.distances > 1:  # of two classes it is 1 by its scaling
        told.append(f"distance {classes.distance:.2f}")
    if classes.cosine is not None:
        told.append(f"cosine {classes.cosine:.2f}")
    keys = f"the anchors of {answer} and {rival} cannot be compared"
    if told:
        layers = f"in layer {classes.layers[0]}"
        keys = f"the keys of {answer} and {rival} have {', '.join(told)}, {layers}"
    if classes.removed is not None:
        keys += f"; with {answer} taken out the answer is {found.labels[classes.removed.answer]}"
    auc = "-" if classes.auc is None else f"AUC {classes.auc:.2f}"
    scale = f"rank {classes.distance_rank} of {classes.distances}" if classes.distances > 1 else "-"
    if classes.auc_rank is not None and classes.aucs > 1:
        scale = f"AUC {classes.auc_rank} of {classes.aucs}" + ("" if scale == "-" else f", keys {scale[5:]}")
    return Finding("classes", auc, scale, f"{keys[0].upper()}{keys[1:]}.")


def _of_order(found: Explanation) -> Iterator[Finding]:
    order = found.order
    last = found.labels[order.last]
    most = max(found.prior.counts)
    majority = [found.labels[label] for label, count in enumerate(found.prior.counts) if count == most]
    counts = (
        "all classes have as many"
        if len(set(found.prior.counts)) == 1
        else f"{', '.join(majority)} {'has' if len(majority) == 1 else 'have'} most ({most})"
    )
    if order.turned is None:
        yield Finding("order", "-", "-", f"There are no other orders; {last} comes last.")
        return
    rival = found.labels[found.contest.rival]
    turned = sum(run.turned for run in order.runs)
    scale = "-" if order.percentile is None else f"percentile {order.percentile:.0f}"
    place = "" if order.percentile is None else f"; this order's lead is at {scale} of theirs"
    yield Finding(
        "order",
        f"{turned} of {len(order.runs)}",
        scale,
        f"{rival} is the answer in {turned} of {counted(len(order.runs), 'sampled order')}{place}. {last} comes "
        f"last; {counts}.",
    )


def _of_prior(found: Explanation) -> Finding:
    prior, (answer, rival) = found.prior, _pair(found)
    leans = ", ".join(f"{source.kind} {source.lean:+.1f}" for source in prior.sources)
    turned = [source.kind for source in prior.sources if source.divided.turned]
    turn = "turns" if len(turned) == 1 else "turn"
    effect = f"divided out, {' and '.join(turned)} {turn} it" if turned else "dividing none of them out turns it"
    if prior.balanced:
        effect += f"; with balanced classes {sum(run.turned for run in prior.balanced)} of {len(prior.balanced)} do"
    first = prior.sources[0]
    return Finding(
        "label prior",
        f"{first.lean:+.1f} nats",
        f"{first.rank} of {len(found.labels)}",
        f"Without content the prompt leans to {answer} against {rival} by {leans}; {effect}.",
    )


def _of_aggregation(found: Explanation) -> Finding:
    part, (answer, rival) = found.aggregation, _pair(found)
    isolated = [
        f"with {name} isolated the answer is {found.labels[part.isolated[label].answer]} "
        f"({part.isolated[label].lead:+.1f})"
        for label, name in ((found.contest.rival, rival), (found.contest.answer, answer))
        if label in part.isolated
    ]
    doubled = (
        "" if part.doubled is None else f"; with the flow into {rival} doubled, {found.labels[part.doubled.answer]}"
    )
    number, scale = "-", "-"
    if part.flow is not None and found.contest.rival in part.flow:
        total = sum(part.flow.values())
        number = f"{part.flow[found.contest.rival] / total:.0%}" if total > 0 else "-"
        scale = f"weakest {part.flow_rank} of {len(part.flow)}"
    sentence = "; ".join(isolated) or "neither class has label words"
    return Finding("aggregation", number, scale, f"{sentence[0].upper()}{sentence[1:]}{doubled}.")


def _of_depth(found: Explanation) -> Finding:
    depth, answer = found.depth, found.contest.answer
    if depth.lens is None:
        return Finding("decided", "-", "-", f"Undefined: {depth.missing}.")
    row, layers = depth.lens.decided(answer), depth.lens.layers
    heads = ", ".join(f"{head.layer}.{head.head} ({head.ablated.lead:+.1f})" for head in depth.heads)
    carried = f" Heads that carry it, and the lead without each: {heads}." if heads else ""
    sentence = f"{lens.reading(depth.lens, answer, found.labels)}{carried}"
    return Finding("decided", "-" if row is None else lens.after(row), f"of {layers} layers", sentence)


def _pair(found: Explanation) -> tuple[str, str]:
    return found.labels[found.contest.answer], found.labels[found.contest.rival]
