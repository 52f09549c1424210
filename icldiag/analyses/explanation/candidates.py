"""Which factors a lead is divided among, and what neutralising each of them does to the other queries.

What the prompt itself shows (label words of another form, scores of unequal words, a query written otherwise) is always
a factor, and so is the content-free prior. Of the others those are that moved the lead by a tenth or more when they
were neutralised one by one, the strongest first.
"""

from __future__ import annotations

from collections.abc import Iterator

from icldiag.analyses.calibration import content_free
from icldiag.analyses.explanation.aggregation import AggregationEvidence, doubling
from icldiag.analyses.explanation.contest import Contest
from icldiag.analyses.explanation.demonstrations import DemonstrationEffect, Readings, misreading, suspect_of
from icldiag.analyses.explanation.factors import CauseKind, Factor, neutralised, read, read_off
from icldiag.analyses.explanation.order import OrderEvidence
from icldiag.analyses.explanation.others import Check, Others, check
from icldiag.analyses.explanation.prior import PriorEvidence
from icldiag.analyses.explanation.shares import MOST_FACTORS
from icldiag.analyses.explanation.wording import scoring_factor, template_factor, word_factor
from icldiag.analyses.lab import Inquiry, Lab

_LEAST = 0.1  # of the lead that a factor must move
PRIOR = Factor("prior", "contextual prior divided out", divided=True)


def candidates(
    lab: Lab,
    contest: Contest,
    effects: tuple[DemonstrationEffect, ...],
    readings: Readings,
    order: OrderEvidence,
    prior: PriorEvidence,
    aggregation: AggregationEvidence,
) -> tuple[Factor, ...]:
    """Up to `MOST_FACTORS` factors."""
    written = [scoring_factor(lab, contest), template_factor(lab), word_factor(lab, contest), PRIOR]
    sure = [factor for factor in written if factor is not None]
    moved = [
        (abs(contest.lead - lead), factor)
        for lead, factor in _moving(lab, contest, effects, readings, order, prior, aggregation)
        if abs(contest.lead - lead) >= _LEAST * contest.lead
    ]
    moved.sort(key=lambda found: -found[0])
    return (*(factor for _, factor in moved[: MOST_FACTORS - len(sure)]), *sure)


def _moving(
    lab: Lab,
    contest: Contest,
    effects: tuple[DemonstrationEffect, ...],
    readings: Readings,
    order: OrderEvidence,
    prior: PriorEvidence,
    aggregation: AggregationEvidence,
) -> Iterator[tuple[float, Factor]]:
    """Changes that were run one by one, and the lead that each left."""
    suspect = suspect_of(contest, effects, readings)
    if suspect is not None:
        yield from demonstration_factor(contest, readings, suspect)
    if order.typical is not None:
        kind: CauseKind = "recency" if order.end_counts(contest) else "order"
        yield order.typical.lead, Factor(kind, order.typical.change, order=order.orders[order.median])
    counts = prior.counts
    if prior.draws and counts[contest.answer] > counts[contest.rival]:
        balanced, ranking = prior.balanced[prior.median], prior.draws[prior.median]
        if suspect is not None and (misreading(contest, readings, suspect) or 0.0) > 0:  # a factor of its own
            ranking = (suspect.index, *(place for place in ranking if place != suspect.index))
        yield balanced.lead, Factor("majority", balanced.change, ranking=ranking)
    doubled = doubling(lab, contest)
    if doubled is not None and aggregation.doubled is not None:
        yield aggregation.doubled.lead, doubled


def demonstration_factor(
    contest: Contest, readings: Readings, suspect: DemonstrationEffect
) -> Iterator[tuple[float, Factor]]:
    """One that is misread gets the rival's label, another one is taken out; with the lead that this leaves."""
    place = suspect.index
    if (misreading(contest, readings, suspect) or 0.0) > 0 and suspect.relabelled is not None:
        change = suspect.relabelled
        yield change.lead, Factor("demonstration", change.change, relabelled=place, demonstration=place)
    elif suspect.removed is not None:
        change = suspect.removed
        yield change.lead, Factor("demonstration", change.change, without=(place,), demonstration=place)


def checks(
    lab: Lab, contest: Contest, factors: tuple[Factor, ...], others: Others
) -> Inquiry[tuple[Check | None, ...]]:
    """What each factor, neutral alone, does to the other queries."""
    if not others.both:
        return (None,) * len(factors)
    queries = [lab.prompt.queries[place] for place in others.queries]
    answers = iter(
        (
            yield [
                neutralised(lab, contest, [factor], content_free(lab.prompt) if factor.divided else queries)
                for factor in factors
                if factor.scoring is None or not read_off(lab)
            ]
        )
    )
    found = []
    for factor in factors:
        rows = others.scores if factor.scoring is not None and read_off(lab) else next(answers)
        scores = read(lab, [factor], others.scores, rows) if factor.divided else read(lab, [factor], rows)
        found.append(check(others, scores))
    return tuple(found)
