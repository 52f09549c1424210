"""Which causes are named, and in which order. The rule is written down in docs/explanation.md.

A cause is named if a change that was run, and that takes only this cause away, turns the answer or takes half of its
lead, or if its share of the lead is half. What takes away from the lead, its share not being positive, is not called
its cause, but for what can be read off the prompt. Among those that are named, one that weighs by its own change and
that a second test supports comes before one that does not. That test looks at something else than this query: at the
prompt itself, or at what the change does to other queries. Then the smaller change to the prompt comes before the
larger. Last, a second cause may be hidden by the first (`_beside`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import get_args

from icldiag.analyses.contest import HALF, Counterfactual
from icldiag.analyses.explanation.evidence import Evidence
from icldiag.analyses.explanation.factors import CauseKind
from icldiag.analyses.explanation.second_test import most_shown, of_others, second_test, separates

KINDS: tuple[CauseKind, ...] = get_args(CauseKind)
STRUCTURAL = ("scoring", "template", "word")  # can be read off the prompt
OF_PROMPT: tuple[CauseKind, ...] = ("majority", "recency", "order", "prior")  # of no single demonstration


@dataclass(frozen=True)
class Cause:
    """A cause that is named. `demonstration` is the one that is meant, if it is one."""

    kind: CauseKind
    confirmed_by: Counterfactual
    nats: float | None  # its share of the lead; None of confused classes, which are no factor of it
    supported: bool  # a second test agrees
    support: str  # what that test found, in words
    demonstration: int | None = None
    weighs: bool = True  # its change turns the answer or takes half of the lead; else it is named for its share alone

    @property
    def confirmed(self) -> bool:
        """Whether its own change and the second test agree."""
        return self.weighs and self.supported


def rank_causes(evidence: Evidence, names: tuple[str, ...]) -> tuple[Cause, ...]:
    """The confirmed causes, the most likely first; empty where nothing was confirmed."""
    causes = [cause for place in range(len(evidence.shares.factors)) for cause in _of_factor(place, evidence, names)]
    causes += _classes(evidence, names)
    if evidence.contest.gold == evidence.contest.answer:  # nothing is wrong: what would turn it is all there is to say
        return _ranked([cause for cause in causes if cause.confirmed_by.turned], evidence)
    if not any(cause.weighs for cause in causes):
        causes += _lean(evidence, names)
    ranked = _ranked(causes, evidence)
    return (*ranked[:1], *_ranked([*ranked[1:], *_beside(ranked, evidence, names)], evidence))


def _ranked(causes: Sequence[Cause], evidence: Evidence) -> tuple[Cause, ...]:
    """Confirmed ones by the size of the change, smallest first; the others by their nats.

    Before confused classes comes a class that is shown too often, if with as many of each the answer turns: what is
    read under so many of one class says little of how the classes are told apart. Before a demonstration that may be
    wrong come a class that is shown too often also without it, and, where its other label does not turn the answer,
    what of the prompt as a whole does: its classes' number or order, or the prior if that mends other queries. So it
    does before words that are unlike the names.
    """
    kinds = list(KINDS)
    turned = {cause.kind: cause.confirmed_by.turned for cause in causes if cause.supported}
    mends = evidence.favourite is not None and evidence.favourite.undone is not None and evidence.favourite.undone.mends
    whole = [kind for kind in OF_PROMPT if turned.get(kind) and (kind != "prior" or mends)]
    if turned.get("majority") and "classes" in turned:
        _later(kinds, "classes", ["majority"])
    if "majority" in turned and most_shown(evidence, wrong=1):
        _later(kinds, "demonstration", ["majority"])
    elif whole and not turned.get("demonstration", True):
        _later(kinds, "demonstration", whole)
    if whole and not turned.get("name", True):
        _later(kinds, "name", whole)

    def place(cause: Cause) -> tuple[bool, float]:
        return not cause.confirmed, kinds.index(cause.kind) if cause.confirmed else -(cause.nats or 0.0)

    return tuple(sorted(causes, key=place))


def _later(kinds: list[CauseKind], kind: CauseKind, than: Sequence[CauseKind]) -> None:
    """Put a kind right after the last of others."""
    kinds.remove(kind)
    kinds.insert(max(map(kinds.index, than)) + 1, kind)


def _beside(ranked: Sequence[Cause], evidence: Evidence, names: tuple[str, ...]) -> Iterator[Cause]:
    """What else is to blame, besides the first cause.

    What can be read off the prompt and weighs alone, though with the other factors neutral it speaks for the rival. And
    where the first cause's change does not turn the answer, what then turns it, or takes half of the lead left.
    """
    parts = evidence.shares
    places = {(factor.kind, factor.demonstration): place for place, factor in enumerate(parts.factors)}
    named = [places.get((cause.kind, cause.demonstration)) for cause in ranked]
    first = named[0] if named else None
    left = None if first is None or parts.alone(first).turned else parts.alone(first).lead
    for place, factor in enumerate(parts.factors):
        if place in named:
            continue
        if factor.kind in STRUCTURAL and evidence.weighs(parts.alone(place)):
            yield _cause(place, parts.alone(place), evidence, names)
        elif first is not None and left is not None and parts.nats[place] > 0:
            run = parts.runs.get(frozenset({first, place}))
            if run is not None and (run.turned or left - run.lead >= HALF * left > 0):
                yield _cause(place, run, evidence, names)


def _of_factor(place: int, evidence: Evidence, names: tuple[str, ...]) -> Iterator[Cause]:
    """A factor of the lead, if its change alone weighs, or its share is half of the lead."""
    factor, run = evidence.shares.factors[place], evidence.shares.alone(place)
    if factor.kind == "prior" and not run.turned:
        run = _divided(evidence, run)
    if evidence.shares.nats[place] <= 0 and not (evidence.is_mislabelled(factor) and evidence.weighs(run)):
        return  # with what comes before it neutral it speaks for the rival
    if not run.turned and run.lead > evidence.contest.lead:  # by itself it helps the answer: no cause of it
        return
    if evidence.weighs(run) or evidence.carries(place):
        yield _cause(place, run, evidence, names)


def _cause(place: int, run: Counterfactual, evidence: Evidence, names: tuple[str, ...]) -> Cause:
    """A factor as the cause that this change confirms, with its second test."""
    factor, checked = evidence.shares.factors[place], evidence.checks[place]
    supported, support = second_test(factor, evidence, checked, names)
    asked = factor.kind in ("name", "demonstration", *STRUCTURAL)  # whose second test is this one, or the prompt itself
    confuses = factor.kind == "majority" and run.turned  # so many of one class may be why the two are confused
    if supported and not (asked or confuses) and evidence.classes.confused and not separates(evidence, checked):
        supported, support = False, f"{support}, but it does not separate the two classes"
    told = [support] if support else []
    if checked is not None:
        own = f"with the {factor.change}" if factor.divided else f"with {factor.change} alone"
        told.append(of_others(checked, "by that change" if run is evidence.shares.alone(place) else own))
    nats, weighs = evidence.shares.nats[place], evidence.weighs(run)
    return Cause(factor.kind, run, nats, supported, "; ".join(told), factor.demonstration, weighs)


def _lean(evidence: Evidence, names: tuple[str, ...]) -> Iterator[Cause]:
    """The prior, where no one factor weighs: what they do together is a lean of the prompt, and that can be divided
    out, by the measurement that takes most. Its own share is what would be left of it without them."""
    place = evidence.shares.place_of("prior")
    if place is None:
        return
    runs = [evidence.shares.alone(place), *(source.divided for source in evidence.prior.sources)]
    cause = _cause(place, min(runs, key=lambda run: run.lead), evidence, names)
    if cause.confirmed:
        yield cause


def _divided(evidence: Evidence, run: Counterfactual) -> Counterfactual:
    """The measurement of the prior that turns the answer divided out; else, where the factor's own run takes nothing
    from the lead, the one that takes most: what favours a label in one order may not in the present one."""
    sources = [source.divided for source in evidence.prior.sources]
    turned = next((one for one in sources if one.turned), None)
    if turned is not None or run.lead < evidence.contest.lead:
        return turned or run
    return min([run, *sources], key=lambda one: one.lead)


def _classes(evidence: Evidence, names: tuple[str, ...]) -> Iterator[Cause]:
    """Two classes that the scores do not separate: what tips the answer between them is not what is wrong.

    Where two others are shown, taking the answer's class out must weigh. Where none can be taken out, no change may
    separate the two, and what is left of the lead with all else neutral is theirs.
    """
    found, parts = evidence.classes, evidence.shares
    if found.auc is None or not evidence.classes.confused:
        return
    run = found.removed or parts.runs[frozenset(range(len(parts.factors)))]
    checks = enumerate(evidence.checks)
    separating = [
        (checked.auc, parts.alone(place).change)
        for place, checked in checks
        if checked is not None and checked.helps and separates(evidence, checked)
    ]
    if separating if found.removed is None else not evidence.weighs(run):
        return
    support = f"the scores separate the two classes with AUC {found.auc:.2f}"
    if separating:
        support += ", but with AUC {:.2f} after a change: {}".format(*max(separating))
    yield Cause("classes", run, None, not separating, support)
