"""The three calibrations against numbers worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from icldiag.analyses.calibration import calibrated, calibration, random_texts
from icldiag.analyses.prediction.compute import predict
from icldiag.model.readout import label_probabilities, read_queries
from icldiag.prompt.adjustments import LEAST, Calibration
from icldiag.prompt.encode import encode
from icldiag.prompt.schema import Prompt
from tests.conftest import Tiny


def test_the_mean_answer_is_divided_out() -> None:
    """q = mean of (.8 .2) and (.6 .4) = (.7 .3); (.65 .35) / q = (.92857 1.16667), which is (.44318 .55682)."""
    content_free = np.log([[0.8, 0.2], [0.6, 0.4]]) + 5  # logits: any constant may be added
    found = calibration("contextual", content_free)
    assert found == Calibration("contextual", (0.7, 0.3))
    after = label_probabilities(calibrated(np.log([[0.65, 0.35]]), found))
    np.testing.assert_allclose(after, [[0.4431818, 0.5568182]], rtol=1e-6)
    np.testing.assert_array_equal(calibrated(content_free, None), content_free)


def test_a_uniform_calibration_changes_nothing() -> None:
    scores = np.log([[0.1, 0.6, 0.3]])
    even = calibration("batch", np.zeros((3, 3)))
    np.testing.assert_allclose(label_probabilities(calibrated(scores, even)), np.exp(scores), rtol=1e-5)


def test_a_label_that_is_never_answered_stays_finite() -> None:
    found = calibration("batch", np.array([[0.0, -1000.0]]))
    assert found.probabilities == (1.0, LEAST)
    assert np.isfinite(found.shift).all()


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
    from dataclasses import replace

    model = tiny()
    plain = replace(prompt, scoring=scoring)  # type: ignore[arg-type]
    by = Calibration("batch", (0.5, 0.2, 0.3))
    answers = []
    for each in (plain, replace(plain, calibration=by)):
        encoded = encode(each, model.tokenizer)
        readout = read_queries(model, encoded, model.encode_prefix(encoded.prefix))
        answers.append(predict(encoded, readout, model.tokenizer).probabilities)
    divided = answers[0] / np.array(by.probabilities)
    np.testing.assert_allclose(answers[1], divided / divided.sum(1, keepdims=True), rtol=1e-6)
