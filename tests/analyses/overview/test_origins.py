"""What the answers come from, in the headline's sentences."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from icldiag.analyses.measures import measures
from icldiag.analyses.overview import headline, lines
from icldiag.analyses.overview.stability import Order, Run
from icldiag.model.readout import FloatArray
from tests.analyses.overview.made import made_stability, overview_of


def test_what_the_answers_come_from_is_told_after_them() -> None:
    """All answers are the class that is last; with another order they are the other class."""
    found = overview_of(np.eye(2)[[1] * 12], [0, 1] * 6)
    known = replace(found, stability=made_stability(answers_last=True), shown=(0, 0, 1, 1))
    assert [cause.kind for cause in known.causes] == ["recency", "demonstration"]
    said = headline(known)
    assert said.startswith(
        "All 12 answers are Positive: 6 of 12 are right (0.50). The class whose demonstrations come last wins: "
        "100% of the answers are Negative with 2 of Negative last, 0% are Negative with 2 of Positive last "
        "(means of 8 orders in all; 0% in this one). "
        "Demonstration 3 (Positive) "
        "harms the lead: "
    )
    one_last = headline(replace(known, shown=(1, 0, 0, 1)))  # as the orders that were asked then end, too
    assert "100% of the answers are Negative with Negative last, 0% are Negative with Positive last (" in one_last
    more = headline(replace(known, shown=(0, 1, 1, 1)))
    assert "come last wins, and 3 of the 4 demonstrations are Positive: 100%" in more
    right = replace(known, predicted=np.array([0, 1] * 6), measures=measures(np.array([0, 1] * 6), [0, 1] * 6, 2))
    assert "last" not in headline(right)


def test_a_class_that_is_only_answered_more_often_where_it_is_last_does_not_win() -> None:
    """Of 12 queries the last class has 3 answers, 1 where it is not last; and no label is answered too often."""
    labels = [0, 0, 1, 1, 2, 2, 3, 3]
    places = range(8)
    ends = [tuple(place for place in places if labels[place] == last) for last in (0, 1, 2, 3)] * 2
    orders = [(*(place for place in places if place not in end), *end) for end in ends]

    def answers(last: int) -> FloatArray:
        others = [label for label in range(4) if label != last]
        return np.eye(4)[[last] * 6 + others * 2]

    made = made_stability(answers_last=True)
    runs = tuple(Order(order, answers(labels[order[-1]]), labels[order[-1]]) for order in orders)
    stability = replace(made, scores=answers(3), last=3, orders=runs, left_out=())
    found = overview_of(np.eye(4)[[0, 1, 2, 3] * 3], [0, 1, 2, 3, 0, 1, 2, 3, 1, 2, 3, 0])
    said = headline(replace(found, shown=tuple(labels), stability=stability))
    assert (
        "The class whose demonstrations come last is answered more often: 50% of the answers are that class, 17% where "
        "it is not last (means of 9 orders, a class counted as often as it is last; in this one 50% are Mixed)."
    ) in said


@pytest.mark.parametrize(("others", "told"), [(5, True), (4, False)])
def test_that_the_order_decides_which_label_is_answered_too_often(others: int, told: bool) -> None:
    """Whatever class comes last; the answers of other orders are 2 of 3 Negative, or all Positive as now."""
    found = overview_of(np.eye(2)[[1] * 12], [0, 1] * 6)
    answers = [np.eye(2)[[0] * 8 + [1] * 4]] * others + [np.eye(2)[[1] * 12]] * (8 - others)
    orders = tuple(Order((0, 1, 2, 3), scores, place % 2) for place, scores in enumerate(answers))
    stability = replace(made_stability(answers_last=False), scores=np.eye(2)[[1] * 12], orders=orders, left_out=())
    known = replace(found, shown=(0, 1, 0, 1), stability=stability)
    assert known.causes == ()
    said = (
        "(0.50). The order decides which label is answered most often: in 5 of 8 other orders it is another one "
        "(accuracy 0.50 there, 0.50 now)."
    )
    assert (said in headline(known)) == told
    assert ("The order decides" in headline(known)) == told
    sampled = replace(known, stability=replace(stability, queries=tuple(range(11))))
    assert ("8 other orders (a sample of 11 queries) it is another one" in headline(sampled)) == told
    unlabelled = overview_of(np.eye(2)[[1] * 12], [None] * 12)
    unsure = replace(stability, gold=(None,) * len(stability.gold))
    assert "too often" not in headline(replace(unlabelled, shown=known.shown, stability=unsure))
    fewer = replace(stability, scores=np.eye(2)[[0] * 7 + [1] * 5])  # on the sample the other one is answered more now
    assert "The order decides" not in headline(replace(known, stability=fewer))
    right = overview_of(np.eye(2)[[0, 1] * 6], [0, 1] * 6)  # no label is answered too often
    assert "order" not in headline(replace(right, shown=known.shown, stability=stability))


def test_a_class_with_more_demonstrations() -> None:
    found = overview_of(np.eye(2)[[1] * 12], [0, 1] * 6)
    shown = (0, 1, 1, 1)
    steady = made_stability(answers_last=False)
    own = np.eye(2)[[1] * 12]
    drawn = Run((0, 1), np.eye(2)[[0] * 9 + [1] * 3])
    stability = replace(steady, scores=own, left_out=(), balanced=(drawn, drawn))
    known = replace(found, shown=shown, stability=stability)
    assert [(cause.kind, cause.label, cause.weight) for cause in known.causes] == [("majority", 1, 0.75)]
    assert (
        "3 of the 4 demonstrations are Positive, which draws answers to it: with as many of each class 25%"
        in headline(known)
    )
    (said,) = [line.sentence for line in lines(known) if line.name == "classes"]
    assert said.startswith(
        "Positive 3, Negative 1 demonstrations; with as many of each 25% of the answers are Positive, "
    )
    kept = Run((0, 1), own)
    unsure = replace(known, stability=replace(stability, balanced=(kept, kept)))
    assert unsure.causes == ()
    assert "no sure difference" in next(line.sentence for line in lines(unsure) if line.name == "classes")


def test_what_draws_answers_to_another_label_is_no_cause_of_the_lean() -> None:
    found = overview_of(np.eye(2)[[0] * 12], [0, 1] * 6)  # Negative always, though Positive is last
    known = replace(found, shown=(0, 0, 1, 1), stability=replace(made_stability(answers_last=True), left_out=()))
    assert known.favours_last
    assert known.causes == ()
