"""Macro measures: against scikit-learn where it is there, and what they are for."""

from __future__ import annotations

import numpy as np
import pytest

from icldiag.analyses.measures import criterion, measures, score


def test_as_scikit_learn_has_them() -> None:
    metrics = pytest.importorskip("sklearn.metrics", reason="scikit-learn is not installed")
    generator = np.random.default_rng(0)
    gold, predicted = generator.integers(0, 7, 90), generator.integers(0, 9, 90)
    found = measures(predicted, gold.tolist(), 9)
    assert found is not None
    recalls = metrics.recall_score(gold, predicted, average=None, labels=np.unique(gold))
    assert found.balanced_accuracy == pytest.approx(recalls.mean())
    assert found.macro_f1 == pytest.approx(metrics.f1_score(gold, predicted, average="macro"))
    assert found.accuracy.value == pytest.approx(metrics.accuracy_score(gold, predicted))
    for value, interval in (
        (found.balanced_accuracy, found.balanced_interval),
        (found.macro_f1, found.macro_interval),
    ):
        assert interval is not None
        assert interval.low < value < interval.high


def test_always_the_commonest_label() -> None:
    gold = [0] * 18 + [1] * 2
    found = measures(np.zeros(20, np.int64), gold, 2)
    assert found is not None
    assert (found.accuracy.value, found.baseline, found.balanced_accuracy) == (0.9, 0.9, 0.5)
    assert found.imbalanced
    assert score(np.zeros(20, np.int64), gold, found.criterion) == 0.5


def test_unlabelled_queries_do_not_count() -> None:
    assert measures(np.array([0, 1]), [None, None], 2) is None
    found = measures(np.array([0, 1, 1]), [0, None, 0], 2)
    assert found is not None
    assert (found.count, found.right) == (2, 1)
    assert score(np.array([0]), [None], "accuracy") is None


def test_equally_frequent_labels_go_by_accuracy() -> None:
    assert criterion([0, 1] * 20, 2) == "accuracy"
    assert criterion([0] * 31 + [1] * 29, 2) == "accuracy"
    assert criterion([0] * 45 + [1] * 15, 2) == "balanced accuracy"
    assert criterion([None], 2) == "accuracy"


def test_many_queries_of_many_classes_are_measured_in_bounded_memory() -> None:
    generator = np.random.default_rng(0)
    gold, predicted = generator.integers(0, 150, 20_000), generator.integers(0, 150, 20_000)
    found = measures(predicted, gold.tolist(), 150)
    assert found is not None
    assert found.balanced_accuracy == pytest.approx(1 / 150, abs=0.01)


def test_three_classes_by_hand() -> None:
    gold, predicted = [1, 1, 1, 1, 2, 2, 0], np.array([1, 1, 3, 3, 2, 1, 1])
    found = measures(predicted, gold, 4)
    assert found is not None
    assert (found.count, found.right, found.commonest) == (7, 3, 1)
    assert found.baseline == pytest.approx(4 / 7)
    assert found.chance == 0.25
    assert found.balanced_baseline == pytest.approx(1 / 3)
    assert found.balanced_accuracy == pytest.approx((2 / 4 + 1 / 2 + 0) / 3)
    assert found.macro_f1 == pytest.approx((2 * 2 / 8 + 2 * 1 / 3 + 0 + 0) / 4)
    assert score(predicted, gold, "accuracy") == pytest.approx(3 / 7)
    assert score(predicted, gold, "balanced accuracy") == found.balanced_accuracy


def test_a_class_that_is_neither_gold_nor_answered_is_no_part_of_macro_f1() -> None:
    found = measures(np.array([0, 0, 1, 1]), [0, 0, 1, 1], 9)
    assert found is not None
    assert (found.balanced_accuracy, found.macro_f1) == (1.0, 1.0)


def test_each_interval_is_of_its_own_draws_and_of_its_seed() -> None:
    """Of two classes, one never right and one always answered, the two measures differ much."""
    gold = [0] * 30 + [1] * 10
    predicted = np.array([0] * 25 + [1] * 15)
    found, again, other = (measures(predicted, gold, 8, seed) for seed in (1, 1, 2))
    assert found == again != other
    assert found is not None
    assert found.balanced_interval is not None
    assert found.macro_interval is not None
    assert abs(found.balanced_accuracy - found.macro_f1) > 0.05
    for interval, value in ((found.balanced_interval, 11 / 12), (found.macro_interval, found.macro_f1)):
        assert abs((interval.low + interval.high) / 2 - value) < 0.04
