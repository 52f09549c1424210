"""The rule: what turns the answer or takes half of its lead is named; what a second test supports comes first."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from icldiag.analyses.explanation import Explanation
from icldiag.analyses.explanation.contest import Contest, Counterfactual, counterfactual
from icldiag.analyses.explanation.demonstrations import DemonstrationEffect
from icldiag.analyses.explanation.evidence import Evidence
from icldiag.analyses.explanation.factors import Factor
from icldiag.analyses.explanation.favourite import Favourite, Undoing
from icldiag.analyses.explanation.order import OrderEvidence
from icldiag.analyses.explanation.others import Check
from icldiag.analyses.explanation.prior import PriorEvidence
from icldiag.analyses.explanation.ranking import Cause, rank_causes
from icldiag.analyses.explanation.shares import Places, Shares
from icldiag.analyses.roc import ENOUGH
from icldiag.model.readout import FloatArray
from icldiag.session import Session

NAMES = ("yes", "no", "other")
CONTEST = Contest(query=0, answer=0, rival=1, gold=1, lead=2.0)
STAYS, HALVES = np.array([2.0, 0.0, -1.0]), np.array([2.0, 1.0, -1.0])
TURNS = np.array([0.0, 3.0, -1.0])
HELPS = Check(12, 0.5, 0.1, 0.9, 3, 0)


def run(scores: FloatArray, change: str = "a change") -> Counterfactual:
    return counterfactual(CONTEST, change, scores)


def shares(*parts: tuple[Factor, FloatArray]) -> Shares:
    """Factors that do not interact, with what each does alone."""
    count = len(parts)
    runs = {Places(): run(STAYS)} | {Places({place}): run(scores) for place, (_, scores) in enumerate(parts)}
    runs[Places(range(count))] = run(STAYS) if count != 1 else runs[Places({0})]
    nats = tuple(2.0 - run(scores).lead for _, scores in parts)
    return Shares(tuple(factor for factor, _ in parts), nats, 2.0 - sum(nats), runs)


def effects(*odds: float) -> tuple[DemonstrationEffect, ...]:
    """Two of the answer's class with these log odds of a wrong label, then two of the rival's."""
    return tuple(
        DemonstrationEffect(place, place // 2, run(STAYS), 0.0, 50.0, 0, 0.0, of, False)
        for place, of in enumerate((*odds, None, None))
    )


@pytest.fixture
def nothing(explained: tuple[Session, Explanation]) -> Evidence:
    """Evidence in which no change does anything."""
    _, found = explained
    sources = tuple(replace(source, divided=run(STAYS), lean=1.0) for source in found.prior.sources)
    order = OrderEvidence(((1, 0, 2, 3),) * 4, (run(STAYS),) * 4, (1.0,) * 4, 1.0, (1,) * 4, (False,) * 4, 50.0, 0)
    return Evidence(
        contest=CONTEST,
        favourite=None,
        shares=shares(),
        checks=(),
        prior=PriorEvidence(sources, (2, 2, 2), (), ()),
        demonstrations=effects(-4.0, -4.0),
        order=order,
        classes=replace(found.classes, removed=run(STAYS), auc=0.9, auc_queries=(6, 6)),
        aggregation=replace(found.aggregation, doubled=run(STAYS), flow={0: 2.0, 1: 1.0}),
        overlap=False,
    )


def with_factor(evidence: Evidence, factor: Factor, scores: FloatArray, checked: Check | None = None) -> Evidence:
    return replace(evidence, shares=shares((factor, scores)), checks=(checked,))


def only(evidence: Evidence) -> Cause:
    (cause,) = rank_causes(evidence, NAMES)
    return cause


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


def test_a_wrong_label_reads_like_the_rival_and_mends_other_queries(nothing: Evidence) -> None:
    factor = Factor("demonstration", "demonstration 1 labelled no", relabelled=0, demonstration=0)
    misread = replace(nothing, demonstrations=effects(4.0, -4.0))
    found = only(with_factor(misread, factor, TURNS, HELPS))
    assert (found.kind, found.demonstration, found.supported) == ("demonstration", 0, True)
    assert "reads its text more like those of no" in found.support
    assert "12 other queries of the two classes gain 0.50 nats" in found.support
    assert only(with_factor(misread, factor, TURNS)).supported  # no other queries to ask
    assert not only(with_factor(nothing, factor, TURNS, HELPS)).supported  # its text reads like its class
    assert only(with_factor(misread, factor, TURNS, replace(HELPS, auc=0.6))).supported  # 12 queries: an AUC of chance
    blurred = only(with_factor(misread, factor, TURNS, replace(HELPS, auc=0.6, error=1.0)))
    assert not blurred.supported
    assert "not separated (AUC 0.60)" in blurred.support
    likely = replace(nothing, demonstrations=effects(1.0, -4.0))
    costly = only(with_factor(likely, factor, TURNS, replace(HELPS, gain=-0.5)))  # it was right, then
    assert not costly.supported
    assert "but other queries lose with that label" in costly.support
    assert only(with_factor(likely, factor, TURNS, replace(HELPS, gain=-0.1))).supported  # by chance
    assert only(with_factor(misread, factor, TURNS, replace(HELPS, gain=-0.5))).supported  # its text leaves no doubt


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
    misread = replace(nothing, demonstrations=effects(4.0, -4.0))
    for counts, expected in (
        ((6, 2, 2), [("majority", True), ("demonstration", True)]),
        ((3, 1, 2), [("demonstration", True), ("majority", False)]),  # with the right label it is no majority
    ):
        prior = replace(nothing.prior, counts=counts, draws=((0, 1, 2, 3),) * 2, balanced=(run(TURNS), run(STAYS)))
        evidence = replace(misread, prior=prior, shares=shares((one, TURNS), (majority, TURNS)), checks=(HELPS, HELPS))
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


def test_where_other_orders_turn_it_a_demonstration_must_mend_other_queries_or_carry_more(nothing: Evidence) -> None:
    """A wrong label misleads in most orders; one that misleads in this order only is not what is wrong."""
    factor = Factor("demonstration", "demonstration 1 labelled no", relabelled=0, demonstration=0)
    orders = replace(nothing.order, runs=(run(TURNS),) * 2 + (run(STAYS),) * 2)
    moved = replace(nothing, demonstrations=effects(1.0, -4.0), order=orders)
    assert only(with_factor(moved, factor, TURNS, HELPS)).supported
    little = Check(12, 0.1, 0.1, 0.9, 0, 0)
    assert only(with_factor(moved, factor, TURNS, replace(little, auc=0.96))).supported  # separates the classes
    assert not only(with_factor(moved, factor, TURNS, little)).supported
    order = Factor("order", "other order", order=(1, 0, 2, 3))
    for nats, first in (((2.5, 1.5), "demonstration"), ((1.5, 2.5), "order")):
        both = replace(shares((factor, TURNS), (order, TURNS)), nats=nats)
        causes = rank_causes(replace(moved, shares=both, checks=(little, little)), NAMES)
        assert causes[0].kind == first
    assert not only(with_factor(moved, factor, TURNS)).supported
    surely = replace(moved, demonstrations=effects(4.0, -4.0))  # its text leaves no doubt
    assert only(with_factor(surely, factor, TURNS, little)).supported


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
    assert (found.kind, found.nats, found.supported) == ("majority", 1.2, True)
    less = replace(nothing, shares=replace(parts, nats=(0.9,)), checks=(None,), prior=prior)
    assert rank_causes(less, NAMES) == ()


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


def test_a_label_that_is_why_two_classes_are_confused_is_wrong(nothing: Evidence) -> None:
    factor = Factor("demonstration", "demonstration 1 labelled no", relabelled=0, demonstration=0)
    unread = replace(nothing, classes=replace(nothing.classes, removed=None, auc=0.6))
    (cause,) = rank_causes(with_factor(unread, factor, TURNS, HELPS), NAMES)
    assert (cause.kind, cause.supported) == ("demonstration", True)
    assert "with that label the scores separate the two classes" in cause.support
    misread = replace(unread, demonstrations=effects(4.0, -4.0))  # as are texts of classes that are confused
    assert ("demonstration", True) in [
        (cause.kind, cause.supported)
        for cause in rank_causes(with_factor(misread, factor, TURNS, replace(HELPS, auc=0.76)), NAMES)
    ]
    for evidence, checked in (
        (unread, replace(HELPS, auc=0.76)),
        (misread, replace(HELPS, auc=0.7)),
        (misread, replace(HELPS, error=1.0)),
    ):
        causes = rank_causes(with_factor(evidence, factor, TURNS, checked), NAMES)
        assert not any(cause.supported for cause in causes if cause.kind == "demonstration")


def test_what_takes_away_from_the_lead_is_not_its_cause(nothing: Evidence) -> None:
    """Not even where its change alone turns the answer, or another measurement of the prior does."""
    prior, order = Factor("prior", "prior divided out", divided=True), Factor("order", "other", order=(1, 0, 2, 3))
    sources = tuple(replace(source, divided=run(TURNS)) for source in nothing.prior.sources)
    leaning = replace(nothing, prior=replace(nothing.prior, sources=sources))
    for factor in (prior, order):
        for scores in (STAYS, TURNS):
            parts = replace(shares((factor, scores)), nats=(-0.5,))
            assert rank_causes(replace(leaning, shares=parts, checks=(None,)), NAMES) == ()
    parts = replace(shares((order, TURNS)), nats=(0.5,))
    assert only(replace(nothing, shares=parts, checks=(None,))).nats == 0.5
    wrong = Factor("demonstration", "demonstration 1 labelled no", relabelled=0, demonstration=0)
    for odds, scores, named in (
        (4.0, TURNS, 1),
        (4.0, HALVES, 1),
        (4.0, STAYS, 0),
        (-4.0, TURNS, 0),
    ):  # but a text that is misread
        parts = replace(shares((wrong, scores)), nats=(-0.5,))
        found = replace(leaning, shares=parts, checks=(None,), demonstrations=effects(odds, -4.0))
        assert len(rank_causes(found, NAMES)) == named
