"""Mantel's test against permutations written out, and what so few classes cannot tell; the layer by itself."""

from __future__ import annotations

from itertools import combinations, permutations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import spearmanr

from icldiag.analyses.confusion.layer import default_layer
from icldiag.analyses.confusion.mantel import correlation, mantel, pooled_mantel
from icldiag.analyses.confusion.reading import about_test


def symmetric(classes: int, seed: int) -> NDArray[np.float64]:
    square = np.random.default_rng(seed).random((classes, classes))
    return square + square.T


@pytest.mark.parametrize("seed", range(4))
def test_p_is_the_share_of_orders_of_the_classes(seed: int) -> None:
    first, second = symmetric(4, seed), symmetric(4, seed + 100)
    pairs = list(combinations(range(4), 2))
    found = [
        spearmanr([first[order[a], order[b]] for a, b in pairs], [second[pair] for pair in pairs]).statistic
        for order in permutations(range(4))
    ]
    test = mantel(first, second)
    assert test is not None
    assert test.spearman == pytest.approx(found[0])
    assert test.p == pytest.approx(np.mean([value >= found[0] - 1e-9 for value in found]))
    assert test.least == pytest.approx(1 / 24)


def test_what_matches_predicts_and_what_is_turned_round_does_not() -> None:
    matrix = symmetric(6, 0)
    same, opposite = mantel(matrix, 2 * matrix), mantel(matrix, -matrix)
    assert same is not None
    assert opposite is not None
    np.testing.assert_allclose((same.spearman, opposite.spearman), (1, -1))
    assert same.p == pytest.approx(1 / 720)
    assert same.predicts
    assert not opposite.predicts
    assert "Do not read this matrix as a cause" in about_test(opposite)
    assert same.interval is not None  # whichever class is left out
    np.testing.assert_allclose(same.interval, (1, 1))
    many = mantel(symmetric(20, 1), symmetric(20, 1))
    assert many is not None
    assert many.p == pytest.approx(1 / 1000)


def test_few_classes_tell_nothing() -> None:
    assert mantel(symmetric(2, 0), symmetric(2, 0)) is None
    three = mantel(symmetric(3, 0), symmetric(3, 0))
    assert three is not None
    assert three.p == pytest.approx(1 / 6)
    assert not three.can_tell
    assert not three.predicts
    assert "too few" in about_test(three)
    assert mantel(np.ones((4, 4)), symmetric(4, 0)) is None


def test_a_class_without_a_number_is_left_out() -> None:
    first, second = symmetric(5, 0), symmetric(5, 1)
    kept = np.array([0, 1, 3, 4])
    whole = mantel(first[np.ix_(kept, kept)], second[np.ix_(kept, kept)])
    first[2, :] = first[:, 2] = np.nan
    assert mantel(first, second) == whole
    assert correlation(np.full((4, 4), np.nan), symmetric(4, 1)) is None


def test_draws_are_pooled() -> None:
    alike = [(symmetric(4, seed), symmetric(4, seed)) for seed in range(4)]
    test = pooled_mantel(alike)
    assert test is not None
    assert test.spearman == pytest.approx(1)
    assert test.p < 1 / 24 / 24  # one draw alone cannot have less than 1/24
    assert test.interval is not None
    np.testing.assert_allclose(test.interval, (1, 1))
    assert pooled_mantel([(symmetric(2, 0), symmetric(2, 0))]) is None
    unrelated = pooled_mantel([(symmetric(6, seed), symmetric(6, seed + 100)) for seed in range(12)])
    assert unrelated is not None
    assert unrelated.p > 0.01


@pytest.mark.parametrize(
    ("classes", "prompts", "least"), [(3, 1, 1 / 6), (3, 2, 1 / 36), (4, 2, 1 / 576), (4, 9, 1e-4)]
)
def test_the_least_p_of_several_prompts_is_that_of_one_order_in_each(classes: int, prompts: int, least: float) -> None:
    test = pooled_mantel([(symmetric(classes, seed), symmetric(classes, seed)) for seed in range(prompts)])
    assert test is not None
    assert test.least == pytest.approx(least)  # or of one resample
    assert test.can_tell is (least < 0.05)


@pytest.mark.parametrize(("classes", "orders"), [(3, 6), (7, 5040), (8, 1000)])
def test_all_orders_are_tried_while_they_are_few(classes: int, orders: int) -> None:
    test = mantel(symmetric(classes, 0), symmetric(classes, 0))
    assert test is not None
    assert test.least == pytest.approx(1 / orders)


@pytest.mark.parametrize(
    ("predicted", "layer", "reason"),
    [
        ([0] * 5 + [1] * 5, 1, "predicts the answers best there (AUCROC 0.90)"),
        ([0] * 9 + [1] * 4, 3, "two thirds of the way up"),  # one of two answers is too rare
        ([0] * 9, 3, "no two labels that are the answer of 5 queries each"),
    ],
)
def test_the_layer_by_itself(predicted: list[int], layer: int, reason: str) -> None:
    aucroc = (0.5, 0.9, 0.9, 0.4)
    found = default_layer(aucroc, np.array(predicted))
    assert found.layer == layer
    assert reason in found.reason
    assert default_layer((None,) * 4, np.array(predicted)).layer == 3
    level = default_layer((0.5, 0.4, 0.5, 0.3), np.array([0] * 5 + [1] * 5))  # as of one label that is shown alone
    assert level.layer == 3 and "in no layer better than chance" in level.reason
