"""What each demonstration is worth to each query: Shapley's division of what the demonstrations do to the lead.

Leaving one out (`analyses.overview.stability`, whose sample, leads and runs these are) says what a demonstration takes
or gives beside all the others; two that do the same then seem worth nothing. Shapley's value is the mean over all
orders of what a demonstration adds to those before it. With v(S) the lead of a query after the demonstrations S, in
the prompt's order,

    value(i) = mean over orders of  v(those before i, and i) - v(those before i)
    sum_i value(i) = v(all) - v(none)

Data Shapley (Ghorbani and Zou 2019, arXiv 1904.02868) for demonstrations. Of at most EXACT sets all are asked, and the
values are exact. Of more, orders are drawn, each with its reverse (Mitchell et al. 2022, arXiv 2104.12199), and the
standard error is that of the mean over the pairs. How far the mean over the queries is that of other queries is another
question: its interval (Student's t within the classes, as the sample is drawn) is over the queries. Where there are
many demonstrations those of a class count as one, as in the overview.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from math import factorial
from typing import ClassVar

import numpy as np

from icldiag.analyses.estimates import Estimate, mean_estimate
from icldiag.analyses.lab import Lab
from icldiag.analyses.measures import labelled
from icldiag.analyses.overview.compute import Perturb
from icldiag.analyses.overview.stability import QUERIES, Stability, leads, stability
from icldiag.analyses.prediction.compute import Predict
from icldiag.analyses.request import Each, Request, Workbench
from icldiag.analyses.result import AnalysisResult
from icldiag.arguments import Count, Seed
from icldiag.model.readout import FloatArray, Progress, step_of

EXACT = 64  # sets of demonstrations
PAIRS = 8  # of orders, where that is not all
NAMING = 4  # pairs of orders from which on a sentence names a demonstration
FIRST = 6  # queries of the first look

Places = frozenset[int]  # of the demonstrations, or of their classes, as `left_out` has them


@dataclass(frozen=True, repr=False)
class DemonstrationValues(AnalysisResult):
    """p demonstrations (or classes of them) and the m queries of the overview's sample."""

    labels: tuple[str, ...]
    stability: Stability  # what each takes when it is left out, the others there
    values: FloatArray  # (p, m) nats of the lead
    errors: FloatArray  # (p, m) standard error; 0 where the values are exact, NaN of one pair of orders
    mean_errors: FloatArray  # (p,) of the mean over the queries
    nothing: FloatArray  # (m,) the lead without any of them
    pairs: int  # of orders that were drawn; 0 where the values are exact
    asked: int  # sets of demonstrations

    @property
    def exact(self) -> bool:
        return not self.pairs

    @property
    def means(self) -> FloatArray:
        """(p,) over the queries."""
        return np.asarray(self.values.mean(axis=1))

    @property
    def estimates(self) -> tuple[Estimate, ...]:
        """(p,) the means, with their intervals over the queries."""
        return tuple(mean_estimate(row, self.stability.classes) for row in self.values)

    @property
    def early(self) -> bool:
        """Whether too few orders were drawn for a sentence to name demonstrations."""
        return not self.exact and self.pairs < NAMING

    @property
    def without(self) -> tuple[tuple[int, ...], ...]:
        """The demonstrations that each row stands for."""
        return tuple(run.without for run in self.stability.left_out)

    @property
    def accuracies(self) -> tuple[float | None, ...]:
        """(p,) without each; None where no gold label is known."""
        return tuple(self.stability.accuracy(run.predicted) for run in self.stability.left_out)

    @property
    def accuracy(self) -> float | None:
        """Of the sample with all demonstrations."""
        return self.stability.accuracy(self.stability.predicted)


@dataclass(frozen=True)
class ValueDemonstrations(Request[DemonstrationValues]):
    """Shapley values of the demonstrations; `each` is told them after every pair of orders.

    Where nothing is known yet it is told those of the sample's first queries, by one pair, before all others are asked.

    Args:
        queries: of the overview's sample; None for all.
        pairs: of orders, where not all sets are asked.
        seed: draws the sample and the orders.
    """

    queries: Count | None = QUERIES
    pairs: Count = PAIRS
    seed: Seed = 0
    job: ClassVar[str] = "demonstrations"
    of_demonstrations: ClassVar[bool] = True

    def resolved(self, bench: Workbench) -> ValueDemonstrations:
        return replace(self, queries=Perturb(self.queries, self.seed).resolved(bench).queries)

    def compute(self, bench: Workbench, progress: Progress, each: Each | None) -> DemonstrationValues:
        perturb = Perturb(self.queries, self.seed)
        if each is not None and bench.peek(perturb) is None and (first := self._first(bench, progress)) is not None:
            each(first)
        found = bench.ask(perturb, progress)
        # A lab of its own: values are the same to the bit, whatever else was asked before.
        game = Game(Lab(bench.model, bench.encoded, bench.prefix(progress), bench.beta), found)
        labels = bench.ask(Predict(), progress).labels
        count = len(found.left_out)
        sets = 2**count
        exact = sets <= EXACT
        total = sets if exact else 2 * self.pairs * max(count - 1, 0) + 2
        draws: list[FloatArray] = []
        generator = np.random.default_rng(self.seed)
        for _ in range(self.pairs if not exact else 1 if count > 2 else 0):
            draws.append(game.pair(generator.permutation(count).tolist(), progress, total))
            if each is not None:
                each(_values(labels, game, np.array(draws)))
        if not exact:
            return _values(labels, game, np.array(draws))
        game.ask(list(_all_sets(count)), progress, total)
        values = game.shapley()
        zero = np.zeros_like(values)
        return DemonstrationValues(
            labels, found, values, zero, zero.sum(axis=1), game.leads[Places()], 0, len(game.leads)
        )

    def _first(self, bench: Workbench, progress: Progress) -> DemonstrationValues | None:
        """Of a few queries and one pair of orders, in a lab of its own; None where that is all there is to ask."""
        prediction = bench.ask(Predict(), progress)
        if (len(labelled(prediction.gold)) or len(prediction)) <= FIRST or (self.queries or FIRST + 1) <= FIRST:
            return None
        lab = Lab(bench.model, bench.encoded, bench.prefix(progress), bench.beta)
        step = step_of(progress, "demonstrations: a first look", 0, 2)
        game = Game(lab, stability(lab, prediction, FIRST, self.seed, step, only_left_out=True))
        count = len(game.groups)
        if count < 3:  # what leaving one out has asked is nearly all
            return None
        step = step_of(progress, "demonstrations: a first look", 1, 2)
        order = np.random.default_rng(self.seed).permutation(count).tolist()
        return _values(prediction.labels, game, np.array([game.pair(order, step, 2)]))


def _values(labels: tuple[str, ...], game: Game, draws: FloatArray) -> DemonstrationValues:
    """From draws (pairs, p, m)."""
    pairs = len(draws)
    spread = draws.std(axis=0, ddof=1) if pairs > 1 else np.full(draws.shape[1:], np.nan)
    of_means = draws.mean(axis=2)  # (pairs, p)
    of_mean = of_means.std(axis=0, ddof=1) if pairs > 1 else np.full(draws.shape[1], np.nan)
    return DemonstrationValues(
        labels=labels,
        stability=game.stability,
        values=np.asarray(draws.mean(axis=0)),
        errors=spread / np.sqrt(pairs),
        mean_errors=of_mean / np.sqrt(pairs),
        nothing=game.leads[Places()],
        pairs=pairs,
        asked=len(game.leads),
    )


class Game:
    """Leads of the sample's queries after sets of demonstrations; what leaving one out has asked is known."""

    def __init__(self, lab: Lab, stability: Stability) -> None:
        self.lab, self.stability = lab, stability
        self.groups = [run.without for run in stability.left_out]
        self.texts = [lab.prompt.queries[query] for query in stability.queries]
        everything = Places(range(len(self.groups)))
        self.leads: dict[Places, FloatArray] = {everything: stability.leads(stability.scores)}
        for row, run in enumerate(stability.left_out):
            self.leads[everything - {row}] = stability.leads(run.scores)

    def ask(self, sets: Sequence[Places], progress: Progress, total: int) -> None:
        """The leads after these sets, in as few batches as pay."""
        new = [one for one in dict.fromkeys(sets) if one not in self.leads]
        known = len(self.leads)

        def told(what: str, done: int, of: int) -> None:
            progress("demonstrations: sets", min(known + len(new) * done // of, total), total)

        answers = self.lab.ask([self.lab.question(self.texts, self._places(one)) for one in new], told) if new else []
        for one, scores in zip(new, answers, strict=True):
            self.leads[one] = leads(scores, self.stability.scores, self.stability.gold)

    def pair(self, order: list[int], progress: Progress, total: int) -> FloatArray:
        """(p, m) what each adds in this order and in its reverse, mean; what is not known of it is asked."""
        orders = (order, order[::-1])
        self.ask([Places(one[:size]) for one in orders for size in range(len(order) + 1)], progress, total)
        return np.asarray(np.mean([self.added(one) for one in orders], axis=0))

    def _places(self, shown: Places) -> list[int]:
        """What is in no group, as of many classes, is always shown."""
        hidden = {place for row, group in enumerate(self.groups) if row not in shown for place in group}
        return [place for place in range(len(self.lab.prompt.demonstrations)) if place not in hidden]

    def added(self, order: Sequence[int]) -> FloatArray:
        """(p, m) what each adds to those before it."""
        found = np.zeros((len(self.groups), len(self.texts)))
        for size, row in enumerate(order):
            found[row] = self.leads[Places(order[: size + 1])] - self.leads[Places(order[:size])]
        return found

    def shapley(self) -> FloatArray:
        """(p, m) of all sets."""
        count = len(self.groups)
        found = np.zeros((count, len(self.texts)))
        for before in _all_sets(count):
            weight = (
                factorial(len(before)) * factorial(count - len(before) - 1) / factorial(count)
                if count > len(before)
                else 0
            )
            for row in set(range(count)) - before:
                found[row] += weight * (self.leads[before | {row}] - self.leads[before])
        return found


def _all_sets(count: int) -> Iterator[Places]:
    for size in range(count + 1):
        for chosen in combinations(range(count), size):
            yield Places(chosen)
