"""A change is checked on the other queries of the two classes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from icldiag.analyses.contest import Contest
from icldiag.analyses.explanation.others import MOST, Counts, check, counts, others_of
from icldiag.analyses.prediction.compute import Prediction
from icldiag.model.readout import label_probabilities
from icldiag.prompt.schema import Prompt
from icldiag.session import Session
from tests.conftest import Tiny

CONTEST = Contest(query=0, answer=0, rival=1, gold=1, lead=1.0)


def prediction(gold: Sequence[int | None], answers: list[int], classes: int = 3) -> Prediction:
    scores = np.array([[2.0 if label == answer else 0.0 for label in range(classes)] for answer in answers])
    names = tuple("abc"[:classes])
    return Prediction(
        names,
        ("",) * len(gold),
        tuple(gold),
        scores.argmax(1),
        label_probabilities(scores),
        scores,
        ((),) * len(gold),
        np.ones(len(gold)),
    )


def test_the_others_are_of_both_classes_and_not_the_query_itself() -> None:
    found = prediction([1, 0, 1, 2, None, 0, 1], [0] * 7)
    others = others_of(CONTEST, found, 0)
    assert others.queries == (1, 2, 5, 6)
    assert others.own == (True, False, True, False)
    many = others_of(CONTEST, prediction([1, *[0] * 30, *[1] * 30], [0] * 61), 0)
    assert len(many.queries) == MOST
    assert sum(many.own) == MOST // 2
    assert check(others_of(CONTEST, prediction([1, 0, 0], [0] * 3), 0), np.zeros((2, 3))) is None


def test_a_push_of_all_answers_gains_with_one_class_what_it_loses_with_the_other() -> None:
    others = others_of(CONTEST, prediction([1, 0, 0, 1, 1], [0] * 5), 0)
    even = check(replace(others, scores=np.zeros((4, 3))), np.tile([0.0, 2.0, 0.0], (4, 1)))
    assert even is not None
    assert even.gain < 0
    assert not even.helps
    better = np.array([[2.0, 0.0, 0.0], [2.0, 0.0, 0.0], [0.0, 2.0, 0.0], [0.0, 2.0, 0.0]])
    mended = check(others, better)
    assert mended is not None
    expected = np.mean([0.0, np.logaddexp(0, 2.0) - np.logaddexp(0, -2.0)])
    assert mended.gain == pytest.approx(expected)
    assert mended.helps
    assert (mended.mended, mended.harmed) == (2, 0)


def test_fixed_and_broken_answers_are_counted_of_all_labels() -> None:
    before, after = np.eye(3)[[0, 1, 2, 2]], np.eye(3)[[0, 2, 0, 2]]
    assert counts(before, after, np.array([0, 2, 2, 2])) == Counts(4, 1, 1)


def test_where_no_query_is_asked_all_others_are_counted(prompt: Prompt, tiny: Tiny) -> None:
    """Of the prior, which is read off; of what changes the prompt the two classes alone."""
    labels = len(prompt.labels)
    known = prompt.with_queries([replace(one, label=place % labels) for place, one in enumerate(prompt.queries * 3)])
    session = Session(known, tiny())
    found = session.explanation(session.prediction().wrong[0])
    for factor, checked in zip(found.shares.factors, found.checks, strict=True):
        assert checked is not None
        assert (checked.every is not None) == factor.divided
        if checked.every is not None:
            assert checked.every.queries == len(known.queries) - 1 > checked.queries
    assert found.shares.place_of("prior") is not None
