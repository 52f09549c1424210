"""Evidence: position. The same demonstrations in other orders, and which classes come last and most often.

A seeded sample of orders is run. Where the rival is answered in most of them, this order is to blame. The prior of
content-free queries is read in each order as well: a prior that goes away with the order belongs to the order.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from icldiag.analyses.calibration import CONTENT_FREE
from icldiag.analyses.explanation.contest import Contest, Counterfactual, counterfactual, percentile
from icldiag.analyses.explanation.prior import lean
from icldiag.analyses.lab import Inquiry, Lab
from icldiag.analyses.orders import sample_orders
from icldiag.prompt.schema import Example


@dataclass(frozen=True)
class OrderEvidence:
    """`orders` is empty for a single demonstration."""

    orders: tuple[tuple[int, ...], ...]  # each a permutation of the demonstrations
    runs: tuple[Counterfactual, ...]
    leans: tuple[float, ...]  # of the content-free prior in each order, in nats
    percentile: float | None  # of this order's lead among the sampled ones; 100 favours the answer most
    last: int  # class of the last demonstration

    @property
    def turned(self) -> float | None:
        """Share of the sampled orders that answer the rival."""
        return float(np.mean([run.turned for run in self.runs])) if self.runs else None

    @property
    def typical(self) -> Counterfactual | None:
        """Of the orders that answer the rival, the one with the (lower) median lead; None where no order does."""
        turned = sorted((run for run in self.runs if run.turned), key=lambda run: run.lead)
        return turned[(len(turned) - 1) // 2] if turned else None

    @property
    def lean(self) -> float | None:
        """The median prior of the other orders."""
        return float(np.median(self.leans)) if self.leans else None


def order_evidence(lab: Lab, contest: Contest, seed: int) -> Inquiry[OrderEvidence]:
    """Run a sample of other orders."""
    shown = lab.prompt.demonstrations
    orders = sample_orders(len(shown), seed)
    queries = [lab.prompt.queries[contest.query], *(Example(text, None) for text in CONTENT_FREE)]
    runs, leans = [], []
    for order, scores in zip(orders, (yield [lab.question(queries, order) for order in orders]), strict=True):
        name = "order " + " ".join(str(place + 1) for place in order)
        runs.append(counterfactual(contest, name, scores[0]))
        leans.append(lean(contest, scores[1:]))
    last = shown[-1].label
    assert last is not None
    return OrderEvidence(
        orders,
        tuple(runs),
        tuple(leans),
        percentile(contest.lead, [run.lead for run in runs]),
        last,
    )
