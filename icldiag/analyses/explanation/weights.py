"""The lead as lines: every factor with its nats, the named causes first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from icldiag.analyses.contest import Counterfactual
from icldiag.analyses.explanation.compute import Explanation
from icldiag.analyses.explanation.factors import CauseKind
from icldiag.analyses.explanation.ranking import KINDS, Cause
from icldiag.analyses.overview.lean import LEAST_SHOWN

NAMES: dict[CauseKind, str] = {
    "scoring": "scoring of label words",
    "template": "another template",
    "word": "form of the label words",
    "name": "words unlike the names",
    "demonstration": "one demonstration",
    "majority": "more demonstrations",
    "recency": "what comes last",
    "order": "order",
    "prior": "label prior",
    "classes": "confusable classes",
    "aggregation": "weak aggregation",
}


def name_of(kind: CauseKind, demonstration: int | None = None) -> str:
    return NAMES[kind] if demonstration is None else f"demonstration {demonstration + 1}"


TEXT = "the query's text"
MADE = "with all else neutral nothing of the contextual prior is left"


@dataclass(frozen=True)
class Weight:
    """A factor of the lead as a line.

    `role`: "main" or "maybe" for the first cause, "also" or "unsure" for a further one, "part" for another, or "rest".

    The nats of all lines make up the lead. Confused classes have None: they are no factor of it.
    """

    role: str
    kind: CauseKind | None
    name: str
    nats: float | None
    note: str


def weights(found: Explanation) -> tuple[Weight, ...]:
    """Every factor of the lead with its share: the named causes first, then the others, then what is left."""
    parts = found.shares
    shown: list[Weight] = []
    main = "also"
    if found.causes and found.contest.gold != found.contest.answer:
        main = "main" if found.causes[0].confirmed else "maybe"
    for number, cause in enumerate(found.causes):
        run, role = cause.confirmed_by, main if number == 0 else "also" if cause.confirmed else "unsure"
        note = f"{_effect(run, found)}{together(cause, found)}"
        place = parts.place_of(cause.kind)
        if place is not None and run.change != parts.alone(place).change:  # another prior than the one that was divided
            note = f"{note}; {_effect(parts.alone(place), found)}"
        if is_made(cause, found):
            note = f"{note}; {MADE}"
        if cause.kind == "classes":
            note = f"no share of the lead: {cause.support}"
        shown.append(Weight(role, cause.kind, name_of(cause.kind, cause.demonstration), cause.nats, note))
    named = {cause.kind for cause in found.causes}
    for place, (factor, nats) in enumerate(zip(parts.factors, parts.nats, strict=True)):
        if factor.kind not in named:
            note = _effect(parts.alone(place), found)
            shown.append(Weight("part", factor.kind, name_of(factor.kind, factor.demonstration), nats, note))
    shown.append(Weight("rest", None, TEXT, parts.rest, "the lead with all of these neutral"))
    return tuple(shown)


def is_made(cause: Cause, found: Explanation) -> bool:
    """Whether a cause is a prior that the other factors make: content-free queries lean to the answer, but not with
    these neutral."""
    contextual = any(source.kind == "contextual" and source.lean > 0 for source in found.prior.sources)
    return cause.kind == "prior" and contextual and (cause.nats or 0.0) <= 0


def opposed_prior(found: Explanation) -> str:
    """That the prior's share has another sign than the prompt's lean, and what it is; empty where it has not."""
    place = found.shares.place_of("prior")
    if place is None:
        return ""
    lean, share = found.prior.sources[0].lean, found.shares.nats[place]
    if lean * share >= 0 or min(abs(lean), abs(share)) < LEAST_SHOWN:
        return ""
    answer, rival = found.pair if lean > 0 else found.pair[::-1]
    return (
        f"Where the query says nothing the prompt leans to {answer} over {rival} ({abs(lean):.1f} nats). With the "
        f"other factors neutral it leans to {rival}: this is the share of the label prior ({share:+.2f})."
    )


def together(cause: Cause, found: Explanation) -> str:
    """What turns the answer together with a cause that does not turn it alone."""
    place = found.shares.place_of(cause.kind)
    further = () if cause.confirmed_by.turned or place is None else found.shares.turning(place)
    changes = " and ".join(factor.change for factor in further)
    return f"; with {changes} too, the answer is {found.pair[1]}" if further else ""


def _effect(run: Counterfactual, found: Explanation) -> str:
    """What a change does by itself, or with the first cause's. With all others it may do less or more: its share."""
    joint = any(len(of) > 1 and one == run for of, one in found.shares.runs.items())
    how = f"{'together' if joint else 'alone'}, {run.change}"
    if run.turned:
        return f"{how}: the answer is {found.labels[found.contest.rival]}"
    third = f", the answer is {found.labels[run.answer]}" if run.answer != found.contest.answer else ""
    return f"{how}: lead {found.contest.lead:.2f} -> {run.lead:.2f}{third}"


def heavier(found: Explanation) -> str:
    """That another cause has a larger share than the first, and why it still comes later; empty where none has."""
    if not found.causes or not found.causes[0].confirmed or found.contest.gold == found.contest.answer:
        return ""
    first = found.causes[0]
    most = max(found.causes, key=lambda cause: cause.nats or 0.0)
    if first.nats is None or (most.nats or 0.0) <= first.nats:
        return ""
    why = ""
    if not most.supported:
        why = ", but no second test points to it"
    elif not most.weighs:
        why = ", but its change alone takes less than half of the lead"
    elif KINDS.index(first.kind) < KINDS.index(most.kind):
        why = "; named first is the smaller change, which a second test confirms too"
    name = name_of(most.kind, most.demonstration)
    return f"Another cause, {name}, has a larger share of the lead, {most.nats:.2f} nats{why}."


def legend(rows: Sequence[Weight]) -> str:
    """What the words and signs mean that these rows have; empty where they have none."""
    named = [row for row in rows if row.role in ("main", "maybe", "also", "unsure") and row.note.startswith("alone,")]
    alone = "bars add up to the sum; alone is one change by itself" if named else ""
    nats = [row.nats for row in rows if row.nats is not None]
    unsure = [row.role for row in rows if row.role in ("maybe", "unsure")]
    maybe = f"{'MAYBE' if 'maybe' in unsure else 'maybe'}: not all tests confirm it" if unsure else ""
    part = "part is not named as a cause" if any(row.role == "part" for row in rows) else ""
    against = "< works against the answer, the others changed too" if any(value < 0 for value in nats) else ""
    told = "; ".join(filter(None, (alone, maybe, part, against)))
    return f"{told}." if told else ""
