"""scikit-learn's own checks of estimators: as it is, on texts made of its numbers, or not, with the reason."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import icldiag
from icldiag.prompt.schema import Prompt

sklearn = pytest.importorskip("sklearn", reason="the extra sklearn is not installed")

from sklearn.base import BaseEstimator, ClassifierMixin  # noqa: E402
from sklearn.utils import estimator_checks  # noqa: E402

#: Those that give no data.
AS_IT_IS = (
    "check_do_not_raise_errors_in_init_or_set_params",
    "check_estimator_cloneable",
    "check_estimator_repr",
    "check_estimator_tags_renamed",
    "check_get_params_invariance",
    "check_mixin_order",
    "check_no_attributes_set_in_init",
    "check_non_transformer_estimators_n_iter",
    "check_parameters_default_constructible",
    "check_set_params",
    "check_valid_tag_types",
)
#: Those that give rows of numbers: here a text is written for each.
ON_TEXTS = (
    "check_classifier_data_not_an_array",
    "check_decision_proba_consistency",
    "check_dict_unchanged",
    "check_dont_overwrite_parameters",
    "check_dtype_object",
    "check_estimators_dtypes",
    "check_estimators_fit_returns_self",
    "check_estimators_overwrite_params",
    "check_estimators_partial_fit_n_features",
    "check_estimators_pickle",
    "check_f_contiguous_array_estimator",
    "check_fit2d_1feature",
    "check_fit2d_1sample",
    "check_fit_check_is_fitted",
    "check_fit_idempotent",
    "check_fit_score_takes_y",
    "check_methods_sample_order_invariance",
    "check_pipeline_consistency",
    "check_positive_only_tag_during_fit",
    "check_readonly_memmap_input",
    "check_requires_y_none",
)
_NUMBERS = "of refusing numbers that are no numbers, or of their shape; what is no text is refused in test_estimator.py"
_ACCURACY = "asks for 0.83 right on blobs of numbers: the prompt's classes are not theirs"
_CLASSES = "classes are the prompt's, whatever `fit` is given"
#: Those that ask what no classifier of texts by a prompt can do.
NOT = {
    "check_array_api_input": "array namespaces are for numbers",
    "check_classifiers_classes": _CLASSES,
    "check_classifiers_one_label": _CLASSES,
    "check_classifiers_one_label_sample_weights": "no sample weights",
    "check_classifiers_regression_target": _NUMBERS,
    "check_classifiers_train": _ACCURACY,
    "check_complex_data": _NUMBERS,
    "check_estimator_sparse_array": _NUMBERS,
    "check_estimator_sparse_matrix": _NUMBERS,
    "check_estimator_sparse_tag": _NUMBERS,
    "check_estimators_empty_data_messages": _NUMBERS,
    "check_estimators_nan_inf": _NUMBERS,
    "check_estimators_unfitted": "it answers without `fit`: the prompt is what was learnt",
    "check_fit1d": "texts are one column",
    "check_fit2d_predict1d": "texts are one column",
    "check_methods_subset_invariance": "asks for 1e-7, and padding moves float32 by 1e-6; below, with 1e-5",
    "check_n_features_in": "a text has no number of features",
    "check_n_features_in_after_fitting": "a text has no number of features",
    "check_supervised_y_2d": "y is one column of names",
    "check_supervised_y_no_nan": _NUMBERS,
}


class OnNumbers(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """A classifier of texts with numbers written out: each row is a text, each class one of the prompt's."""

    def __init__(self, classifier: Any = None) -> None:
        self.classifier = classifier

    def fit(self, X: Any, y: Any = None) -> OnNumbers:
        if y is None:
            raise ValueError("requires y to be passed, but the target y is None")
        self.classes_, places = np.unique(np.asarray(y), return_inverse=True)
        names = self.classifier.classes_
        self.classifier_ = sklearn.base.clone(self.classifier)
        self.classifier_.fit(self._texts(X), [names[place % len(names)] for place in places])
        return self

    def predict(self, X: Any) -> Any:
        return self.classes_[self._places(X).argmax(1)]

    def predict_proba(self, X: Any) -> Any:
        return self._places(X)

    def _places(self, X: Any) -> Any:
        """Probabilities of the classes that were fitted; the prompt's others are left out."""
        sklearn.utils.validation.check_is_fitted(self)
        chances = self.classifier_.predict_proba(self._texts(X))[:, : len(self.classes_)]
        return chances / chances.sum(axis=1, keepdims=True)

    @staticmethod
    def _texts(X: Any) -> list[str]:
        rows = np.asarray(X, dtype=float)
        return [" ".join(f"{number:.2f}" for number in row[:3]) + " ?" for row in rows]


@pytest.fixture
def classifier(prompt: Prompt, model_folder: Path) -> Any:
    return icldiag.Classifier(prompt, str(model_folder))


def check_of(name: str) -> Callable[[str, Any], None]:
    return getattr(estimator_checks, name)  # type: ignore[no-any-return]


@pytest.mark.parametrize("name", AS_IT_IS)
def test_as_it_is(name: str, classifier: Any) -> None:
    check_of(name)("Classifier", classifier)


@pytest.mark.parametrize("name", ON_TEXTS)
def test_on_texts(name: str, classifier: Any) -> None:
    check_of(name)("OnNumbers", OnNumbers(classifier))


def test_each_text_is_answered_as_alone(classifier: Any) -> None:
    texts = ["Who wrote it ?", "How many bridges cross the canal last summer ?", "", "Where ?"] * 3
    alone = [classifier.predict_proba([text])[0] for text in texts]
    np.testing.assert_allclose(classifier.predict_proba(texts), alone, atol=1e-5)


def test_no_check_is_left_out(classifier: Any) -> None:
    every = estimator_checks._yield_all_checks(OnNumbers(classifier), legacy=True)
    names = {getattr(check, "func", check).__name__ for check in every}
    assert names <= {*AS_IT_IS, *ON_TEXTS, *NOT}
    assert not {*AS_IT_IS, *ON_TEXTS} & NOT.keys()


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.SkipTestWarning")
def test_scikit_learns_own_choice_of_checks(classifier: Any) -> None:
    told = estimator_checks.check_estimator(classifier, on_fail=None, on_skip=None)
    assert {check["status"] for check in told} <= {"passed", "skipped"}
