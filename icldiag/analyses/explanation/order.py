"""Evidence: position. The same demonstrations in other orders, and which classes come last and most often.

A seeded sample of orders is run. Where the rival is answered in most of them, this order is to blame. The prior of
content-free queries is read in each order as well: a prior that goes away with the order belongs to the order. Where
the answer's class comes last, it is also put first: a model may favour what it has read last (recency).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from icldiag.analyses.calibration import CONTENT_FREE
from icldiag.analyses.explanation.contest import Contest, Counterfactual, counterfactual, percentile
from icldiag.analyses.explanation.prior import lean
from icldiag.analyses.lab import Inquiry, Lab
from icldiag.analyses.orders import sample_orders
from icldiag.prompt.schema import Example

ORDERS = 8  # that are tried


@dataclass(frozen=True)
class OrderEvidence:
    """`orders` is empty for a single demonstration."""

    orders: tuple[tuple[int, ...], ...]  # each a permutation of the demonstrations
    runs: tuple[Counterfactual, ...]
    leans: tuple[float, ...]  # of the content-free prior in each order, in nats
    percentile: float | None  # of this order's lead among the sampled ones; 100 favours the answer most
    last: int  # class of the last demonstration
    first: tuple[int, ...] | None  # the order with the answer's demonstrations first; None unless they come last
    put_first: Counterfactual | None

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


def order_evidence(lab: Lab, contest: Contest, seed: int) -> Inquiry[OrderEvidence]:
    """Run a sample of other orders."""
    shown = lab.prompt.demonstrations
    orders = sample_orders(len(shown), seed)[:ORDERS]
    queries = [lab.prompt.queries[contest.query], *(Example(text, None) for text in CONTENT_FREE)]
    last = shown[-1].label
    assert last is not None
    first = _first(shown, contest.answer) if last == contest.answer else None
    asked = [lab.question(queries, order) for order in orders]
    if first is not None:
        asked.append(lab.question(queries[:1], first))
    answers = yield asked
    put_first = None
    if first is not None:
        put_first = counterfactual(contest, "the answer's demonstrations put first", answers[-1][0])
    runs, leans = [], []
    for order, scores in zip(orders, answers[: len(orders)], strict=True):
        name = "order " + " ".join(str(place + 1) for place in order)
        runs.append(counterfactual(contest, name, scores[0]))
        leans.append(lean(contest, scores[1:]))
    return OrderEvidence(
        orders,
        tuple(runs),
        tuple(leans),
        percentile(contest.lead, [run.lead for run in runs]),
        last,
        first,
        put_first,
    )


def _first(shown: Sequence[Example], label: int) -> tuple[int, ...] | None:
    """All demonstrations of a class before the others, else in their order; None where no other class is shown."""
    own = tuple(place for place, example in enumerate(shown) if example.label == label)
    rest = tuple(place for place, example in enumerate(shown) if example.label != label)
    return (*own, *rest) if rest else None
