"""A lead, divided among the factors that it depends on, in nats: Shapley's division in stages, exact.

Let v(S) be the lead where the factors S are as the prompt has them and the others neutral. A factor's share is the
mean, over the orders in which the factors can become neutral one after the other, of what the lead loses when its turn
comes (Shapley 1953). Orders in which an effect would be taken away before what it is an effect of are left out
(asymmetric Shapley values, Frye et al. 2020, arXiv 1910.06358): first comes what is written in the prompt, then how its
labels gather their texts, and last the label prior of the prompt that is left. So a prior that comes from the order,
or from more demonstrations of a class, counts for these, and the prior's own share is what stays without them.

Shares and rest make up the lead:

    v(all)  =  sum of shares  +  v(none)

v(none) is what the query's text and the model leave. A share may be negative, or more than the lead: the factor then
works against others.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations
from math import factorial

import numpy as np

from icldiag.analyses.contest import Contest, Counterfactual, counterfactual
from icldiag.analyses.explanation.factors import CauseKind, Factor, neutralised, read
from icldiag.analyses.lab import Inquiry, Lab

MOST_FACTORS = 4  # 2^3 changed prompts, since the prior is read off the same ones: cost doubles with each
MOST_IN_ALL = 5  # where one of them can be read off the prompt, such as a label word of another form

Places = frozenset[int]


@dataclass(frozen=True)
class Shares:
    """`runs` holds what became of the answer for every set of neutral factors, by their places in `factors`."""

    factors: tuple[Factor, ...]
    nats: tuple[float, ...]  # the share of each
    rest: float  # the query's text: the lead with all of them neutral
    runs: Mapping[Places, Counterfactual]

    def place_of(self, kind: CauseKind) -> int | None:
        """Where the factor of this kind stands; None where there is none."""
        return next((place for place, factor in enumerate(self.factors) if factor.kind == kind), None)

    def alone(self, factor: int) -> Counterfactual:
        """What its change alone does."""
        return self.runs[frozenset({factor})]

    def turning(self, factor: int) -> tuple[Factor, ...]:
        """The fewest further factors that turn the answer if they are neutral too, where fewer of all these do not.

        Empty where none do.
        """
        turned = [neutral for neutral, run in self.runs.items() if run.turned]
        turning = [neutral for neutral in turned if factor in neutral and not any(fewer < neutral for fewer in turned)]
        best = min(turning, key=lambda neutral: (len(neutral), self.runs[neutral].lead), default=frozenset({factor}))
        return tuple(self.factors[place] for place in sorted(best - {factor}))


def shares(lab: Lab, contest: Contest, factors: tuple[Factor, ...]) -> Inquiry[Shares]:
    """Ask the sets of neutral factors that the stages need, each factor alone among them, and divide the lead."""
    sets = wanted(factors)
    divides = next((place for place, factor in enumerate(factors) if factor.divided), None)
    asked = [of for of in sets if divides not in of]  # the prior is divided out of the same answers
    queries = [lab.prompt.queries[contest.query], *(lab.content_free if divides is not None else ())]
    answers = yield [neutralised(lab, contest, [factors[place] for place in of], queries) for of in asked]
    rows = dict(zip(asked, answers, strict=True))
    runs = {}
    for of in sets:
        neutral = [factors[place] for place in sorted(of)]
        scores = rows[of - {divides}]
        name = " and ".join(factor.change for factor in neutral) or "nothing"
        runs[of] = counterfactual(contest, name, read(lab, neutral, scores[:1], scores[1:])[0])
    everything = Places(range(len(factors)))
    leads = {of: run.lead for of, run in runs.items()}
    return Shares(factors, staged(leads, factors), leads[everything], runs)


def stages(factors: tuple[Factor, ...]) -> list[Places]:
    """The places of the factors of each stage, in their order; none is empty."""
    found = [Places(place for place, factor in enumerate(factors) if factor.stage == stage) for stage in range(3)]
    return [places for places in found if places]


def wanted(factors: tuple[Factor, ...]) -> list[Places]:
    """Sets of places: those of a stage with all before it, and each set with and without the prior, which is read off
    the same answers."""
    divided = {place for place, factor in enumerate(factors) if factor.divided}
    before, found = Places(), {Places(): None} | {Places({place}): None for place in range(len(factors))}
    for stage in stages(factors):
        found |= {before | Places(chosen): None for chosen in _subsets(stage)}
        before |= stage
    found |= {of | divided: None for of in list(found)}
    return sorted(found, key=lambda of: (len(of), sorted(of)))


def _subsets(of: Places) -> list[tuple[int, ...]]:
    return [chosen for size in range(len(of) + 1) for chosen in combinations(sorted(of), size)]


def staged(leads: Mapping[Places, float], factors: tuple[Factor, ...]) -> tuple[float, ...]:
    """Each factor's share: of what its stage takes, all before it being neutral."""
    found, before = [0.0] * len(factors), Places()
    for stage in stages(factors):
        places = sorted(stage)
        own = {Places(places.index(place) for place in of): leads[before | Places(of)] for of in _subsets(stage)}
        for place, share in zip(places, shapley(own, len(places)), strict=True):
            found[place] = share
        before |= stage
    return tuple(found)


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
