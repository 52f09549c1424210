"""Evidence: position. The same demonstrations in other orders, and what it is about this order that counts.

A seeded sample of orders is run. Where most of them cost the answer its lead, this order is to blame. The prior of
content-free queries is read in each order as well: a prior that goes away with the order belongs to the order.

Where this order ends with the answer's class, half of the sample end so too, and half with another class. They divide
what the order does:

    lead here - mean lead elsewhere  =  (lead here - mean lead of this end)  +  (mean lead of this end - mean elsewhere)

"Elsewhere" are the orders that end with another class. Where the second part, what the end does (recency, Zhao et al.
2021, arXiv 2102.09690), is the larger one, of this lead or of the content-free lean, the end is to blame, otherwise the
order as it is. A lean that stays wherever the classes stand is none of the order's: it is the prior (`lean`).
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from icldiag.analyses.contest import Contest, Counterfactual, counterfactual, percentile
from icldiag.analyses.explanation.prior import lean
from icldiag.analyses.lab import Inquiry, Lab
from icldiag.analyses.orders import sample_orders

ORDERS = 8  # that are tried
_TRIES = 50

Order = tuple[int, ...]


@dataclass(frozen=True)
class OrderEvidence:
    """`orders` is empty for a single demonstration, and without any."""

    orders: tuple[Order, ...]  # each a permutation of the demonstrations
    runs: tuple[Counterfactual, ...]
    leans: tuple[float, ...]  # of the content-free prior in each order, in nats
    own_lean: float  # and in this one
    lasts: tuple[int, ...]  # class that comes last in each
    alike: tuple[bool, ...]  # which end with as many of the answer's as this one does; none where it does not end so
    percentile: float | None  # of this order's lead among the sampled ones; 100 favours the answer most
    last: int | None  # class of the last demonstration, if there is one

    @property
    def turned(self) -> float | None:
        """Share of the sampled orders that answer the rival."""
        return float(np.mean([run.turned for run in self.runs])) if self.runs else None

    @property
    def ending(self) -> tuple[Counterfactual, ...]:
        """Orders that end as this one does, with the answer's class."""
        return tuple(run for run, alike in zip(self.runs, self.alike, strict=True) if alike)

    def elsewhere(self, label: int) -> tuple[int, ...]:
        """Places of the orders that end with another class than this."""
        return tuple(place for place, last in enumerate(self.lasts) if last != label)

    def typical(self, places: Sequence[int] | None = None) -> int | None:
        """Place of the order with the (lower) median lead, of all or of some; None where there is none."""
        ordered = sorted(range(len(self.runs)) if places is None else places, key=lambda place: self.runs[place].lead)
        return ordered[(len(ordered) - 1) // 2] if ordered else None

    def lean(self, label: int) -> float | None:
        """The median prior of the orders that end with another class than this, if any do; else of all.

        Without demonstrations it is the prompt's own: no order has a part in it.
        """
        if self.last is None:
            return self.own_lean
        leans = [self.leans[place] for place in self.elsewhere(label)] or self.leans
        return float(np.median(leans)) if leans else None

    def end_counts(self, contest: Contest) -> bool:
        """Whether more of what this order does is done by its end than by all else; see the module."""
        leads = [run.lead for run in self.runs]
        return self.last == contest.answer and any(
            self._end_does_more(here, of) for here, of in ((contest.lead, leads), (self.own_lean, self.leans))
        )

    def _end_does_more(self, here: float, of: Sequence[float]) -> bool:
        elsewhere = [] if self.last is None else [of[place] for place in self.elsewhere(self.last)]
        ending = [value for value, alike in zip(of, self.alike, strict=True) if alike]
        mean = float(np.mean(ending)) if ending else here
        return bool(elsewhere) and mean - float(np.mean(elsewhere)) > max(0.0, here - mean)


def order_evidence(lab: Lab, contest: Contest, seed: int) -> Inquiry[OrderEvidence]:
    """Run a sample of other orders; where this one ends with the answer, half of them end so too."""
    labels = [example.label for example in lab.prompt.demonstrations]
    ends = _same_end(labels, contest.answer, seed)
    others = sample_orders(len(labels), seed)
    if ends:  # what ends with fewer of the answer's is neither
        others = tuple(order for order in others if labels[order[-1]] != contest.answer)
    orders = (*ends, *others)[:ORDERS]
    free = lab.content_free
    queries = [lab.prompt.queries[contest.query], *free]
    own, *answers = yield [lab.question(free), *(lab.question(queries, order) for order in orders)]
    runs = tuple(
        counterfactual(contest, f"{order_name(order)} as numbered now", scores[0])
        for order, scores in zip(orders, answers, strict=True)
    )
    lasts = [labels[order[-1]] for order in orders]
    return OrderEvidence(
        orders=orders,
        runs=runs,
        leans=tuple(lean(contest, scores[1:]) for scores in answers),
        own_lean=lean(contest, own),
        lasts=tuple(label for label in lasts if label is not None),
        alike=tuple(order in ends for order in orders),
        percentile=percentile(contest.lead, [run.lead for run in runs]),
        last=labels[-1] if labels else None,
    )


def order_name(order: Sequence[int]) -> str:
    """By the numbers that the demonstrations have in the prompt; after it is applied they are numbered anew."""
    return "order " + " ".join(str(place + 1) for place in order)


def _same_end(labels: Sequence[int | None], answer: int, seed: int) -> tuple[Order, ...]:
    """Other orders that end with at least as many demonstrations of the answer as this one does, half of `ORDERS`."""
    own = tuple(range(len(labels)))
    length = next((place for place, label in enumerate(reversed(labels)) if label != answer), 0)
    generator = random.Random(seed)
    found: dict[Order, None] = {}
    mates = [place for place in own if labels[place] == answer]
    for _ in range(_TRIES if length else 0):  # where there are few such orders, all are met soon
        end = generator.sample(mates, length)
        rest = [place for place in own if place not in end]
        order = (*generator.sample(rest, len(rest)), *end)
        if order != own:
            found.setdefault(order)
        if len(found) == ORDERS // 2:
            break
    return tuple(found)
