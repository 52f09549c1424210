"""Shares: they make up the lead, whatever the factors do to each other."""

from __future__ import annotations

from dataclasses import replace
from itertools import chain, combinations, permutations

import numpy as np
import pytest

from icldiag.analyses.calibration import CONTENT_FREE
from icldiag.analyses.contest import Contest
from icldiag.analyses.explanation import Explanation
from icldiag.analyses.explanation.factors import Factor
from icldiag.analyses.explanation.shares import Places, Shares, shapley, shares, staged, stages, wanted
from icldiag.analyses.lab import Lab
from icldiag.model.readout import label_probabilities, silent
from icldiag.prompt.schema import Label, Prompt
from icldiag.session import Session
from tests.analyses.explanation.asked import scores_of
from tests.conftest import Tiny


def subsets(count: int) -> list[Places]:
    return [Places(of) for of in chain.from_iterable(combinations(range(count), size) for size in range(count + 1))]


@pytest.mark.parametrize("count", [1, 2, 4, 5])
def test_shares_are_the_mean_loss_over_all_orders_of_neutralising(count: int) -> None:
    generator = np.random.default_rng(count)
    leads = {of: float(generator.normal()) for of in subsets(count)}
    expected = np.zeros(count)
    orders = list(permutations(range(count)))
    for order in orders:
        for place, factor in enumerate(order):
            before = Places(order[:place])
            expected[factor] += (leads[before] - leads[before | {factor}]) / len(orders)
    found = shapley(leads, count)
    np.testing.assert_allclose(found, expected)
    assert sum(found) + leads[Places(range(count))] == pytest.approx(leads[Places()])


def test_two_that_do_the_same_share_and_two_that_only_act_together_share() -> None:
    either = {of: 0.0 if of else 2.0 for of in subsets(2)}
    both = {of: 0.0 if len(of) == 2 else 2.0 for of in subsets(2)}
    assert shapley(either, 2) == shapley(both, 2) == [1.0, 1.0]


def test_shares_and_the_rest_make_up_the_lead(explained: tuple[Session, Explanation]) -> None:
    session, _ = explained
    for query in range(len(session.prompt.queries)):
        found = session.explanation(query)
        assert sum(found.shares.nats) + found.shares.rest == pytest.approx(found.contest.lead, abs=1e-4)
        assert found.shares.rest == found.shares.runs[Places(range(len(found.shares.factors)))].lead


PRIOR, GATHERED = Factor("prior", "divided", divided=True), Factor("aggregation", "doubled", doubled=True)
ORDER, WORD = Factor("order", "other order"), Factor("word", "other words")


def test_a_prior_that_the_order_makes_counts_for_the_order() -> None:
    """The order makes the lean and the lean the lead: with the other order there is nothing left to divide out."""
    of_order = {of: 0.0 if of else 2.0 for of in subsets(2)}
    assert staged(of_order, (ORDER, PRIOR)) == staged(of_order, (PRIOR, ORDER))[::-1] == (2.0, 0.0)
    lasting = {of: 0.0 if 1 in of else 2.0 for of in subsets(2)}  # the other order does nothing
    assert staged(lasting, (ORDER, PRIOR)) == (0.0, 2.0)


def test_stages_follow_each_other_and_ask_no_more_than_they_need() -> None:
    factors = (GATHERED, ORDER, PRIOR, WORD)
    assert stages(factors) == [Places({1, 3}), Places({0}), Places({2})]
    sets = wanted(factors)
    asked = {of - {2} for of in sets}  # the prior is divided out of the same answers
    assert asked == {Places(of) for of in ((), (0,), (1,), (3,), (1, 3), (0, 1, 3))}
    assert set(sets) == asked | {of | {2} for of in asked}
    generator = np.random.default_rng(0)
    leads = {of: float(generator.normal()) for of in subsets(4)}
    nats = staged(leads, factors)
    assert sum(nats) == pytest.approx(leads[Places()] - leads[Places({0, 1, 2, 3})])
    assert nats[2] == pytest.approx(leads[Places({0, 1, 3})] - leads[Places({0, 1, 2, 3})])
    either = (leads[Places()] - leads[Places({1})] + leads[Places({3})] - leads[Places({1, 3})]) / 2
    assert nats[1] == pytest.approx(either)


def test_sets_of_neutral_factors_are_the_prompts_that_they_say(prompt: Prompt, tiny: Tiny) -> None:
    session = Session(prompt, tiny())
    contest = Contest(0, 0, 1, 1, session.prediction().scores[0][0] - session.prediction().scores[0][1])
    words = (" Person", " Location", " number")
    factors = (
        Factor("order", "other order", order=(3, 2, 1, 0)),
        Factor("demonstration", "demonstration 1 labelled Location", relabelled=0),
        Factor("majority", "without demonstration 3", without=(2,)),
        Factor("word", "other words", words=words),
        Factor("prior", "prior divided out", divided=True),
    )
    (found,) = Lab(session.model, session.encoded, session.prefix(silent)).inquire(
        [shares(Lab(session.model, session.encoded, session.prefix(silent)), contest, factors)]
    )
    shown = list(prompt.demonstrations)
    assert set(found.runs) == set(wanted(factors))
    for of in (Places({0}), Places({0, 1}), Places({1, 2, 3}), Places({0, 1, 2, 3, 4}), Places({4}), Places()):
        changed = list(shown)
        if 1 in of:
            changed[0] = replace(changed[0], label=1)
        order = [3, 2, 1, 0] if 0 in of else [0, 1, 2, 3]
        changed = [changed[place] for place in order if 2 not in of or place != 2]
        other = replace(prompt, demonstrations=tuple(changed))
        if 3 in of:
            named = zip(prompt.labels, words, strict=True)
            other = replace(other, labels=tuple(Label(label.name, word) for label, word in named))
        lead = contest.lead_in(scores_of(other, session, prompt.queries[0].text))
        if 4 in of:
            free = label_probabilities(np.array([scores_of(other, session, text) for text in CONTENT_FREE])).mean(0)
            lead -= float(np.log(free[0] / free[1]))
        assert found.runs[of].lead == pytest.approx(lead, abs=1e-4)
    assert sum(found.nats) + found.rest == pytest.approx(contest.lead, abs=1e-4)


def test_what_turns_the_answer_together_with_a_factor_is_the_fewest(explained: tuple[Session, Explanation]) -> None:
    _, found = explained
    run = replace(found.order.runs[0], turned=False)
    factors = tuple(Factor("order", name) for name in "abc")

    def parts(*turned: Places) -> Shares:
        runs = {of: replace(run, turned=of in turned, lead=float(-len(of))) for of in subsets(3)}
        return replace(found.shares, factors=factors, nats=(0.0,) * 3, runs=runs)

    two = parts(Places({0, 2}), Places({0, 1, 2}))
    assert two.turning(0) == (factors[2],)
    assert two.turning(1) == ()  # the other two turn it without this one
    assert parts(Places({2}), Places({0, 2})).turning(0) == ()
    assert parts(Places({2}), Places({0, 1, 2})).turning(0) == ()  # one of the others does, if not with all of these
    assert parts(Places({0, 1, 2})).turning(1) == (factors[0], factors[2])
