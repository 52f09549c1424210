"""McNemar's exact test by hand, and what is counted as fixed and broken."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from icldiag.analyses.effect import Effect, effect, mcnemar, paired_interval
from icldiag.analyses.search.reading import in_short


@pytest.mark.parametrize(
    ("mended", "broken", "p"),
    [
        (0, 0, 1.0),
        (3, 3, 1.0),
        (5, 1, 2 * (1 + 6) / 2**6),  # P(X <= 1) + P(X >= 5) of six coins
        (0, 6, 2 / 2**6),
        (5, 0, 2 / 2**5),
        (9, 2, 2 * (1 + 11 + 55) / 2**11),
    ],
)
def test_mcnemar_by_hand(mended: int, broken: int, p: float) -> None:
    assert mcnemar(mended, broken) == pytest.approx(p)


def test_only_changes_between_right_and_wrong_count() -> None:
    eye = np.log(0.4 * np.eye(3) + 0.2)
    gold = [0, 1, 2, None, 0]
    before = eye[[0, 0, 0, 0, 1]]  # right, wrong, wrong, unknown, wrong
    after = eye[[1, 1, 1, 1, 2]]  # wrong, right, wrong, unknown, wrong
    found = effect(before, after, gold)
    assert (found.count, found.right_before, found.right_after, found.net) == (4, 1, 1, 0)
    assert (found.mended, found.broken) == ((1,), (0,))
    assert found.accuracy_before == 0.25
    assert found.likelihood_gain == pytest.approx(0.0)  # one gains what another loses


def test_without_gold_labels_nothing_is_claimed() -> None:
    found = effect(np.zeros((2, 2)), np.ones((2, 2)), [None, None])
    assert found.count == 0
    assert found.accuracy_after is None
    assert found.p_value == 1.0


def test_a_small_p_is_not_written_as_nothing() -> None:
    assert "; 0 fixed, 9 broken, McNemar p = 0.004: unlikely to be chance)" in in_short(
        Effect(77, 62, (), tuple(range(9)), -1.0)
    )
    assert in_short(Effect(77, 62, (), (), 0.0)) == "62 right before and after, none fixed or broken"


def test_the_interval_holds_nothing_gained_where_p_is_not_small() -> None:
    for mended, broken, looks in ((6, 0, 0), (5, 0, 0), (9, 1, 1), (9, 1, 2), (14, 2, 2), (0, 8, 1), (30, 12, 3)):
        found = Effect(100, 40, tuple(range(mended)), tuple(range(50, 50 + broken)), 0.0, 0.0, looks)
        low, high = found.interval
        assert low < found.net / 100 < high or found.net / 100 in (low, high)
        assert (low <= 0 <= high) == (found.p_value >= 0.05)


def test_the_interval_of_a_gain_that_breaks_nothing_goes_beyond_it() -> None:
    """Of other texts more may change; and 0 is in it where the test says that it may be chance, and nowhere else."""
    for count, looks in product((20, 60, 400), (0, 2, 6)):
        for mended, broken in product(range(0, 20, 3), range(0, 20, 3)):
            if not 0 < mended + broken <= count:
                continue
            found = Effect(count, 0, tuple(range(mended)), tuple(range(mended, mended + broken)), 0.0, 0.0, looks)
            low, high = found.interval
            assert (low <= 0 <= high) == (found.p_value >= 0.05)
            assert broken or mended == count or high > found.net / count
    assert "+5 points, 95 % interval +0.4 to +9;" in in_short(Effect(120, 29, tuple(range(6)), (), 0.0))


@pytest.mark.parametrize(("fixes", "breaks"), [(0.45, 0.02), (0.1, 0.02), (0.75, 0.0)])
def test_the_interval_holds_the_true_gain_as_often_as_it_says(fixes: float, breaks: float) -> None:
    """Of 300 draws of 60 texts; of the changed ones alone it would in 58 to 83 %."""
    drawn = np.random.default_rng(1).multinomial(60, [fixes, breaks, 1 - fixes - breaks], 300)
    ends = [paired_interval(int(mended), int(broken), 60) for mended, broken, _ in drawn]
    assert np.mean([low <= fixes - breaks <= high for low, high in ends]) >= 0.93


def test_every_look_at_the_same_texts_makes_p_larger() -> None:
    """9 fixed and none broken has p = 2 / 2^9. Half of a p is for gains: of the looks, the corrections' inverses times
    one half sum to less than 1, however many looks."""
    found = [Effect(50, 20, tuple(range(9)), (), 0.0, 0.0, looks).p_value for looks in range(4)]
    np.testing.assert_allclose(found, [2 / 2**9 * times for times in (1, 1, 2, 6)])
    assert sum(0.5 / Effect(1, 0, (), (), 0.0, 0.0, look).correction for look in range(1, 1000)) < 1
    assert "corrected for 3 looks" in in_short(Effect(50, 20, tuple(range(9)), (), 0.0, 0.0, 3))


def test_classes_count_alike_in_the_balanced_gain() -> None:
    """Four texts of class 0, of which one is broken, one text of class 1, which is fixed."""
    eye = np.eye(2)
    found = effect(eye[[0, 0, 0, 0, 0]], eye[[0, 0, 0, 1, 1]], [0, 0, 0, 0, 1])
    assert found.net == 0
    assert found.balanced_gain == pytest.approx((-1 / 4 + 1) / 2)


def test_gains_by_hand() -> None:
    """Three classes of 3, 2 and 1 texts; log p(gold) goes up by log 3 in one text and nowhere else."""
    gold = [0, 0, 0, 1, 1, 2]
    before = np.zeros((6, 3))
    after = before.copy()
    after[0, 1] = after[3, 1] = after[4, 1] = np.log(4)  # p 1/6, 4/6, 1/6
    found = effect(before, after, gold, looks=3)  # without a winner the first class is the answer
    assert (found.count, found.right_before, found.mended, found.broken, found.looks) == (6, 3, (3, 4), (0,), 3)
    assert found.balanced_gain == pytest.approx((-1 / 3 + 1 + 0) / 3)
    assert found.likelihood_gain == pytest.approx((np.log(3 / 6) + 2 * np.log(3 * 4 / 6)) / 6)


def test_no_labelled_text_is_no_gain() -> None:
    assert effect(np.zeros((2, 3)), np.ones((2, 3)), [None, None]) == Effect(0, 0, (), (), 0.0)
