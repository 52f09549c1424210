"""A demonstration with a wrong label: its text reads like the rival's, and its other label helps other queries."""

from __future__ import annotations

from dataclasses import replace

import pytest

from icldiag.analyses.explanation import ranking
from icldiag.analyses.explanation.evidence import Evidence
from icldiag.analyses.explanation.factors import CauseKind, Factor
from icldiag.analyses.explanation.favourite import Favourite, Undoing
from icldiag.analyses.explanation.others import Check
from icldiag.analyses.explanation.ranking import rank_causes
from icldiag.analyses.explanation.second_test import ODDS
from tests.analyses.explanation.made import (
    HALVES,
    HELPS,
    NAMES,
    STAYS,
    TURNS,
    effects,
    only,
    shares,
    with_factor,
)


def test_a_label_that_is_likelier_wrong_is_supported_with_what_says_so(nothing: Evidence) -> None:
    factor = Factor("demonstration", "demonstration 1 labelled no", relabelled=0, demonstration=0)
    wrong = replace(nothing, demonstrations=effects(4.0, -4.0))
    found = only(with_factor(wrong, factor, TURNS, HELPS))
    assert (found.kind, found.demonstration, found.supported) == ("demonstration", 0, True)
    assert found.support.startswith(
        f"{ODDS} 55 to 1: its text reads more like those of no than like the others of yes; "
        "12 other queries of the two classes gain 0.50 nats"
    )
    assert only(with_factor(wrong, factor, TURNS)).supported  # no other queries to ask
    surely = replace(nothing, demonstrations=effects(40.0, -4.0))
    assert only(with_factor(surely, factor, TURNS)).support.startswith(f"{ODDS} over 1000 to 1: ")
    likely = only(with_factor(nothing, factor, TURNS, HELPS))
    assert not likely.supported
    assert likely.support.startswith(f"{ODDS} 1 to 55; ")
    unknown = replace(nothing, demonstrations=tuple(replace(one, odds=None) for one in nothing.demonstrations))
    assert not only(with_factor(unknown, factor, TURNS, HELPS)).supported
    assert only(with_factor(unknown, factor, TURNS)).support == "nothing is known of its label"


def test_what_other_queries_and_the_counts_say_of_a_label_is_told(nothing: Evidence) -> None:
    factor = Factor("demonstration", "demonstration 1 labelled no", relabelled=0, demonstration=0)
    first, *rest = effects(-0.5, -4.0)
    told = (replace(first, odds=1.0, relabelled=1.2), *rest)
    evidence = replace(nothing, demonstrations=told, prior=replace(nothing.prior, counts=(3, 1, 2)))
    assert only(with_factor(evidence, factor, TURNS)).support == (
        f"{ODDS} 2.7 to 1: labelled no, it makes the labels of other queries likelier; labelled no, "
        "it leaves as many demonstrations of each class"
    )


def test_where_two_classes_are_confused_the_other_label_must_separate_them(nothing: Evidence) -> None:
    factor = Factor("demonstration", "demonstration 1 labelled no", relabelled=0, demonstration=0)
    confused = replace(nothing, classes=replace(nothing.classes, removed=None, auc=0.6))
    likely, surely = (replace(confused, demonstrations=effects(odds, -4.0)) for odds in (1.0, 4.0))
    counted = replace(likely, prior=replace(nothing.prior, counts=(3, 1, 2)))

    def supported(evidence: Evidence, checked: Check | None) -> bool:
        causes = rank_causes(with_factor(evidence, factor, TURNS, checked), NAMES)
        return any(cause.supported for cause in causes if cause.kind == "demonstration")

    assert supported(likely, HELPS)
    assert not supported(confused, HELPS)  # the label is likelier right
    assert not supported(likely, replace(HELPS, auc=0.76))
    assert supported(surely, replace(HELPS, auc=0.76))  # little doubt is left, and they are not confused then
    assert not supported(surely, replace(HELPS, auc=0.7))
    assert not supported(surely, replace(HELPS, error=1.0))
    assert not supported(surely, None)
    assert supported(counted, replace(HELPS, auc=0.7))  # one wrong label explains the counts, too


def test_a_wrong_label_is_named_though_its_share_is_negative(nothing: Evidence) -> None:
    wrong = Factor("demonstration", "demonstration 1 labelled no", relabelled=0, demonstration=0)
    for odds, scores, named in ((4.0, TURNS, 1), (4.0, HALVES, 1), (4.0, STAYS, 0), (-4.0, TURNS, 0)):
        parts = replace(shares((wrong, scores)), nats=(-0.5,))
        found = replace(nothing, shares=parts, checks=(None,), demonstrations=effects(odds, -4.0))
        assert len(rank_causes(found, NAMES)) == named


def test_the_prior_of_other_queries_comes_before_a_label_that_does_not_turn_the_answer(nothing: Evidence) -> None:
    wrong = Factor("demonstration", "demonstration 1 labelled no", relabelled=0, demonstration=0)
    prior = Factor("prior", "contextual prior divided out", divided=True)
    for mends, scores, first in ((1, HALVES, "prior"), (1, TURNS, "demonstration"), (0, HALVES, "demonstration")):
        found = replace(
            nothing,
            shares=shares((wrong, scores), (prior, TURNS)),
            checks=(HELPS, HELPS),
            demonstrations=effects(4.0, -4.0),
            favourite=Favourite(0, 12, 12, 12, 6, Undoing("contextual", bool(mends))),
        )
        assert rank_causes(found, NAMES)[0].kind == first


@pytest.mark.parametrize("kind", ["majority", "recency", "order"])
def test_what_turns_the_answer_comes_before_a_label_that_does_not(
    nothing: Evidence, kind: CauseKind, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ranking, "second_test", lambda *told: (True, "both agree"))
    wrong = Factor("demonstration", "demonstration 1 labelled no", relabelled=0, demonstration=0)
    other = Factor(kind, "order 2 1")
    for of_wrong, of_other, first in (
        (HALVES, TURNS, kind),
        (TURNS, TURNS, "demonstration"),
        (HALVES, HALVES, "demonstration"),
    ):
        found = replace(
            nothing,
            shares=shares((wrong, of_wrong), (other, of_other)),
            checks=(HELPS, HELPS),
            demonstrations=effects(4.0, -4.0),
        )
        causes = [cause for cause in rank_causes(found, NAMES) if cause.confirmed]
        assert {cause.kind for cause in causes} == {"demonstration", kind}
        assert causes[0].kind == first
