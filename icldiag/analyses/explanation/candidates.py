"""Which factors a lead is divided among, and what neutralising each of them does to the other queries.

What the prompt itself shows (label words of another form, scores of unequal words, a query written otherwise) is always
a factor, and so is the content-free prior. Of the others those are that moved the lead by a tenth or more when they
were neutralised one by one, the strongest first.
"""

from __future__ import annotations

from collections.abc import Iterator

from icldiag.analyses.explanation.aggregation import AggregationEvidence, doubling
from icldiag.analyses.explanation.contest import Contest
from icldiag.analyses.explanation.demonstrations import DemonstrationEffect, misreading, suspect_of
from icldiag.analyses.explanation.factors import FREE, Factor, neutralised, read
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
    order: OrderEvidence,
    prior: PriorEvidence,
    aggregation: AggregationEvidence,
) -> tuple[Factor, ...]:
    """Up to `MOST_FACTORS` factors."""
    written = [scoring_factor(lab, contest), template_factor(lab), word_factor(lab, contest), PRIOR]
    sure = [factor for factor in written if factor is not None]
    moved = [
        (abs(contest.lead - lead), factor)
        for lead, factor in _moving(lab, contest, effects, order, prior, aggregation)
        if abs(contest.lead - lead) >= _LEAST * contest.lead
    ]
    moved.sort(key=lambda found: -found[0])
    return (*(factor for _, factor in moved[: MOST_FACTORS - len(sure)]), *sure)


def _moving(
    lab: Lab,
    contest: Contest,
    effects: tuple[DemonstrationEffect, ...],
    order: OrderEvidence,
    prior: PriorEvidence,
    aggregation: AggregationEvidence,
) -> Iterator[tuple[float, Factor]]:
    """Changes that were run one by one, and the lead that each left."""
    suspect = suspect_of(contest, effects)
    if suspect is not None and suspect.removed is not None:
        yield suspect.removed.lead, demonstration_factor(lab, contest, effects, suspect)
    first = order.put_first
    if order.first is not None and first is not None and (order.typical is None or first.lead <= order.typical.lead):
        yield first.lead, Factor("recency", first.change, order=order.first)
    elif order.typical is not None:
        yield order.typical.lead, Factor("order", order.typical.change, order=order.orders[order.median])
    counts = prior.counts
    if prior.draws and counts[contest.answer] > counts[contest.rival]:
        kept = prior.draws[prior.median]
        out = tuple(place for place in range(len(effects)) if place not in kept)
        yield prior.balanced[prior.median].lead, Factor("majority", prior.balanced[prior.median].change, without=out)
    doubled = doubling(lab, contest)
    if doubled is not None and aggregation.doubled is not None:
        yield aggregation.doubled.lead, doubled


def demonstration_factor(
    lab: Lab, contest: Contest, effects: tuple[DemonstrationEffect, ...], suspect: DemonstrationEffect
) -> Factor:
    """One that is misread gets the rival's label, another one is taken out."""
    name = f"demonstration {suspect.index + 1}"
    if (misreading(contest, effects, suspect) or 0.0) > 0:
        change = f"{name} labelled {lab.prompt.label_names[contest.rival]}"
        return Factor("demonstration", change, relabelled=suspect.index, demonstration=suspect.index)
    return Factor("demonstration", f"{name} removed", without=(suspect.index,), demonstration=suspect.index)


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
                neutralised(lab, contest, [factor], FREE if factor.divided else queries)
                for factor in factors
                if not factor.per_token
            ]
        )
    )
    found = []
    for factor in factors:
        rows = others.scores if factor.per_token else next(answers)
        scores = read(lab, [factor], others.scores, rows) if factor.divided else read(lab, [factor], rows)
        found.append(check(others, scores))
    return tuple(found)
