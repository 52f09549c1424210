"""The rule: what turns the answer or takes half of its lead is named; what a second test supports comes first."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from icldiag.analyses.explanation.evidence import Evidence
from icldiag.analyses.explanation.factors import Factor
from icldiag.analyses.explanation.favourite import Favourite, Undoing
from icldiag.analyses.explanation.ranking import rank_causes
from icldiag.analyses.explanation.shares import Places
from icldiag.analyses.roc import ENOUGH
from icldiag.model.readout import FloatArray
from tests.analyses.explanation.made import (
    CONTEST,
    HALVES,
    HELPS,
    NAMES,
    STAYS,
    TURNS,
    effects,
    only,
    run,
    shares,
    with_factor,
)


def test_what_does_little_is_not_named_and_half_of_the_lead_is_enough(nothing: Evidence) -> None:
    word = Factor("word", "other words", words=NAMES)
    assert rank_causes(nothing, NAMES) == ()
    assert rank_causes(with_factor(nothing, word, STAYS), NAMES) == ()
    assert rank_causes(with_factor(nothing, word, np.array([2.0, 0.9, -1.0])), NAMES) == ()
    halved = only(with_factor(nothing, word, HALVES))
    assert (halved.kind, halved.nats, halved.confirmed_by.turned) == ("word", 1.0, False)
    assert only(with_factor(nothing, word, TURNS)).confirmed_by.turned


def test_a_right_answer_has_only_what_would_turn_it(nothing: Evidence) -> None:
    right = replace(nothing, contest=replace(CONTEST, gold=0))
    word = Factor("word", "other words", words=NAMES)
    assert rank_causes(with_factor(right, word, HALVES), NAMES) == ()
    assert only(with_factor(right, word, TURNS)).confirmed_by.turned


def test_the_prior_is_confirmed_by_the_measurement_that_takes_most_and_by_none_that_helps_the_answer(
    nothing: Evidence,
) -> None:
    """Its share is of the changed prompts; alone, in the present order, the contextual one may favour the rival."""
    factor = Factor("prior", "contextual prior divided out", divided=True)
    worse = np.array([3.0, 0.0, -1.0])
    carried = with_factor(nothing, factor, HALVES, HELPS)
    alone = {**carried.shares.runs, Places({0}): run(worse, factor.change)}
    carried = replace(carried, shares=replace(carried.shares, runs=alone))
    assert carried.carries(0)
    contextual, domain, *others = (replace(one, divided=run(worse)) for one in nothing.prior.sources)
    halved = replace(domain, divided=run(HALVES, "domain-context prior divided out"))
    found = only(replace(carried, prior=replace(nothing.prior, sources=(contextual, halved, *others))))
    assert found.confirmed_by.change == "domain-context prior divided out"
    assert "by that change" not in found.support and "with the contextual prior divided out" in found.support
    useless = (contextual, domain, *others)
    assert rank_causes(replace(carried, prior=replace(nothing.prior, sources=useless)), NAMES) == ()


def test_the_prior_is_to_blame_where_that_of_other_queries_mends_the_answer(nothing: Evidence) -> None:
    factor = Factor("prior", "content-free prior divided out", divided=True)
    sources = tuple(replace(source, lean=-1.0) for source in nothing.prior.sources)
    against = with_factor(replace(nothing, prior=replace(nothing.prior, sources=sources)), factor, TURNS)
    assert not only(against).supported
    undone = Undoing("batch", mends=True)
    leaning = replace(against, favourite=Favourite(0, 40, 40, 40, 20, undone))
    assert only(leaning).supported
    assert "the batch prior of other queries, divided out, fixes this answer" in only(leaning).support
    assert not only(replace(against, favourite=Favourite(0, 40, 40, 40, 20, replace(undone, mends=False)))).supported


def test_more_demonstrations_of_a_class_are_blamed_before_one_of_them(nothing: Evidence) -> None:
    one = Factor("demonstration", "demonstration 1 labelled no", relabelled=0, demonstration=0)
    majority = Factor("majority", "as many of each", ranking=(0, 1, 2, 3))
    wrong = replace(nothing, demonstrations=effects(4.0, -4.0))
    for counts, expected in (
        ((6, 2, 2), [("majority", True), ("demonstration", True)]),
        ((3, 1, 2), [("demonstration", True), ("majority", False)]),  # with the right label it is no majority
    ):
        prior = replace(nothing.prior, counts=counts, draws=((0, 1, 2, 3),) * 2, balanced=(run(TURNS), run(STAYS)))
        evidence = replace(wrong, prior=prior, shares=shares((one, TURNS), (majority, TURNS)), checks=(HELPS, HELPS))
        assert [(cause.kind, cause.supported) for cause in rank_causes(evidence, NAMES)] == expected


def test_a_second_cause_is_named_where_the_first_does_not_turn_the_answer_and_both_do(nothing: Evidence) -> None:
    """By itself it takes little: the first cause hides it."""
    word = Factor("word", "other words", words=NAMES)
    majority = Factor("majority", "as many of each", ranking=(0, 1, 2, 3))
    prior = replace(nothing.prior, counts=(4, 2, 2), draws=((0, 1, 2, 3),) * 2, balanced=(run(TURNS), run(STAYS)))
    little = np.array([2.0, 0.1, -1.0])

    def of(first: FloatArray, both: FloatArray) -> list[tuple[str, str]]:
        parts = shares((word, first), (majority, little))
        parts = replace(parts, runs={**parts.runs, Places({0, 1}): run(both, "both")})
        found = rank_causes(replace(nothing, prior=prior, shares=parts, checks=(None, HELPS)), NAMES)
        return [(cause.kind, cause.confirmed_by.change) for cause in found]

    assert of(HALVES, TURNS) == [("word", "a change"), ("majority", "both")]
    assert of(HALVES, np.array([2.0, 1.6, -1.0])) == [
        ("word", "a change"),
        ("majority", "both"),
    ]
    assert of(HALVES, np.array([2.0, 1.4, -1.0])) == [("word", "a change")]
    assert of(TURNS, TURNS) == [("word", "a change")]  # nothing is left to explain


def test_what_is_read_off_the_prompt_is_named_after_the_first_where_it_speaks_for_the_rival_in_the_end(
    nothing: Evidence,
) -> None:
    """In the prompt as it is the odd word takes half of the lead; with the others neutral it helps the rival."""
    word = Factor("word", "other words", words=NAMES)
    order = Factor("order", "other order", order=(1, 0, 2, 3))
    turning = replace(nothing.order, runs=(run(TURNS),) * 4)

    def kinds(alone: FloatArray) -> list[str]:
        parts = replace(shares((order, TURNS), (word, alone)), nats=(5.0, -1.0))
        found = rank_causes(replace(nothing, order=turning, shares=parts, checks=(None, None)), NAMES)
        return [cause.kind for cause in found]

    assert kinds(HALVES) == ["order", "word"]
    assert kinds(STAYS) == ["order"]


def test_words_unlike_the_names_need_other_queries_and_come_after_what_turns_the_answer_instead(
    nothing: Evidence,
) -> None:
    """That a word is no part of its name is no fault by itself."""
    name = Factor("name", "words from the names", words=NAMES)
    order = Factor("order", "other order", order=(1, 0, 2, 3))
    turning = replace(nothing.order, runs=(run(TURNS),) * 4)
    assert only(with_factor(nothing, name, TURNS, HELPS)).confirmed
    hurts = replace(HELPS, gain=-0.5)
    for checked in (None, hurts, replace(HELPS, gain=0.1)):  # by chance
        assert not only(with_factor(nothing, name, TURNS, checked)).confirmed

    def kinds(alone: FloatArray) -> list[str]:
        parts = shares((order, TURNS), (name, alone))
        evidence = replace(nothing, order=turning, shares=parts, checks=(HELPS, HELPS))
        return [cause.kind for cause in rank_causes(evidence, NAMES)]

    assert kinds(TURNS) == ["name", "order"]
    assert kinds(HALVES) == ["order", "name"]


def test_what_nothing_supports_is_ranked_by_its_nats(nothing: Evidence) -> None:
    demonstration = Factor("demonstration", "demonstration 1 removed", without=(0,), demonstration=0)
    order = Factor("order", "other order", order=(1, 0, 2, 3))
    evidence = replace(nothing, shares=shares((demonstration, HALVES), (order, TURNS)), checks=(None, None))
    assert [(cause.kind, cause.supported) for cause in rank_causes(evidence, NAMES)] == [
        ("order", False),
        ("demonstration", False),
    ]


def test_a_share_of_half_is_named_though_the_change_alone_does_little(nothing: Evidence) -> None:
    majority = Factor("majority", "as many of each", ranking=(0, 1, 2, 3))
    parts = replace(shares((majority, STAYS)), nats=(1.2,))
    prior = replace(nothing.prior, counts=(6, 2, 2), draws=((0, 1, 2, 3),), balanced=(run(STAYS),))
    found = only(replace(nothing, shares=parts, checks=(None,), prior=prior))
    assert (found.kind, found.nats, found.supported, found.weighs) == ("majority", 1.2, True, False)
    assert not found.confirmed
    less = replace(nothing, shares=replace(parts, nats=(0.9,)), checks=(None,), prior=prior)
    assert rank_causes(less, NAMES) == ()


def test_what_is_named_for_its_share_alone_comes_after_what_its_own_change_confirms(nothing: Evidence) -> None:
    word = Factor("word", "other words", words=NAMES)
    template = Factor("template", "one template", own_template=True)
    parts = replace(shares((template, STAYS), (word, TURNS)), nats=(1.2, 0.6))
    causes = rank_causes(replace(nothing, shares=parts, checks=(None, None)), NAMES)
    assert [(cause.kind, cause.confirmed) for cause in causes] == [("word", True), ("template", False)]


def test_what_the_prompt_itself_shows_comes_first(nothing: Evidence) -> None:
    parts = shares(
        (Factor("order", "other order", order=(1, 0, 2, 3)), TURNS),
        (Factor("template", "own template", own_template=True), TURNS),
        (Factor("scoring", "per token", scoring="per_token"), TURNS),
    )
    orders = replace(nothing.order, runs=(run(TURNS),) * 4)
    evidence = replace(nothing, shares=parts, checks=(None,) * 3, overlap=True, order=orders)
    causes = rank_causes(evidence, NAMES)
    assert [cause.kind for cause in causes] == ["scoring", "template", "order"]
    assert all(cause.supported for cause in causes)
    assert "can never score higher" in causes[0].support
    assert "4 of 4 other orders answer no" in causes[2].support


def test_two_classes_are_confused_if_no_change_separates_them(nothing: Evidence) -> None:
    confused = replace(nothing, classes=replace(nothing.classes, removed=run(TURNS), auc=0.6))
    found = only(confused)
    assert (found.kind, found.supported) == ("classes", True)
    assert rank_causes(replace(confused, classes=replace(confused.classes, removed=run(STAYS))), NAMES) == ()
    assert rank_causes(replace(confused, classes=replace(confused.classes, auc_queries=(ENOUGH - 1, 6))), NAMES) == ()
    order = Factor("order", "other order", order=(1, 0, 2, 3))
    mended = rank_causes(with_factor(confused, order, STAYS, HELPS), NAMES)
    assert [(cause.kind, cause.supported) for cause in mended] == [("classes", False)]
    change = with_factor(confused, order, STAYS, HELPS).shares.alone(0).change
    assert mended[0].support.endswith(f", but with AUC {HELPS.auc:.2f} after a change: {change}")


def test_of_two_labels_confusion_is_named_unless_a_change_separates_them(nothing: Evidence) -> None:
    """What tips an answer between classes that the scores do not tell apart is not what is wrong."""
    order, word = Factor("order", "other order", order=(1, 0, 2, 3)), Factor("word", "other words", words=NAMES)
    turning = replace(nothing.order, runs=(run(TURNS),) * 4)
    two = replace(nothing, order=turning, classes=replace(nothing.classes, removed=None, auc=0.6))
    found = rank_causes(with_factor(two, order, TURNS, replace(HELPS, auc=0.7)), NAMES)
    assert [(cause.kind, cause.supported) for cause in found] == [("classes", True), ("order", False)]
    assert found[0].nats is None
    assert "does not separate the two classes" in found[1].support
    mended = rank_causes(with_factor(two, order, TURNS, HELPS), NAMES)
    assert [(cause.kind, cause.supported) for cause in mended] == [("order", True)]
    shown = rank_causes(with_factor(two, word, TURNS, replace(HELPS, auc=0.7)), NAMES)  # can be read off the prompt
    assert ("word", True) in [(cause.kind, cause.supported) for cause in shown]


@pytest.mark.parametrize(
    ("counts", "alone", "expected"),
    [
        ((6, 2, 2), TURNS, [("majority", True), ("classes", True)]),
        ((6, 2, 2), HALVES, [("classes", True), ("majority", False)]),  # it does not turn the answer
        ((2, 2, 2), TURNS, [("classes", True), ("majority", False)]),  # it is no majority
    ],
)
def test_a_majority_that_turns_the_answer_comes_before_classes_that_may_be_confused_by_it(
    counts: tuple[int, ...], alone: FloatArray, expected: list[tuple[str, bool]], nothing: Evidence
) -> None:
    majority = Factor("majority", "as many of each", ranking=(0, 1, 2, 3))
    confused = replace(nothing.classes, removed=run(TURNS), auc=0.6)
    prior = replace(nothing.prior, counts=counts, draws=((0, 1, 2, 3),) * 2, balanced=(run(alone), run(alone)))
    evidence = replace(nothing, classes=confused, prior=prior)
    found = rank_causes(with_factor(evidence, majority, alone, replace(HELPS, auc=0.7)), NAMES)
    assert [(cause.kind, cause.supported) for cause in found] == expected


def test_what_takes_away_from_the_lead_is_not_its_cause(nothing: Evidence) -> None:
    """Not even where its change alone turns the answer."""
    order = Factor("order", "other", order=(1, 0, 2, 3))
    for scores in (STAYS, TURNS):
        parts = replace(shares((order, scores)), nats=(-0.5,))
        assert rank_causes(replace(nothing, shares=parts, checks=(None,)), NAMES) == ()
    parts = replace(shares((order, TURNS)), nats=(0.5,))
    assert only(replace(nothing, shares=parts, checks=(None,))).nats == 0.5


def test_a_lean_that_other_factors_make_is_the_cause_where_none_of_them_weighs(nothing: Evidence) -> None:
    prior, order = Factor("prior", "prior divided out", divided=True), Factor("order", "other", order=(1, 0, 2, 3))
    turning = tuple(replace(source, divided=run(TURNS)) for source in nothing.prior.sources)
    leaning = replace(nothing, prior=replace(nothing.prior, sources=turning))

    def named(evidence: Evidence, scores: FloatArray, *nats: float, divided: FloatArray = STAYS) -> list[str]:
        parts = replace(shares((order, scores), (prior, divided)), nats=nats)
        return [cause.kind for cause in rank_causes(replace(evidence, shares=parts, checks=(None, None)), NAMES)]

    assert named(leaning, STAYS, 0.5, -0.1) == ["prior"]
    assert named(leaning, TURNS, 0.5, -0.1) == ["order"]
    assert named(nothing, STAYS, 0.5, -0.1) == []  # divided out, it leaves the answer
    slight, most = np.array([2.0, 0.5, -1.0]), run(HALVES, "batch prior divided out")
    sources = (replace(turning[0], divided=run(slight)), *(replace(one, divided=most) for one in turning[1:]))
    by_most = replace(nothing, prior=replace(nothing.prior, sources=sources))
    assert named(by_most, STAYS, 0.4, 0.4, divided=slight) == ["prior"]
    against = tuple(replace(source, lean=-1.0) for source in turning)
    assert named(replace(leaning, prior=replace(nothing.prior, sources=against)), STAYS, 0.5, -0.1) == []
