"""`Classifier`: icldiag's answers by scikit-learn's interface, and without scikit-learn."""

from __future__ import annotations

import pickle
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import icldiag
from icldiag.analyses.affine import fit_affine
from icldiag.analyses.calibration import calibration
from icldiag.classifier import estimator
from icldiag.errors import AnalysisError, ModelError
from icldiag.prompt.adjustments import Calibration
from icldiag.prompt.schema import Example, Prompt
from icldiag.prompt.write import as_yaml
from icldiag.session import Session
from tests.conftest import Tiny

sklearn = pytest.importorskip("sklearn", reason="the extra sklearn is not installed")

from sklearn.base import clone, is_classifier  # noqa: E402
from sklearn.metrics import log_loss  # noqa: E402
from sklearn.model_selection import GridSearchCV, cross_val_predict  # noqa: E402
from sklearn.pipeline import make_pipeline  # noqa: E402
from sklearn.preprocessing import FunctionTransformer  # noqa: E402

TEXTS = [f"{('Who', 'Where', 'How many')[i % 3]} {('opera', 'park')[i % 2]} {i} ?" for i in range(18)]
NAMES = ["Person", "Location", "Number"] * 6


@pytest.fixture
def classifier(prompt: Prompt, model_folder: Path) -> Any:
    return icldiag.Classifier(prompt, str(model_folder))


def test_it_answers_as_the_session(classifier: Any, prompt: Prompt) -> None:
    asked = Session(prompt.with_queries([Example(text, None) for text in TEXTS]), classifier.model).prediction()
    assert classifier.classes_.tolist() == ["Location", "Number", "Person"]  # as scikit-learn orders columns
    assert classifier.predict(TEXTS).tolist() == [asked.labels[label] for label in asked.predicted]
    np.testing.assert_allclose(classifier.predict_proba(TEXTS), asked.probabilities[:, [1, 2, 0]], atol=1e-5)
    loss = log_loss(NAMES, classifier.predict_proba(TEXTS))
    own = -np.mean(np.log([asked.probabilities[i, i % 3] for i in range(18)]))
    assert loss == pytest.approx(own, abs=1e-4)
    for given in (tuple(TEXTS), np.array(TEXTS), iter(TEXTS)):
        np.testing.assert_array_equal(classifier.predict(given), classifier.predict(TEXTS))
    assert classifier.predict([]).shape == (0,)
    assert classifier.predict_proba([]).shape == (0, 3)


def test_fit_calibrates_on_the_texts(classifier: Any, prompt: Prompt, tmp_path: Path) -> None:
    plain = Session(prompt.with_queries([Example(text, None) for text in TEXTS]), classifier.model).prediction()
    before = classifier.predict_proba(TEXTS)
    fitted = clone(classifier).fit(TEXTS, NAMES)
    wanted = fit_affine(plain.scores, [i % 3 for i in range(18)])
    np.testing.assert_allclose(fitted.calibration_.scale, wanted.scale or (), rtol=1e-3)
    np.testing.assert_allclose(fitted.calibration_.bias, wanted.bias, rtol=1e-3, atol=1e-3)
    assert not np.allclose(fitted.predict_proba(TEXTS), before)
    np.testing.assert_array_equal(classifier.predict_proba(TEXTS), before)  # a clone is another
    again = pickle.loads(pickle.dumps(fitted))
    np.testing.assert_array_equal(again.predict(TEXTS), fitted.predict(TEXTS))
    saved = fitted.save(tmp_path / "calibrated.yaml")
    assert saved.calibration == fitted.calibration_
    opened = icldiag.Classifier(tmp_path / "calibrated.yaml", classifier.model)
    np.testing.assert_allclose(opened.predict_proba(TEXTS), fitted.predict_proba(TEXTS), atol=1e-6)
    fitted.set_params(calibration="batch").fit(TEXTS)  # in place of the calibration that it had
    np.testing.assert_allclose(fitted.calibration_.bias, calibration("batch", plain.scores).bias, rtol=1e-4)
    changed = fitted.set_params(anchors_only=True).predict_proba(TEXTS)
    assert not np.allclose(changed, opened.predict_proba(TEXTS))


def test_it_works_in_searches_and_pipelines(classifier: Any) -> None:
    assert is_classifier(classifier)
    search = GridSearchCV(classifier, {"calibration": ["batch", "affine", "contextual"]}, cv=2, error_score="raise")
    search.fit(np.array(TEXTS), np.array(NAMES))
    assert 0 <= search.best_score_ <= 1
    assert search.predict(TEXTS).shape == (18,)
    lower = make_pipeline(FunctionTransformer(lambda texts: [text.lower() for text in texts]), classifier)
    np.testing.assert_array_equal(lower.predict(TEXTS), classifier.predict([text.lower() for text in TEXTS]))
    chances = cross_val_predict(classifier, np.array(TEXTS), np.array(NAMES), cv=2, method="predict_proba")
    np.testing.assert_allclose(chances.sum(axis=1), 1)
    numbers = np.array([["Location", "Number", "Person"].index(name) for name in NAMES])
    by_number, by_name = (clone(classifier).fit(TEXTS, y) for y in (numbers, NAMES))
    assert by_number.classes_.tolist() == [0, 1, 2]
    assert [by_name.classes_[place] for place in by_number.predict(TEXTS)] == by_name.predict(TEXTS).tolist()


def test_the_anchors_alone_are_the_compressed_answers(classifier: Any, prompt: Prompt, tiny: Tiny) -> None:
    asked = prompt.with_queries([Example(text, None) for text in TEXTS])
    session = Session(asked, classifier.model)
    kept = session.compression(draws=1, timed=False)
    anchors = clone(classifier).set_params(anchors_only=True)
    predicted = anchors.predict(TEXTS)
    labels = [prompt.label_names[label] for label in kept.hidden_anchor.answers.predicted]
    assert predicted.tolist() == labels
    loyalty = classifier.loyalty(TEXTS)
    assert loyalty.same == pytest.approx(kept.hidden_anchor.answers.label_loyalty)
    assert loyalty.texts == 18
    assert loyalty.times_as_fast > 0


def test_what_is_no_text_or_no_class_is_refused(classifier: Any) -> None:
    cases: list[tuple[Any, str]] = [
        ("one text", "give a list of texts"),
        (7, "give a list of texts"),
        (["Who ?", 7], r"text 2 \(index 1\) is no text but int"),
        (np.array([["Who ?"]]), "give a list of texts"),
        (np.array("Who ?"), "give a list of texts"),
        ({"Who ?"}, "give a list of texts"),
        (b"Who ?", "give a list of texts"),
        (["Who ?", "half \ud83d"], r"text 2 \(index 1\) holds half a character"),
        (["Who ?", "Who wrote it ? " * 3000], r"text 2 \(index 1\): makes a prompt of"),
    ]
    for given, reason in cases:
        with pytest.raises(AnalysisError, match=reason):
            classifier.predict(given)
    with pytest.raises(AnalysisError, match="no class 'Colour'; it has Person, Location, Number"):
        classifier.fit(["Who ?"], ["Colour"])
    with pytest.raises(AnalysisError, match=r"no class 0; .*; give names, or texts of every class"):
        classifier.fit(["Who ?", "Who ?"], [0, 1])
    for classes in (5, {"Person": 1}, np.array([["Person"]])):
        with pytest.raises(AnalysisError, match="a list of the texts' classes"):
            classifier.fit(["Who ?"], classes)
    with pytest.raises(AnalysisError, match="no class True"):
        classifier.fit(["Who ?", "Who ?", "Who ?"], [True, False, 2])
    with pytest.raises(AnalysisError, match="no texts to compare on"):
        classifier.loyalty([])
    with pytest.raises(AnalysisError, match="1 texts and 2 labels"):
        classifier.fit(["Who ?"], ["Person", "Person"])
    with pytest.raises(AnalysisError, match="affine calibration needs the texts' classes"):
        classifier.fit(["Who ?"])
    with pytest.raises(AnalysisError, match="no texts to fit on"):
        classifier.fit([])
    with pytest.raises(AnalysisError, match=r"calibration must be 'contextual', .* or 'matrix', not 'platt'"):
        clone(classifier).set_params(calibration="platt").fit(["Who ?"])


def test_what_is_no_model_is_not_taken_for_the_bundled_one(prompt: Prompt, model_folder: Path) -> None:
    assert Session(prompt, model_folder).model.name == str(model_folder)
    assert estimator.Classifier(prompt, model_folder).predict([]).tolist() == []
    for wrong in (5, object(), b"bundled"):
        with pytest.raises(ModelError, match="is no model; give a name"):
            Session(prompt, wrong)  # type: ignore[arg-type]
        with pytest.raises(ModelError, match="is no model; give a name"):
            estimator.Classifier(prompt, wrong).predict(["Who ?"])  # type: ignore[arg-type]


def test_a_cross_validation_loads_the_model_once(
    classifier: Any, monkeypatch: pytest.MonkeyPatch, prompt: Prompt
) -> None:
    classifier.predict(TEXTS[:2])
    before = estimator._load.cache_info().misses
    clone(classifier).fit(TEXTS[:4], NAMES[:4])
    assert estimator._load.cache_info().misses == before


def test_without_scikit_learn_and_without_torch(prompt: Prompt, model_folder: Path, tmp_path: Path) -> None:
    (tmp_path / "prompt.yaml").write_text(as_yaml(replace(prompt, name="p")))
    script = (
        "import sys; sys.modules['sklearn'] = None\n"
        "import icldiag; assert 'torch' not in sys.modules\n"
        f"made = icldiag.Classifier({str(tmp_path / 'prompt.yaml')!r}, {str(model_folder)!r})\n"
        "import pickle; assert 'torch' not in sys.modules\n"
        "made = pickle.loads(pickle.dumps(made.fit(['Who ?', 'Where ?'], ['Person', 'Location'])))\n"
        "print(len(made.predict(['Who ?'])))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=300)
    assert done.stdout.strip() == "1", done.stderr


def test_a_calibration_of_another_model_is_warned_of_and_applied(prompt: Prompt, tiny: Tiny) -> None:
    foreign = replace(prompt, calibration=Calibration.dividing("batch", (0.5, 0.3, 0.2)).fitted_on("another"))
    with pytest.warns(UserWarning, match="fitted on the scores of 'another'"):
        warned = icldiag.Classifier(foreign, tiny()).predict_proba(TEXTS)
    own = replace(foreign, calibration=Calibration.dividing("batch", (0.5, 0.3, 0.2)))
    np.testing.assert_allclose(warned, icldiag.Classifier(own, tiny()).predict_proba(TEXTS))


def test_it_says_what_it_was_made_of_without_a_model(prompt: Prompt) -> None:
    assert repr(icldiag.Classifier("my prompt.yaml", "gpt2-xl")) == "Classifier('my prompt.yaml', model='gpt2-xl')"
    made = repr(icldiag.Classifier(prompt, calibration="matrix", seed=3))
    shown = f"{len(prompt.demonstrations)} demonstrations of {', '.join(prompt.label_names)}"
    assert made == f"Classifier({prompt.name!r}, {shown}, model='bundled', calibration='matrix', seed=3)"
    assert prompt.demonstrations[0].text not in made
