"""A lead, divided among the factors that it depends on, in nats: Shapley's division, exact.

Let v(S) be the lead where the factors S are as the prompt has them and the others neutral. A factor's share is the
mean, over all orders in which the factors can become neutral one after the other, of what the lead loses when its turn
comes (Shapley 1953). So shares and rest make up the lead:

    v(all)  =  sum of shares  +  v(none)

v(none) is what the text itself and the model leave. A share may be negative, or more than the lead: the factor then
works against others. Of n factors 2^n leads are asked, in one list.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations
from math import factorial

import numpy as np

from icldiag.analyses.calibration import content_free
from icldiag.analyses.explanation.contest import Contest, Counterfactual, counterfactual
from icldiag.analyses.explanation.factors import Factor, neutralised, read
from icldiag.analyses.lab import Inquiry, Lab

MOST_FACTORS = 4  # 2^3 changed prompts, since the prior is read off the same ones: cost doubles with each

Places = frozenset[int]


@dataclass(frozen=True)
class Shares:
    """`runs` holds what became of the answer for every set of neutral factors, by their places in `factors`."""

    factors: tuple[Factor, ...]
    nats: tuple[float, ...]  # the share of each
    rest: float  # the text itself: the lead with all of them neutral
    runs: Mapping[Places, Counterfactual]

    def alone(self, factor: int) -> Counterfactual:
        """What its change alone does."""
        return self.runs[frozenset({factor})]

    def turning(self, factor: int) -> tuple[Factor, ...]:
        """The fewest further factors that turn the answer if they are neutral too; empty where none do."""
        others = [place for place in range(len(self.factors)) if place != factor]
        for size in range(1, len(others) + 1):
            sets = [further for further in combinations(others, size) if self.runs[Places((factor, *further))].turned]
            if sets:
                best = min(sets, key=lambda further: self.runs[Places((factor, *further))].lead)
                return tuple(self.factors[place] for place in best)
        return ()


def shares(lab: Lab, contest: Contest, factors: tuple[Factor, ...]) -> Inquiry[Shares]:
    """Ask all sets of neutral factors, and divide the lead."""
    places = range(len(factors))
    sets = [Places(chosen) for size in range(len(factors) + 1) for chosen in combinations(places, size)]
    divides = next((place for place in places if factors[place].divided), None)
    asked = [of for of in sets if divides not in of]  # the prior is divided out of the same answers
    queries = [lab.prompt.queries[contest.query], *(content_free(lab.prompt) if divides is not None else ())]
    answers = yield [neutralised(lab, contest, [factors[place] for place in of], queries) for of in asked]
    rows = dict(zip(asked, answers, strict=True))
    runs = {}
    for of in sets:
        neutral = [factors[place] for place in sorted(of)]
        scores = rows[of - {divides}]
        name = " and ".join(factor.change for factor in neutral) or "nothing"
        runs[of] = counterfactual(contest, name, read(lab, neutral, scores[:1], scores[1:])[0])
    leads = {of: run.lead for of, run in runs.items()}
    return Shares(factors, tuple(shapley(leads, len(factors))), leads[Places(places)], runs)


def shapley(leads: Mapping[Places, float], factors: int) -> list[float]:
    """Each factor's share, of the leads by set of neutral factors."""
    found = []
    for factor in range(factors):
        others = [place for place in range(factors) if place != factor]
        share = 0.0
        for size in range(factors):
            weight = factorial(size) * factorial(factors - size - 1) / factorial(factors)
            for chosen in combinations(others, size):
                neutral = Places(chosen)
                share += weight * (leads[neutral] - leads[neutral | {factor}])
        found.append(share)
    return [float(np.float64(share)) for share in found]
