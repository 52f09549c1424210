"""A demonstration with a wrong label: its text reads like the rival's, and its other label helps other queries."""

from __future__ import annotations

from dataclasses import replace

from icldiag.analyses.explanation.evidence import Evidence
from icldiag.analyses.explanation.factors import Factor
from icldiag.analyses.explanation.favourite import Favourite, Undoing
from icldiag.analyses.explanation.others import Check
from icldiag.analyses.explanation.ranking import rank_causes
from tests.analyses.explanation.made import (
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


def test_a_misread_text_is_named_though_its_share_is_negative(nothing: Evidence) -> None:
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
