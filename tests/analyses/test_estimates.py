"""Intervals: against published numbers, and how often they hold what they should."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import t, ttest_1samp

from icldiag.analyses.estimates import auc_estimate, mean_test, of_draws, share
from icldiag.analyses.roc import roc_auc


@pytest.mark.parametrize(
    ("right", "count", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_wilson_as_published(right: int, count: int, low: float, high: float) -> None:
    """Newcombe 1998, Statistics in Medicine 17, table I, method 3."""
    found = share(right, count)
    assert (found.value, found.low, found.high) == pytest.approx((right / count, low, high), abs=1e-4)


def test_nothing_has_no_share() -> None:
    with pytest.raises(ValueError, match="nothing"):
        share(0, 0)
    with pytest.raises(ValueError, match="one side"):
        auc_estimate(0.5, 3, 0)


def test_a_perfect_auc_of_few_is_not_certain() -> None:
    few, many = auc_estimate(1.0, 2, 2), auc_estimate(1.0, 200, 200)
    assert few.high == many.high == 1
    assert few.low < 0.5 < 0.97 < many.low < 1


def test_an_auc_and_its_mirror_image() -> None:
    one, other = auc_estimate(0.8, 7, 19), auc_estimate(0.2, 19, 7)
    assert (one.low, one.high) == pytest.approx((1 - other.high, 1 - other.low))


@pytest.mark.parametrize("apart", [0.0, 1.5])
def test_the_interval_of_an_auc_holds_the_true_one(apart: float) -> None:
    from scipy.stats import norm

    generator, true, held = np.random.default_rng(0), norm.cdf(apart / np.sqrt(2)), 0
    for _ in range(400):
        found = auc_estimate(roc_auc(generator.normal(apart, 1, 12), generator.normal(0, 1, 20)), 12, 20)
        held += found.low <= true <= found.high
    assert 0.92 <= held / 400 <= 0.99


def test_draws_that_do_not_vary_have_no_interval() -> None:
    assert of_draws(0.5, [0.5, 0.5], 9) is None
    assert of_draws(0.5, [], 9) is None
    assert of_draws(0.5, [0.5, 1], 1) is None
    many, few = of_draws(0.5, np.linspace(0, 1, 10_001), 100_000), of_draws(0.5, np.linspace(0, 1, 10_001), 5)
    assert many is not None
    assert few is not None
    assert (many.low, many.high) == pytest.approx((0.025, 0.975), abs=1e-3)
    assert few.low < 0.002  # Student's t with 4 degrees of freedom, and the variance of 5 drawn with replacement


@pytest.mark.parametrize(("auc", "positives", "negatives"), [(0.8, 10, 15), (0.5, 4, 4), (0.95, 40, 7), (0.6, 1, 9)])
def test_the_borders_of_an_auc_solve_newcombes_equation(auc: float, positives: int, negatives: int) -> None:
    """Method 5 of Newcombe (2006): Hanley and McNeil's variance at the border."""
    found = auc_estimate(auc, positives, negatives)
    assert found.value == auc
    for theta in (found.low, found.high):
        average = (positives + negatives) / 2
        terms = 1 + (average - 1) * ((1 - theta) / (2 - theta) + theta / (1 + theta))
        variance = theta * (1 - theta) * terms / (positives * negatives)
        assert abs(auc - theta) == pytest.approx(1.959964 * math.sqrt(variance), abs=1e-6)
    assert found.low < auc < found.high


def test_a_mean_over_fixed_groups() -> None:
    generator = np.random.default_rng(0)
    values, one = generator.normal(0.3, 1, 15), np.zeros(15, int)
    assert mean_test(values, one) == pytest.approx(ttest_1samp(values, 0).pvalue)
    groups = np.array([0, 1, 2] * 5)
    design = np.eye(3)[groups]  # least squares with a coefficient a group; the mean is that of the three
    rest = values - design @ np.linalg.lstsq(design, values, rcond=None)[0]
    error = np.sqrt((rest**2).sum() / 12 / 15)
    assert mean_test(values, groups) == pytest.approx(2 * t.sf(abs(values.mean()) / error, 12))


def test_what_differs_between_groups_is_no_chance() -> None:
    generator, groups = np.random.default_rng(1), np.array([0, 1] * 8)
    effects = np.array([3.0, -3.0])[groups]
    found = [mean_test(effects + generator.normal(0, 1, 16), groups) for _ in range(600)]
    assert 0.03 < np.mean(np.array(found) < 0.05) < 0.07
    assert mean_test(effects + 1 + generator.normal(0, 0.5, 16), groups) < 0.001
    assert ttest_1samp(effects + 1, 0).pvalue > 0.05


def test_a_mean_that_cannot_be_tested() -> None:
    assert mean_test(np.array([1.0, 2.0]), np.array([0, 1])) == 1
    assert mean_test(np.zeros(4), np.zeros(4, int)) == 1
    assert mean_test(np.ones(4), np.zeros(4, int)) == 0
