"""Supervised calibration: what it finds where it is known what is to be found, and what it leaves alone."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pytest

from icldiag.analyses import affine
from icldiag.analyses.affine import fit_affine
from icldiag.analyses.calibration import calibrated, calibration
from icldiag.model.readout import FloatArray

KINDS: tuple[Literal["affine", "matrix"], ...] = ("affine", "matrix")


def planted(count: int, seed: int, noise: float = 1.0) -> tuple[FloatArray, list[int]]:
    """Scores of 3 classes, count texts each: the gold label's is higher by 2, and all lean to the last class by 4."""
    generator = np.random.default_rng(seed)
    gold = np.repeat(np.arange(3), count)
    scores = generator.normal(0, noise, (3 * count, 3)) + 2 * np.eye(3)[gold] + [0, 0, 4]
    return scores, gold.tolist()


def accuracy(scores: FloatArray, gold: list[int]) -> float:
    return float((scores.argmax(1) == gold).mean())


@pytest.mark.parametrize("kind", KINDS)
def test_a_lean_is_taken_off(kind: Literal["affine", "matrix"]) -> None:
    scores, gold = planted(500, 1)
    by = fit_affine(*planted(40, 0), kind)
    unleaned = accuracy(scores - [0, 0, 4], gold)  # the best that can be done
    assert accuracy(scores, gold) < 0.5
    assert accuracy(calibrated(scores, by), gold) > unleaned - 0.03


def test_two_labels_that_speak_for_each_other_are_exchanged_by_the_matrix_alone() -> None:
    """Texts of class 0 get the highest score for label 1, and the other way round."""
    (fitted, gold), (scores, others) = planted(40, 0), planted(500, 1)
    fitted, scores = fitted[:, [1, 0, 2]], scores[:, [1, 0, 2]]
    found = [accuracy(calibrated(scores, fit_affine(fitted, gold, kind)), others) for kind in KINDS]
    assert found[1] > 0.7
    assert found[0] < found[1] - 0.1


def test_with_few_texts_it_stays_near_batch_calibration(monkeypatch: pytest.MonkeyPatch) -> None:
    """The penalties weigh more the fewer texts there are; with endless ones it is batch calibration, at some scale."""
    scores, gold = planted(2, 0)
    for name in ("WEIGHT_PENALTY", "BIAS_PENALTY"):
        monkeypatch.setattr(affine, name, 1e9)
    others, _ = planted(100, 1)
    batch = calibrated(others, calibration("batch", scores))
    for kind in KINDS:
        assert (calibrated(others, fit_affine(scores, gold, kind)).argmax(1) == batch.argmax(1)).all()


@pytest.mark.parametrize("kind", KINDS)
def test_texts_that_are_all_right_and_far_apart_give_finite_numbers(kind: Literal["affine", "matrix"]) -> None:
    scores = 1000 * np.eye(3)
    by = fit_affine(scores, [0, 1, 2], kind)
    assert np.isfinite(by.bias).all()
    assert (calibrated(scores, by).argmax(1) == [0, 1, 2]).all()


@pytest.mark.parametrize("kind", KINDS)
def test_a_class_without_a_text_and_scarce_ones(kind: Literal["affine", "matrix"]) -> None:
    """Every class counts alike: one text of class 1 against forty of class 0 does not make all answers class 0."""
    scores, gold = planted(40, 0)
    by = fit_affine(scores[:42], gold[:42], kind)  # 40 and 2 of classes 0 and 1
    assert len(by.bias) == 3
    answers = calibrated(scores, by).argmax(1)
    assert (answers[40:80] == 1).mean() > 0.5


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("seed", [46, 78, 88])
def test_a_step_of_the_fit_beyond_all_numbers_is_no_warning(seed: int) -> None:
    """Few texts that are all answered right: a step tries a common scale that no number holds, and steps back."""
    gold = [0, 1, 2] * 3
    scores = np.random.default_rng(seed).normal(-2, 0.1, (9, 3)) + 0.5 * np.eye(3)[gold]
    by = fit_affine(scores, gold, "matrix", whole=True)
    assert accuracy(calibrated(scores, by), gold) == 1
