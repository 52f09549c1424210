"""`Classifier`: a prompt on a model with scikit-learn's interface."""

from __future__ import annotations

import time
import warnings
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from inspect import signature
from pathlib import Path
from statistics import median
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import SkipValidation

from icldiag.analyses.affine import fit_affine
from icldiag.analyses.calibration import calibration, content_free, random_queries
from icldiag.arguments import Seed, check_parameters, checked
from icldiag.classifier.scorer import LabelScorer
from icldiag.classifier.texts import Texts, as_examples, members
from icldiag.counting import counted
from icldiag.errors import AnalysisError
from icldiag.model.forward import InstrumentedModel
from icldiag.model.load import load_model
from icldiag.model.readout import FloatArray, label_probabilities
from icldiag.model.settings import ModelSettings
from icldiag.prompt.adjustments import PRIORS, Calibration, PriorKind
from icldiag.prompt.fitting import fitting
from icldiag.prompt.read import read_prompt
from icldiag.prompt.rewrite import rewritten, write_prompt
from icldiag.prompt.schema import Example, Prompt
from icldiag.quoting import listed, quoted, quoted_path
from icldiag.session import Session

try:
    from sklearn.base import BaseEstimator, ClassifierMixin
except ImportError:  # it adds get_params, set_params, score, and what pipelines and searches ask for

    class ClassifierMixin:  # type: ignore[no-redef]  # in its place
        """Nothing without scikit-learn."""

    class BaseEstimator:  # type: ignore[no-redef]  # in its place
        """Nothing without scikit-learn."""


Fitted = Literal[PriorKind, "affine", "matrix"]
KINDS = (*PRIORS, "affine", "matrix")
_ROUNDS = 3
_load = lru_cache(maxsize=1)(load_model)  # clones, as a cross-validation makes them, share a model


@dataclass(frozen=True)
class Loyalty:
    """How the anchors alone answer, against the whole prompt."""

    texts: int
    same: float  # share of the texts that get the same label
    times_as_fast: float  # both on demonstrations that are encoded already; median of rounds that take turns


class Classifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """Labels for texts, by a prompt that is repaired or not. It needs no `fit`: the prompt is what was learnt.

    Where the prompt's template has several fields, or one that is not {text}, X has a text for each: a data frame or a
    mapping with columns by the fields' names, or a list of such rows.

    Args:
        prompt: a prompt file or a `Prompt`; a calibration and a re-weighting in it are in force.
        model: a Hugging Face name, a folder, 'bundled', settings, or a loaded model.
        calibration: what `fit` fits: 'affine' (arXiv 2505.23783) or 'matrix' (1706.04599) on labelled texts, 'batch'
            (2309.17249) or 'domain-context' (2305.19148) on texts, or 'contextual' (2102.09690): icldiag docs repairs.
        anchors_only: read the label words and the template of the demonstrations alone (Hidden_anchor of arXiv
            2305.14160): quicker, and some answers differ; `loyalty` measures both.
        seed: draws the words of 'domain-context'.

    The model loads when it is first needed.
    """

    _made: tuple[Any, LabelScorer] | None = None  # of which parameters
    _numbered = False  # whether `fit` was given numbers in the place of names

    def __init__(
        self,
        prompt: Prompt | Path | str,
        model: SkipValidation[InstrumentedModel | ModelSettings | Path | str] = "bundled",
        *,
        calibration: Fitted = "affine",
        anchors_only: bool = False,
        seed: Seed = 0,
    ) -> None:
        self.prompt = prompt
        self.model = model
        self.calibration = calibration
        self.anchors_only = anchors_only
        self.seed = seed

    def __repr__(self, N_CHAR_MAX: int = 700) -> str:
        """What it was made of, and which labels it gives, without the prompt's texts; nothing is loaded for it.

        N_CHAR_MAX: as scikit-learn calls it.
        """
        prompt, model = self.prompt, getattr(self.model, "name", self.model)
        if isinstance(prompt, Prompt):
            shown = counted(len(prompt.demonstrations), "demonstration")
            made_of = f"{quoted(prompt.name)}, {shown} of {listed(prompt.label_names)}"
        else:
            made_of = quoted_path(prompt)
        words = [made_of, f"model={quoted(str(model))}"]
        words += [f"{name}={value!r}" for name, value in self._chosen()]
        return f"Classifier({', '.join(words)})"[:N_CHAR_MAX]

    def _chosen(self) -> Iterator[tuple[str, object]]:
        """The parameters that are not as they would be by themselves."""
        for name, parameter in signature(type(self)).parameters.items():
            if name not in ("prompt", "model") and getattr(self, name) != parameter.default:
                yield name, getattr(self, name)

    # ---- answers ----------------------------------------------------------------------------------------------------

    @property
    def classes_(self) -> NDArray[Any]:
        """(C,) the classes' names in alphabetical order, as scikit-learn's scores expect the columns.

        After a `fit` with numbers in the place of names, these numbers.
        """
        names = sorted(self._scorer.prompt.label_names)
        return np.arange(len(names)) if self._numbered else np.array(names)

    def predict(self, X: Texts) -> NDArray[Any]:
        """(n,) the name of each text's class. Raises AnalysisError: a text is none, or too long for the model."""
        order = np.argsort(self._scorer.prompt.label_names)  # (C,) the prompt's class in each place of `classes_`
        return np.asarray(self.classes_[np.argsort(order)[self._scores(X).argmax(axis=1)]])

    def predict_proba(self, X: Texts) -> FloatArray:
        """(n, C) calibrated probabilities, which sum to 1 over the classes; columns as `classes_`."""
        order = np.argsort(self._scorer.prompt.label_names)
        return label_probabilities(self._scores(X))[:, order]

    def _scores(self, X: Texts) -> FloatArray:
        return self._scorer.scores(as_examples(X, self._scorer.prompt))

    # ---- fitting ----------------------------------------------------------------------------------------------------

    def fit(self, X: Texts, y: Iterable[str] | None = None) -> Classifier:
        """Fit the calibration, in place of the prompt file's; the demonstrations stay.

        Args:
            X: texts of the task.
            y: their classes: names, or, as scikit-learn's own tools number them, places in `classes_`, each of them
                at least once. 'affine' and 'matrix' need them; for the others they are only checked.

        Raises:
            AnalysisError: there is no text, a name that is no class, or no such calibration.
        """
        check_parameters(self)
        prompt = replace(_read(self.prompt), calibration=None)
        texts = as_examples(X, prompt)
        numbered, gold = (False, None) if y is None else _gold(y, len(texts), prompt)
        if not texts:
            raise AnalysisError("there are no texts to fit on")
        plain = self._scorer_of(prompt)
        self.calibration_ = self._fitted(plain, texts, gold).fitted_on(plain.session.model.name)
        self._numbered = numbered
        return self

    def _fitted(self, plain: LabelScorer, texts: Sequence[Example], gold: list[int] | None) -> Calibration:
        kind = self.calibration
        if kind == "affine" or kind == "matrix":
            if gold is None:
                raise AnalysisError(f"{kind} calibration needs the texts' classes; give them, or choose 'batch'")
            return fit_affine(plain.scores(texts), gold, kind, plain.prompt.whole_words)
        if kind == "contextual":
            texts = content_free(plain.prompt)
        elif kind == "domain-context":
            texts = random_queries(plain.prompt, texts, self.seed)
        if kind != "batch":  # words of our own; texts of the user's are never cut
            texts = fitting(plain.prompt, texts, plain.session.model.reader)
        return calibration(kind, plain.scores(texts))

    @checked
    def save(self, path: Path | str) -> Prompt:
        """Write the prompt with the calibration in force as a file, for `icldiag predict` and all else.

        Raises:
            IcldiagError: it cannot be written.
        """
        path = Path(path)
        return write_prompt(rewritten(_read(self.prompt), self._scorer.prompt, path.parent)[1], path)

    def loyalty(self, X: Texts) -> Loyalty:
        """How many of these texts the anchors alone answer as the whole prompt does, and how much quicker."""
        texts = as_examples(X, self._scorer.prompt)
        if not texts:
            raise AnalysisError("there are no texts to compare on")
        session = self._scorer.session
        ways = LabelScorer(session), LabelScorer(session, anchors_only=True)
        whole, anchors = (way.scores(texts).argmax(axis=1) for way in ways)
        seconds: tuple[list[float], list[float]] = [], []
        for _ in range(_ROUNDS):
            for way, spent in zip(ways, seconds, strict=True):
                begun = time.perf_counter()
                way.scores(texts)
                spent.append(time.perf_counter() - begun)
        return Loyalty(len(texts), float((whole == anchors).mean()), median(seconds[0]) / median(seconds[1]))

    # ---- the prompt on the model ------------------------------------------------------------------------------------

    @property
    def _scorer(self) -> LabelScorer:
        check_parameters(self)
        fitted = getattr(self, "calibration_", None)
        made_of = (self.prompt, self.model, self.anchors_only, fitted)
        if self._made is None or self._made[0] != made_of:
            prompt = _read(self.prompt)
            self._made = made_of, self._scorer_of(prompt if fitted is None else replace(prompt, calibration=fitted))
        return self._made[1]

    def _scorer_of(self, prompt: Prompt) -> LabelScorer:
        settings = ModelSettings(str(self.model)) if isinstance(self.model, str | Path) else self.model
        model = _load(settings) if isinstance(settings, ModelSettings) else settings
        session = Session(prompt, model)
        if foreign := session.foreign_calibration:
            warnings.warn(foreign, stacklevel=2)
        return LabelScorer(session, anchors_only=self.anchors_only)

    def __getstate__(self) -> dict[str, Any]:
        """Parameters and the fitted calibration; the model is loaded again."""
        return {name: value for name, value in super().__getstate__().items() if name != "_made"}

    def __sklearn_is_fitted__(self) -> bool:
        return True

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.string, tags.input_tags.one_d_array, tags.input_tags.two_d_array = True, True, False
        tags.target_tags.required = False
        tags.requires_fit = False
        return tags


def _read(prompt: Prompt | Path | str) -> Prompt:
    return prompt if isinstance(prompt, Prompt) else read_prompt(prompt)


def _gold(given: Iterable[Any], count: int, prompt: Prompt) -> tuple[bool, list[int]]:
    """Whether the classes are numbers, and the prompt's class of each text.

    Numbers that leave a class out might have been counted without it, and mean others.

    Raises AnalysisError: these are no classes of the prompt.
    """
    names, labels = prompt.label_names, members(given)
    if labels is None:
        raise AnalysisError("give a list of the texts' classes, or one column of a data frame")
    if len(labels) != count:
        raise AnalysisError(f"there are {count} texts and {len(labels)} labels")
    numbers = all(isinstance(label, int | np.integer) and not isinstance(label, bool) for label in labels)
    if labels and numbers and set(map(int, labels)) == set(range(len(prompt.labels))):
        return True, [names.index(sorted(names)[label]) for label in labels]
    for label in labels:
        if label not in names:
            cure = "; give names, or texts of every class" if numbers else ""
            raise AnalysisError(f"the prompt has no class {label!r:.80}; it has {listed(names)}{cure}")
    return False, [names.index(label) for label in labels]
