"""Ranked heads in sentences."""

from __future__ import annotations

import math

from icldiag.analyses.circuits.compute import LEAST, Circuit, Effect
from icldiag.analyses.circuits.sides import AllSides
from icldiag.analyses.isolation.cuts import CUT_NAMES, CutKind, in_heads
from icldiag.counting import counted, shown_of

NAMED = 6  # heads at most in a sentence


def reading(found: Circuit) -> str:
    """How many heads carry half of what the target reads there, and what cutting them does to the answers."""
    name, count = CUT_NAMES[found.kind], len(found.queries)
    if found.everywhere is None:
        layer, head = divmod(int(abs(found.estimates).argmax()), found.estimates.shape[1])
        return (
            f"A first estimate from {counted(found.estimated, 'query')}: {name} matters most in head {layer}.{head} "
            f"({found.estimates[layer, head]:+.2f} nats of the lead)."
        )
    every = found.everywhere
    lead = f"the lead {_loses(every.lost, every.error)} nats"
    whole = f"cut in all heads, {every.stay} of {counted(count, 'answer')} stay, and {lead}"
    if not found.together:
        first = found.ranked[0]
        return (
            f"So far, on {counted(count, 'query')}: {name} {whole}; cut in head {first.layer}.{first.head} alone, "
            f"{first.cut.stay} stay, and it {_loses(first.cut.lost)}."
        )
    if not found.carried:
        does = "works against the lead" if every.lost <= -LEAST else "moves the lead little"
        return f"{name} as a whole {does}: {whole}.{_opposed(found, every)}"
    half = found.half
    if half is None:
        most = max(found.together, key=lambda step: step.cut.lost)
        tried_heads = found.together[-1].heads
        tried = f"the first {tried_heads} cut together, or fewer, take" if tried_heads > 1 else "the first one takes"
        taken = f"at most {most.cut.lost:.2f}" if most.cut.lost > 0 else "nothing"
        return f"{name}: {whole}.{_unsure(found)} No few heads carry half of that: {tried} {taken}.{_against(found)}"
    heads = found.anchor_heads
    shown = shown_of(len(heads), NAMED)
    named = in_heads(heads[:shown]) + (f" and {len(heads) - shown} more" if len(heads) > shown else "")
    others = ""
    if half.others is not None:
        others = f" ({half.others.lost:z.2f} in as many other heads of the same layers, {half.others.stay} stay)"
    verb = "carries" if len(heads) == 1 else "carry"
    return (
        f"Of what {name} does for the lead, {named} {verb} at least half. Cut there, "
        f"{half.cut.stay} of {counted(count, 'answer')} stay, and the lead {_loses(half.cut.lost)} nats{others}; "
        f"{whole}.{_unsure(found)}{_against(found)}"
    )


def what_is_read(kind: CutKind) -> str:
    """'label words'."""
    return CUT_NAMES[kind].split(" -> ")[0]


def reading_of_sides(found: AllSides) -> str:
    """Which of the ranked heads is worth most by its mean output, and whether zeroing says the same."""
    if not found.heads:
        return "No head was cut alone."
    worth = [(one.averaged or one.zeroed).lost for one in found.heads]
    most = found.heads[max(range(len(worth)), key=lambda place: worth[place])]
    how = "averaged" if most.averaged is not None else "zeroed"
    beside = f" ({most.zeroed.lost:z.2f} zeroed)" if most.averaged is not None else ""
    writes = "" if most.writes is None else f", writes {most.writes:+z.2f} nats of the lead directly"
    return (
        f"Over {counted(len(found.queries), 'query')}, head {most.layer}.{most.head} loses most where its output is "
        f"{how}: the lead {_loses((most.averaged or most.zeroed).lost)} nats{beside}. It has {most.reads:.0%} of its "
        f"attention at the target on {what_is_read(found.kind)}{writes}."
    )


def _against(found: Circuit) -> str:
    """The head that works most against the answers, as heads of both signs hide in what all of them carry."""
    most = min(found.ranked, key=lambda one: one.cut.lost)
    if -most.cut.lost < LEAST:
        return ""
    return f" Head {most.layer}.{most.head} works against it: cut alone, the lead {_loses(most.cut.lost)} nats."


def _opposed(found: Circuit, every: Effect) -> str:
    """What single heads do where all of them together carry nothing: they may cancel each other."""
    ranked = sorted(found.ranked, key=lambda one: one.cut.lost)
    against, carrier = ranked[0], ranked[-1]
    if carrier.cut.lost >= LEAST and against.cut.lost <= -LEAST:
        return (
            f" Its heads work against each other: with {carrier.layer}.{carrier.head} cut alone the lead "
            f"{_loses(carrier.cut.lost)} nats, with {against.layer}.{against.head} it {_loses(against.cut.lost)}."
        )
    most = max(ranked, key=lambda one: abs(one.cut.lost))
    if abs(most.cut.lost) < LEAST or abs(most.cut.lost) <= abs(every.lost):
        return ""
    return f" A single head does more: with {most.layer}.{most.head} cut alone the lead {_loses(most.cut.lost)} nats."


def _unsure(found: Circuit) -> str:
    """That what all heads carry may be nothing: queries that gain and queries that lose by the cut cancel out."""
    if found.sure or len(found.queries) < 2:
        return ""
    return " Over these queries that is not surely more than nothing: it is less than two standard errors."


def _loses(nats: float, error: float = math.nan) -> str:
    beside = "" if math.isnan(error) else f" ± {error:.2f}"
    return f"loses {nats:.2f}{beside}" if nats >= 0 else f"gains {-nats:.2f}{beside}"
