"""Which factors a lead is divided among.

What the prompt itself shows (label words of another form, scores of unequal words, a query written otherwise) is always
a factor, and so is the content-free prior. Of the others those are that took a tenth of the lead or more when they
were neutralised one by one, or hidden: what alone adds to the lead is not what it comes from. A demonstration
whose label is likelier wrong is one too: hidden it may take little, and much with its proper label. The strongest come
first, and last a demonstration that is taken out.
"""

from __future__ import annotations

from collections.abc import Iterator

from icldiag.analyses.contest import Contest
from icldiag.analyses.explanation.aggregation import AggregationEvidence, doubling
from icldiag.analyses.explanation.classes import ClassesEvidence
from icldiag.analyses.explanation.demonstrations import DemonstrationEffect
from icldiag.analyses.explanation.factors import CauseKind, Factor, demonstration_factor, neutralised
from icldiag.analyses.explanation.order import OrderEvidence
from icldiag.analyses.explanation.others import Others
from icldiag.analyses.explanation.prior import PriorEvidence
from icldiag.analyses.explanation.relabelled import Relabelling, suspect_of
from icldiag.analyses.explanation.shares import MOST_FACTORS, MOST_IN_ALL
from icldiag.analyses.explanation.wording import name_factor, scoring_factor, template_factor, word_factor
from icldiag.analyses.lab import Lab

_LEAST = 0.1  # of the lead that a factor must move
PRIOR = Factor("prior", "contextual prior divided out", divided=True)


def candidates(
    lab: Lab,
    contest: Contest,
    effects: tuple[DemonstrationEffect, ...],
    relabelled: tuple[Relabelling, ...],
    order: OrderEvidence,
    prior: PriorEvidence,
    classes: ClassesEvidence,
    aggregation: AggregationEvidence,
    scoring: float | None,
    named: float | None,
    others: Others,
) -> tuple[Factor, ...]:
    """Up to `MOST_FACTORS` factors, or `MOST_IN_ALL`: what the prompt itself shows takes the place of no other.

    Args:
        scoring: the lead where label words are scored otherwise (`wording.scoring_lead`).
        named: the lead with label words from the labels' names (`wording.name_lead`).
        others: other queries, which are asked with each factor neutral.
    """
    least = _LEAST * contest.lead
    scored = scoring_factor(lab, contest) if scoring is not None and contest.lead - scoring >= least > 0 else None
    names = name_factor(lab, contest) if named is not None and contest.lead - named >= least > 0 else None
    written = (scored, template_factor(lab), word_factor(lab, contest), names)
    sure = [factor for factor in (*written, PRIOR) if factor is not None]
    hidden = len(sure) > 1  # behind it another cause may move nothing by itself, and much with it mended
    moved = [
        (contest.lead - lead, factor)
        for lead, factor in _moving(lab, contest, effects, relabelled, order, prior, classes, aggregation)
        if hidden or contest.lead - lead >= least > 0 or (factor.relabelled is not None and not classes.confused)
    ]
    moved.sort(key=lambda found: (found[1].stage, bool(found[1].without), -found[0]))  # reads well: hardly to blame
    most = MOST_FACTORS if len(sure) == 1 else MOST_IN_ALL
    return _askable(lab, contest, (*(factor for _, factor in moved[: most - len(sure)]), *sure), others)


def _askable(lab: Lab, contest: Contest, factors: tuple[Factor, ...], others: Others) -> tuple[Factor, ...]:
    """These factors, without the last of those that make the prompt longer, while it is longer than the window then."""
    queries = [*(lab.prompt.queries[place] for place in (contest.query, *others.queries)), *lab.content_free]
    longer = [one for one in factors if one.words or one.scoring or one.own_template or one.relabelled is not None]
    out: list[Factor] = []
    while longer and not lab.can_ask(neutralised(lab, contest, longer, queries)):
        out.append(longer.pop())
    return tuple(factor for factor in factors if factor not in out)


def _moving(
    lab: Lab,
    contest: Contest,
    effects: tuple[DemonstrationEffect, ...],
    relabelled: tuple[Relabelling, ...],
    order: OrderEvidence,
    prior: PriorEvidence,
    classes: ClassesEvidence,
    aggregation: AggregationEvidence,
) -> Iterator[tuple[float, Factor]]:
    """What was changed or, of a demonstration, hidden, and the lead that it left."""
    suspect = suspect_of(contest, effects, relabelled, classes.confused)
    if suspect is not None:
        wrong = classes.confused or suspect.mislabelled
        yield contest.lead + suspect.change, demonstration_factor(lab, contest, suspect.index, wrong)
    ends = order.end_counts(contest)
    typical = order.typical(order.elsewhere(contest.answer) if ends else None)
    if typical is not None:
        kind: CauseKind = "recency" if ends else "order"
        yield order.runs[typical].lead, Factor(kind, order.runs[typical].change, order=order.orders[typical])
    if prior.draws:
        balanced = prior.balanced[prior.median]
        yield balanced.lead, Factor("majority", balanced.change, ranking=prior.draws[prior.median])
    doubled = doubling(lab, contest)
    if doubled is not None and aggregation.doubled is not None:
        yield aggregation.doubled.lead, doubled
