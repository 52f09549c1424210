"""A row for every kind of evidence: its number, what makes the number comparable, and a sentence."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from icldiag.analyses import lens
from icldiag.analyses.explanation.demonstrations import strongest
from icldiag.analyses.explanation.partial import PartialExplanation
from icldiag.page.text import place


@dataclass(frozen=True)
class Finding:
    """One row of evidence. `scale` makes `number` comparable; both are empty where undefined."""

    name: str
    number: str
    scale: str
    sentence: str


def findings(found: PartialExplanation) -> tuple[Finding, ...]:
    """A row for every kind of evidence that is there, in the order of the ranking, and where it was decided."""
    return (
        *_of_demonstrations(found),
        *_of_classes(found),
        *_of_order(found),
        *_of_prior(found),
        *_of_aggregation(found),
        _of_format(found),
        *_of_depth(found),
    )


_ONLY = " It is the only one of its label, so this makes it no cause."


def _of_demonstrations(found: PartialExplanation) -> Iterator[Finding]:
    effect = strongest(found.demonstrations or ())
    if found.demonstrations is None or effect is None:
        return
    goes = effect.hidden.answer != found.contest.answer
    yield Finding(
        "demonstration",
        f"{effect.change:+.1f} nats",
        f"most of {len(found.demonstrations)}" if len(found.demonstrations) > 1 else "",
        f"Demonstration {effect.index + 1} ({found.labels[effect.label]}) hidden from the target: the answer is "
        f"{found.labels[effect.hidden.answer]}. Its own text, asked as a query that cannot see it, is answered "
        f"{found.labels[effect.called]}.{_ONLY if effect.alone and goes else ''}",
    )


def _of_classes(found: PartialExplanation) -> Iterator[Finding]:
    classes = found.classes
    if classes is None:
        return
    answer, rival = found.pair
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
        keys += f"; without the demonstrations of {answer} the answer is {found.labels[classes.removed.answer]}"
    auc = "" if classes.auc is None else f"AUC {classes.auc:.2f}"
    scale = []
    if classes.auc is not None:
        scale.append(f"{classes.auc_queries[0]} against {classes.auc_queries[1]} queries")
    if classes.auc_rank is not None and classes.aucs > 1:
        scale.append(f"rank {classes.auc_rank} of {classes.aucs} pairs")
    if classes.distance_rank is not None and classes.distances > 1:
        scale.append(f"keys {place(classes.distance_rank, 'closest')}")
    yield Finding("classes", auc, "; ".join(scale), f"{keys[0].upper()}{keys[1:]}.")


def _of_order(found: PartialExplanation) -> Iterator[Finding]:
    order, prior = found.order, found.prior
    if order is None or prior is None or order.last is None:
        return
    last = found.labels[order.last]
    most = max(prior.counts)
    majority = [found.labels[label] for label, count in enumerate(prior.counts) if count == most]
    counts = (
        "all classes have as many"
        if len(set(prior.counts)) == 1
        else f"{', '.join(majority)} {'has' if len(majority) == 1 else 'have'} most ({most})"
    )
    if order.turned is None:
        yield Finding("order", "", "", f"There is no other order; {last} comes last.")
        return
    rival = found.labels[found.contest.rival]
    turned, runs = sum(run.turned for run in order.runs), len(order.runs)
    below = sum(run.lead < found.contest.lead for run in order.runs)
    orders = (
        f"{turned} of {runs} other orders answer {rival}"
        if runs > 1
        else (f"The only other order answers {found.labels[order.runs[0].answer]}")
    )
    same_end = ""
    if order.ending:
        mean = sum(run.lead for run in order.ending) / len(order.ending)
        same_end = f", as in {len(order.ending)} of these (mean lead {mean:+.1f})"
    yield Finding(
        "order",
        f"{turned} of {runs}",
        f"lead above {below} of {runs}",
        f"{orders}. {last} comes last{same_end}; {counts}.",
    )


def _of_prior(found: PartialExplanation) -> Iterator[Finding]:
    prior, (answer, rival) = found.prior, found.pair
    if prior is None:
        return
    leans = ", ".join(f"{source.kind} {source.lean:+.1f}" for source in prior.sources)
    turned = [source.kind for source in prior.sources if source.divided.turned]
    turn = "turns" if len(turned) == 1 else "turn"
    effect = f"divided out, {' and '.join(turned)} {turn} the answer"
    if not turned:
        others = [
            f"{source.kind}: {found.labels[source.divided.answer]}"
            for source in prior.sources
            if source.divided.answer != found.contest.answer
        ]
        effect = "the answer stays with each of them divided out"
        effect = f"divided out, none makes the answer {rival} ({', '.join(others)})" if others else effect
    if prior.balanced:
        effect += (
            f"; with balanced classes {sum(run.turned for run in prior.balanced)} of {len(prior.balanced)} turn it"
        )
    first = prior.sources[0]
    yield Finding(
        "label prior",
        f"{first.lean:+.1f} nats",
        f"rank {first.rank} of {len(found.labels)} labels" if len(found.labels) > 2 else "",
        f"Prior of {answer} over {rival}, in nats: {leans}; {effect}.",
    )


def _of_aggregation(found: PartialExplanation) -> Iterator[Finding]:
    part, (_, rival) = found.aggregation, found.pair
    if part is None or not found.demonstrations:
        return
    doubled = f"{rival} has no demonstration"
    if part.doubled is not None:
        now = found.labels[part.doubled.answer]
        doubled = (
            f"With the flow into the label words of {rival} doubled the answer is {now} ({part.doubled.lead:+.1f})"
        )
    number = scale = ""
    if part.flow is not None and found.contest.rival in part.flow:
        total = sum(part.flow.values())
        number = f"{part.flow[found.contest.rival] / total:.0%}" if total > 0 else ""
        if len(part.flow) > 1 and part.flow_rank is not None:
            above = sum(part.flow[found.contest.rival] > flow for flow in part.flow.values())
            scale = f"more than {above} of the other {len(part.flow) - 1}"
    yield Finding("aggregation", number, scale, f"{doubled}.")


def _of_format(found: PartialExplanation) -> Finding:
    token = found.likeliest
    sentence = f"The model would begin with {token.text!r} ({token.probability:.2f}), were all tokens allowed."
    return Finding("format", f"mass {found.label_mass:.2f}", "of all label words together", sentence)


def _of_depth(found: PartialExplanation) -> Iterator[Finding]:
    depth, answer = found.depth, found.contest.answer
    if depth is None:
        return
    if depth.lens is None:
        yield Finding("decided", "", "", f"Undefined: {depth.missing}.")
        return
    row, layers = depth.lens.decided(answer), depth.lens.layers
    heads = ", ".join(f"{head.layer}.{head.head} ({head.ablated.lead:+.1f})" for head in depth.heads)
    carried = f" Heads that carry it, and the lead without each: {heads}." if heads else ""
    sentence = f"{lens.reading(depth.lens, answer, found.labels)}{carried}"
    yield Finding("decided", "" if row is None else lens.after(row), f"of {layers} layers", sentence)
