"""The three calibrations against numbers worked out by hand."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Literal

import numpy as np
import pytest

from icldiag.analyses.calibration import calibrated, calibration, full_label_calibration, random_texts
from icldiag.analyses.prediction.compute import predict
from icldiag.model.readout import label_probabilities, read_queries
from icldiag.prompt.adjustments import LEAST, Calibration
from icldiag.prompt.encode import encode
from icldiag.prompt.schema import Prompt
from icldiag.session import Session
from tests.conftest import Tiny


def test_the_mean_answer_is_divided_out() -> None:
    """q = mean of (.8 .2) and (.6 .4) = (.7 .3); (.65 .35) / q = (.92857 1.16667), which is (.44318 .55682)."""
    content_free = np.log([[0.8, 0.2], [0.6, 0.4]]) + 5  # logits: any constant may be added
    found = calibration("contextual", content_free)
    assert found == Calibration("contextual", (-math.log(0.7), -math.log(0.3)))
    assert found.prior == (0.7, 0.3)
    after = label_probabilities(calibrated(np.log([[0.65, 0.35]]), found))
    np.testing.assert_allclose(after, [[0.4431818, 0.5568182]], rtol=1e-6)
    np.testing.assert_array_equal(calibrated(content_free, None), content_free)


def test_a_uniform_calibration_changes_nothing() -> None:
    scores = np.log([[0.1, 0.6, 0.3]])
    even = calibration("batch", np.zeros((3, 3)))
    np.testing.assert_allclose(label_probabilities(calibrated(scores, even)), np.exp(scores), rtol=1e-5)


def test_a_label_that_is_never_answered_stays_finite() -> None:
    found = calibration("batch", np.array([[0.0, -1000.0]]))
    assert found.prior == (1.0, LEAST)
    assert np.isfinite(found.bias).all()


def test_random_texts_are_of_the_tasks_words_and_length() -> None:
    texts = ["a b c", "d e f g h"]
    drawn = random_texts(texts, seed=1)
    assert len(drawn) == 20
    assert {len(text.split()) for text in drawn} == {4}
    assert set(" ".join(drawn).split()) <= set("abcdefgh")
    assert drawn == random_texts(texts, seed=1) != random_texts(texts, seed=2)
    assert random_texts([""], seed=0, count=2) == ("", "")


@pytest.mark.parametrize("scoring", ["first", "whole"])
def test_the_prompts_calibration_is_in_force_in_every_answer(prompt: Prompt, tiny: Tiny, scoring: str) -> None:
    model = tiny()
    plain = replace(prompt, scoring=scoring)  # type: ignore[arg-type]
    prior = (0.5, 0.2, 0.3)
    by = Calibration.dividing("batch", prior)
    answers = []
    for each in (plain, replace(plain, calibration=by)):
        encoded = encode(each, model.tokenizer)
        readout = read_queries(model, encoded, model.encode_prefix(encoded.prefix))
        answers.append(predict(encoded, readout, model.tokenizer).probabilities)
    divided = answers[0] / np.array(prior)
    np.testing.assert_allclose(answers[1], divided / divided.sum(1, keepdims=True), rtol=1e-6)


def test_a_matrix_lets_one_label_speak_for_another() -> None:
    by = Calibration.affine("matrix", ((1, 0.5), (0, 2)), (0, -1))
    after = calibrated(np.log([[0.2, 0.8]]), by)
    np.testing.assert_allclose(after, [[np.log(0.2) + 0.5 * np.log(0.8), 2 * np.log(0.8) - 1]], rtol=1e-6)


@pytest.mark.parametrize("kind", ["affine", "matrix"])
@pytest.mark.parametrize("scoring", ["first", "whole"])
def test_a_scale_multiplies_log_probabilities_of_whole_words_or_among_the_labels(
    prompt: Prompt, tiny: Tiny, scoring: str, kind: Literal["affine", "matrix"]
) -> None:
    matrix = np.diag((0.5, 2.0, 1.0)) + (0.1 if kind == "matrix" else 0)
    model = tiny()
    words = tuple(
        replace(label, word=f" {'x ' * place}{label.word.strip()}") for place, label in enumerate(prompt.labels)
    )
    plain = replace(prompt, scoring=scoring, labels=words if scoring == "whole" else prompt.labels)  # type: ignore[arg-type]
    by = Calibration.affine(kind, matrix if kind == "matrix" else np.diag(matrix), (0.1, -0.3, 0.0))
    scores = [Session(each, model).prediction().scores for each in (plain, replace(plain, calibration=by))]
    before = scores[0] if scoring == "whole" else np.log(label_probabilities(scores[0]))
    np.testing.assert_allclose(scores[1], before @ matrix.T + [0.1, -0.3, 0.0], rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(calibrated(scores[0], by, scoring == "whole"), scores[1], rtol=1e-4, atol=1e-4)


def test_a_full_label_calibration_takes_the_geometric_mean_of_a_words_tokens() -> None:
    """Words of 1 and 2 tokens; content-free log-probabilities log .5 and log .25, of which the means are .5 and .5."""
    by = full_label_calibration(np.log([[0.5, 0.25]]), (1, 2))
    assert by.scale == (1.0, 0.5)
    after = label_probabilities(calibrated(np.log([[0.4, 0.36]]), by, whole=True))
    np.testing.assert_allclose(after, [[0.4, 0.6]], rtol=1e-5)  # .4 to the square root of .36
