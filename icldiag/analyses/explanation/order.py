"""Evidence: position. The same demonstrations in other orders, and what it is about this order that counts.

A seeded sample of orders is run. Where most of them cost the answer its lead, this order is to blame. The prior of
content-free queries is read in each order as well: a prior that goes away with the order belongs to the order.

Where this order ends with the answer's class, orders that end so too are run besides. They divide what the order does:

    lead here - mean lead elsewhere  =  (lead here - mean lead of this end)  +  (mean lead of this end - mean elsewhere)

"Elsewhere" are the sampled orders that end with another class. Where the second part, what the end does (recency, Zhao
et al. 2021, arXiv 2102.09690), is the larger one, the end is to blame, otherwise the order as it is.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from icldiag.analyses.calibration import content_free
from icldiag.analyses.explanation.contest import Contest, Counterfactual, counterfactual, percentile
from icldiag.analyses.explanation.prior import lean
from icldiag.analyses.lab import Inquiry, Lab
from icldiag.analyses.orders import sample_orders

ORDERS = 8  # that are tried
ENDINGS = 4  # that end as this one does
_TRIES = 50


@dataclass(frozen=True)
class OrderEvidence:
    """`orders` is empty for a single demonstration."""

    orders: tuple[tuple[int, ...], ...]  # each a permutation of the demonstrations
    runs: tuple[Counterfactual, ...]
    leans: tuple[float, ...]  # of the content-free prior in each order, in nats
    lasts: tuple[int, ...]  # class that comes last in each
    percentile: float | None  # of this order's lead among the sampled ones; 100 favours the answer most
    last: int  # class of the last demonstration
    ending: tuple[Counterfactual, ...]  # other orders that end with as many of the answer's; empty unless this one does

    @property
    def turned(self) -> float | None:
        """Share of the sampled orders that answer the rival."""
        return float(np.mean([run.turned for run in self.runs])) if self.runs else None

    @property
    def typical(self) -> Counterfactual | None:
        """The sampled order with the (lower) median lead; None where there is no other order."""
        return self.runs[self.median] if self.runs else None

    @property
    def median(self) -> int:
        """Place of the typical order."""
        return sorted(range(len(self.runs)), key=lambda place: self.runs[place].lead)[(len(self.runs) - 1) // 2]

    @property
    def lean(self) -> float | None:
        """The median prior of the other orders."""
        return float(np.median(self.leans)) if self.leans else None

    def elsewhere(self, label: int) -> tuple[Counterfactual, ...]:
        """The sampled orders that end with another class than this."""
        return tuple(run for run, last in zip(self.runs, self.lasts, strict=True) if last != label)

    def end_counts(self, contest: Contest) -> bool:
        """Whether more of what this order does is done by its end than by all else; see the module."""
        elsewhere = self.elsewhere(contest.answer)
        if self.last != contest.answer or not elsewhere:
            return False
        here = float(np.mean([run.lead for run in self.ending])) if self.ending else contest.lead
        return here - float(np.mean([run.lead for run in elsewhere])) > max(0.0, contest.lead - here)


def order_evidence(lab: Lab, contest: Contest, seed: int) -> Inquiry[OrderEvidence]:
    """Run a sample of other orders, and of orders that end as this one does."""
    labels = [example.label for example in lab.prompt.demonstrations]
    orders = sample_orders(len(labels), seed)[:ORDERS]
    query = lab.prompt.queries[contest.query]
    ends = _same_end(labels, contest.answer, seed)
    free = content_free(lab.prompt)
    asked = [lab.question([query, *free], order) for order in orders]
    answers = yield [*asked, *(lab.question([query], order) for order in ends)]
    runs, leans = [], []
    for order, scores in zip(orders, answers[: len(orders)], strict=True):
        runs.append(counterfactual(contest, _name(order), scores[0]))
        leans.append(lean(contest, scores[1:]))
    ending = [
        counterfactual(contest, _name(order), scores[0])
        for order, scores in zip(ends, answers[len(orders) :], strict=True)
    ]
    last, lasts = labels[-1], [labels[order[-1]] for order in orders]
    assert last is not None  # the schema asks for it
    return OrderEvidence(
        orders=orders,
        runs=tuple(runs),
        leans=tuple(leans),
        lasts=tuple(label for label in lasts if label is not None),
        percentile=percentile(contest.lead, [run.lead for run in runs]),
        last=last,
        ending=tuple(ending),
    )


def _name(order: Sequence[int]) -> str:
    return "order " + " ".join(str(place + 1) for place in order)


def _same_end(labels: Sequence[int | None], answer: int, seed: int) -> tuple[tuple[int, ...], ...]:
    """Up to `ENDINGS` other orders that end with at least as many demonstrations of the answer as this one does."""
    own = tuple(range(len(labels)))
    length = next((place for place, label in enumerate(reversed(labels)) if label != answer), 0)
    generator = random.Random(seed)
    found: dict[tuple[int, ...], None] = {}
    mates = [place for place in own if labels[place] == answer]
    for _ in range(_TRIES if length else 0):  # where there are few such orders, all are met soon
        end = generator.sample(mates, length)
        rest = [place for place in own if place not in end]
        order = (*generator.sample(rest, len(rest)), *end)
        if order != own:
            found.setdefault(order)
        if len(found) == ENDINGS:
            break
    return tuple(found)
