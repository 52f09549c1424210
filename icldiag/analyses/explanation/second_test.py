"""The second test of a cause: it looks at something else than this query, at the prompt itself or at other queries."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from icldiag.analyses.contest import HALF, Counterfactual
from icldiag.analyses.estimates import times
from icldiag.analyses.explanation.classes import CONFUSED
from icldiag.analyses.explanation.evidence import Evidence, most_weigh
from icldiag.analyses.explanation.factors import Factor
from icldiag.analyses.explanation.others import Check
from icldiag.analyses.explanation.relabelled import SURE, evened

ODDS = "odds of a wrong label, if every second prompt has one, are"


def second_test(factor: Factor, evidence: Evidence, checked: Check | None, names: tuple[str, ...]) -> tuple[bool, str]:
    """The second test of a factor, and what it found."""
    contest = evidence.contest
    answer, rival = names[contest.answer], names[contest.rival]
    if factor.kind == "scoring":
        if evidence.overlap:
            return True, f"the word of {rival} begins with the word of {answer}, so it can never score higher"
        return checked is not None and checked.helps, "the lead depends on how label words are scored"
    if factor.kind == "template":
        return True, "the queries are not written like the demonstrations"
    if factor.kind == "word":
        return True, "the label words are written in different forms"
    if factor.kind == "name":
        alone = "" if checked is not None else "no other labelled queries of both classes to try it on"
        return checked is not None and checked.helps, alone
    if factor.kind == "demonstration":
        return _wrong_label(factor, evidence, checked, answer, rival)
    if factor.kind == "majority":
        return most_shown(evidence, evidence.mislabelled), _of_counts(evidence, answer, rival)
    if factor.kind == "recency":
        elsewhere = tuple(evidence.order.runs[place] for place in evidence.order.elsewhere(contest.answer))
        support = _of_runs(evidence, elsewhere, "order that ends", "orders that end", "with another class", rival)
        return most_weigh(evidence, elsewhere), support
    if factor.kind == "order":
        support = _of_runs(evidence, evidence.order.runs, "other order", "other orders", "", rival)
        return evidence.other_orders, support
    if factor.kind == "prior":
        return _lasting(evidence, answer, rival)
    weak = evidence.aggregation.flow
    below = weak is not None and weak[contest.rival] < float(np.mean(list(weak.values())))
    return below, f"the flow into {rival} is {'below' if below else 'not below'} the mean of the classes"


def _wrong_label(
    factor: Factor, evidence: Evidence, checked: Check | None, answer: str, rival: str
) -> tuple[bool, str]:
    """Whether a demonstration's label is likelier wrong than right, and what says so.

    Where classes are confused texts are hardly read, and a wrong label is why only if with the other one the scores
    separate them; but for counts that one wrong label explains.
    """
    effect = next(effect for effect in evidence.demonstrations if effect.index == factor.demonstration)
    if effect.odds is None:
        return False, "nothing is known of its label"
    told, even = [], evened(evidence.prior.counts, evidence.contest)
    if (effect.likelihood or 0.0) > 0:
        told.append(f"its text reads more like those of {rival} than like the others of {answer}")
    if (effect.relabelled or 0.0) > 0:
        told.append(f"labelled {rival}, it makes the labels of other queries likelier")
    if even:
        told.append(f"labelled {rival}, it leaves as many demonstrations of each class")
    if not effect.mislabelled:
        return False, f"{ODDS} 1 to {times(-effect.odds)}"
    support = f"{ODDS} {times(effect.odds)} to 1: {'; '.join(told)}"
    if evidence.classes.confused and not even:
        sure = effect.odds > SURE and checked is not None and checked.auc >= CONFUSED
        if not (checked is not None and checked.helps and (sure or separates(evidence, checked))):
            return False, f"{support}; but with that label too the scores do not separate the two classes"
    return True, support


def most_shown(evidence: Evidence, wrong: int = 0) -> bool:
    """Whether the answer's class is shown more often than any other, and balance or its share is half of the lead.

    Args:
        wrong: demonstrations of the answer's class that are the rival's in truth.
    """
    counts, contest = list(evidence.prior.counts), evidence.contest
    counts[contest.answer] -= wrong
    counts[contest.rival] += wrong
    most = max(count for label, count in enumerate(counts) if label != contest.answer)
    parts = evidence.shares
    places = [place for place, factor in enumerate(parts.factors) if factor.kind == "majority"]
    if places:
        weighs = any(evidence.weighs(parts.alone(place)) or evidence.carries(place) for place in places)
    else:
        weighs = most_weigh(evidence, evidence.prior.balanced)
    return counts[contest.answer] > most and weighs


def _of_counts(evidence: Evidence, answer: str, rival: str) -> str:
    counts, contest = evidence.prior.counts, evidence.contest
    draws = _of_runs(evidence, evidence.prior.balanced, "draw", "draws", "with as many of each class", rival)
    return f"{counts[contest.answer]} demonstrations of {answer}, {counts[contest.rival]} of {rival}; {draws}"


def _of_runs(evidence: Evidence, runs: Sequence[Counterfactual], one: str, many: str, which: str, rival: str) -> str:
    """How many of these changes answer the rival; where fewer than half do, how many at least take half of the lead."""
    turned, weighing = sum(run.turned for run in runs), sum(map(evidence.weighs, runs))
    does = f"answer{'s' if len(runs) == 1 else ''} {rival}"
    count = turned
    if turned < HALF * len(runs) and weighing > turned:
        count, does = weighing, f"take{'s' if len(runs) == 1 else ''} half of its lead or more"
    names = f"the only {one}" if len(runs) == count == 1 else f"{count} of {len(runs)} {many}"
    return " ".join(filter(None, (names, which, does)))


def _lasting(evidence: Evidence, answer: str, rival: str) -> tuple[bool, str]:
    sources, elsewhere = evidence.prior.sources, evidence.order.lean(evidence.contest.answer)
    leaning = sum(source.lean > 0 for source in sources)
    lasting = elsewhere is not None and elsewhere > 0
    support = f"{leaning} of {len(sources)} measurements of the prior favour {answer} over {rival}"
    if evidence.order.runs:
        support += f", and content-free queries do {'so' if lasting else 'not'} in other orders"
    favourite = evidence.favourite
    if favourite is not None and favourite.undone is not None and favourite.undone.mends:
        support += f"; the {favourite.undone.kind} prior of other queries, divided out, fixes this answer"
        return True, support
    return 2 * leaning > len(sources) and lasting, support


def of_others(checked: Check, how: str) -> str:
    gain = f"{'gain' if checked.gain >= 0 else 'lose'} {abs(checked.gain):.2f} nats of log p(gold)"
    return f"{checked.queries} other queries of the two classes {gain} {how} on average"


def separates(evidence: Evidence, checked: Check | None) -> bool:
    """Whether the other queries of two classes that are confused are told apart under a change."""
    return checked is not None and evidence.classes.separated_by(checked.auc)
