"""What Python code passes: the answer to what was meant, or one sentence that says what is wrong."""

# mypy: disable-error-code="arg-type,list-item"
# What is given here is wrong on purpose.

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from icldiag.analyses import ANALYSES
from icldiag.analyses.compression.compute import Compress
from icldiag.analyses.confusion.compute import Confuse
from icldiag.analyses.isolation.compute import SweepLayers
from icldiag.analyses.isolation.cuts import Cut
from icldiag.analyses.request import Request
from icldiag.analyses.reweighting.training import TrainingSettings
from icldiag.arguments import checked
from icldiag.classifier.estimator import Classifier
from icldiag.errors import AnalysisError, IcldiagError, PromptError
from icldiag.model.settings import ModelSettings
from icldiag.prompt.adjustments import Calibration
from icldiag.prompt.read import read_prompt
from icldiag.prompt.retrieval import Retrieval
from icldiag.prompt.schema import Example, Label, Prompt
from icldiag.report.document import make_report
from icldiag.report.read import read_report
from icldiag.report.write import write_figures
from icldiag.session import Session
from icldiag.sweeps.sweep import Sweep
from tests.conftest import Tiny, tiny_prompt

WRONG: list[Any] = [object(), {1: 2}, b"x", 1.5, 3 + 4j, ["x"], "\ud800", "nothing of the kind", -7, print]


@pytest.fixture
def session(prompt: Prompt, tiny: Tiny) -> Session:
    return Session(prompt, tiny())


def told(call: Callable[[], object]) -> str:
    with pytest.raises(IcldiagError) as caught:
        call()
    sentence = str(caught.value)
    assert len(sentence) < 250
    assert "\n" not in sentence
    return sentence


OWN = [kind for kind in Request.__subclasses__() if kind.__module__.startswith("icldiag.")]


@pytest.mark.parametrize("kind", [*OWN, Cut, TrainingSettings, ModelSettings])
def test_a_field_of_the_wrong_type_is_told_by_its_name(kind: Any) -> None:
    assert ANALYSES  # which imports them
    needed: dict[str, Any] = {"query": 0, "cut": Cut("text_to_label", (0,)), "kind": "text_to_label", "layers": (0,)}
    needed["before"] = tiny_prompt()
    whole = {field.name: needed[field.name] for field in fields(kind) if field.name in needed}
    for field in fields(kind):
        if field.name not in (
            "query",
            "counterpart_query",
            "layer",
            "layers",
        ):  # compared with what there is when they are asked
            given = {**whole, field.name: WRONG[0]}
            assert told(partial(kind, **given)).startswith(f"{field.name} must be ")


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda s: s.confusion(keys="foo"), "keys must be 'as_attended' or 'position_free', not 'foo'"),
        (
            lambda s: s.isolation("foo"),
            "kind must be 'text_to_label', 'label_to_target', 'random_words', 'forerunner_to_label', "
            "'forerunner_to_target', 'template_to_target' or 'text_to_target', not 'foo'",
        ),
        (lambda s: s.isolation(renormalise="no"), "renormalise must be True or False, not 'no'"),
        (lambda s: s.isolation(top=0), "top must be at least 1, not 0"),
        (lambda s: s.isolate("text_to_label"), "cut must be a Cut, not 'text_to_label'"),
        (lambda s: s.isolate(Cut("text_to_label", 3)), "layers must be a tuple, not 3"),
        (lambda s: s.saliency(heads="sum"), "heads must be 'signed' or 'absolute', not 'sum'"),
        (lambda s: s.flow(0, "right"), "loss_target must be 'gold' or 'predicted', not 'right'"),
        (lambda s: s.extraction(against="x"), "against must be 'predicted' or 'gold', not 'x'"),
        (lambda s: s.compression(draws=0), "draws must be at least 1, not 0"),
        (lambda s: s.compression(draws="a"), "draws must be a whole number, not 'a'"),
        (lambda s: s.compression(positions="x"), "positions must be 'kept' or 'restart', not 'x'"),
        (lambda s: s.explanation(0, seed=1.0), "seed must be a whole number, not 1.0"),
        (lambda s: s.explanation(0, seed=True), "seed must be a whole number, not True"),
        (lambda s: s.lean(seed="a"), "seed must be a whole number, not 'a'"),
        (lambda s: s.overview(0), "queries must be at least 1, not 0"),
        (lambda s: s.repairs(budget=0), "budget must be at least 1, not 0"),
        (lambda s: s.reweighting("fast"), "settings must be a TrainingSettings, not 'fast'"),
        (lambda s: s.reweighting(TrainingSettings(learning_rate=-1)), "learning_rate must be at least 0.0, not -1"),
        (
            lambda s: s.reweighting(TrainingSettings(learning_rate=float("nan"))),
            "learning_rate must be a finite number",
        ),
        (lambda s: s.ask(Confuse), "request must be a Request, not <class"),
        (lambda s: s.peek(None), "request must be a Request, not None"),
        (lambda s: s.ask(Confuse(), progress="x"), "progress must be a function, not 'x'"),
        (lambda s: s.with_beta(None), "beta must be an array of numbers, not None"),
        (lambda s: s.with_beta("x"), "beta must be an array of numbers, not 'x'"),
        (lambda s: s.with_beta([[1], [1, 2]]), "beta must be an array of numbers, not [[1], [1, 2]]"),
        (lambda s: s.with_beta([1, 2]), "beta has shape (2,), this model and prompt need (4, 4, 4)"),
        (lambda s: s.with_beta(torch.full((4, 4, 4), torch.nan)), "beta holds numbers that are not finite"),
        (
            lambda s: s.with_beta(torch.full((4, 4, 4), 50.0)),
            "beta is up to 50, and a weight times exp(50) is more than",
        ),
        (lambda s: s.with_saved_beta(3), "path must be a Path or text, not 3"),
        (lambda s: s.with_prompt(None), "prompt must be a Prompt, not None"),
        (lambda s: s.with_prompt("tiny.yaml"), "prompt must be a Prompt, not 'tiny.yaml'"),
        (lambda s: s.with_prompt(s.prompt.with_queries([])).prediction(), "queries: there are no queries; write"),
        (lambda s: s.prompt.with_queries(["x"]), "queries[0] must be an Example, not 'x'"),
        (lambda s: s.prompt.with_queries("x"), "queries must be a list, not 'x'"),
        (
            lambda s: s.prompt.with_queries([Example("x", 3)]),
            "queries[0]: label 3 is none of the 3 labels, which count",
        ),
        (lambda s: replace(s.prompt, scoring="last"), "scoring must be 'first', 'whole', 'terminated', 'per_token',"),
        (lambda s: replace(s.prompt, chat="no"), "chat must be True or False, not 'no'"),
        (lambda s: replace(s.prompt, demonstrations=list(s.prompt.demonstrations)), "demonstrations must be a tuple"),
        (lambda s: make_report(s, "prediction"), "only must be a list, not 'prediction'"),
        (lambda s: make_report(s, ["prediction", 3]), "only[1] must be text, not 3"),
        (lambda s: make_report("tiny.yaml"), "session must be a Session, not 'tiny.yaml'"),
        (lambda s: write_figures(make_report(s, []), ".", "jpg"), "kind must be 'svg', 'png' or 'pdf', not 'jpg'"),
        (lambda s: Session(None), "prompt must be a Prompt or a Path or text, not None"),
        (lambda s: Session(s.prompt, beta="x"), "beta must be an array of numbers, not 'x'"),
        (lambda s: Session(s.prompt, store="folder"), "store must be a Store, not 'folder'"),
        (lambda s: read_prompt(3), "path must be a Path or text, not 3"),
        (lambda s: read_report(3), "path must be a Path or text, not 3"),
        (lambda s: Sweep(None), "file must be a Path or text, not None"),
        (lambda s: Example(3, None), "text must be text, not 3"),
        (lambda s: Example("x\ud800", None), "text must be text without half characters (surrogates), not 'x"),
        (lambda s: Example("x", "Person"), "label is the index of one of the prompt's labels, or None, not 'Person'"),
        (lambda s: Example("x", -1), "label must be at least 0, not -1"),
        (lambda s: Label("Person", None), "word must be text, not None"),
        (lambda s: Retrieval(0), "count must be at least 1, not 0"),
        (lambda s: Calibration("best", (0.0,)), "kind must be 'contextual', "),
        (lambda s: Calibration("batch", (0.0, "x")), "bias[1] must be a number, not 'x'"),
    ],
    ids=lambda given: given if isinstance(given, str) else "",
)
def test_it_is_told(session: Session, call: Callable[[Session], object], words: str) -> None:
    assert words in told(lambda: call(session))


def test_a_classifier_checks_its_parameters_where_they_are_used(prompt: Prompt, tiny: Tiny) -> None:
    model = tiny()
    for name, value, words in [
        ("anchors_only", "no", "anchors_only must be True or False, not 'no'"),
        ("calibration", None, "calibration must be 'contextual', "),
        ("seed", "a", "seed must be a whole number, not 'a'"),
        ("prompt", 3, "prompt must be a Prompt or a Path or text, not 3"),
    ]:
        wrong = Classifier(**{"prompt": prompt, "model": model, name: value})
        assert words in told(lambda wrong=wrong: wrong.predict(["Who ?"]))  # type: ignore[misc]
        assert words in told(lambda wrong=wrong: wrong.fit(["Who ?"], ["Person"]))  # type: ignore[misc]
    for path in (None, 3):
        assert "path must be a Path or text" in told(lambda path=path: Classifier(prompt, model).save(path))  # type: ignore[misc]


def test_texts_for_a_classifier(prompt: Prompt, tiny: Tiny) -> None:
    pandas = pytest.importorskip("pandas")
    classifier = Classifier(prompt, tiny())
    twice = pandas.DataFrame([["Who ?", "Where ?"]], columns=["text", "text"])
    assert told(lambda: classifier.predict(twice)) == "the column 'text' is named twice; rename one"
    assert told(lambda: classifier.predict({"text": "Who ?"})) == "the column 'text' is no list of texts"
    for texts in ([None], np.array(["Who ?", None], dtype=object)):
        assert "is no text but None" in told(lambda texts=texts: classifier.predict(texts))  # type: ignore[misc]


@pytest.mark.parametrize("value", WRONG, ids=range(len(WRONG)))
def test_whatever_is_given_to_a_shortcut_is_one_sentence(session: Session, value: Any) -> None:
    calls: list[Callable[[], object]] = [
        lambda: Session(value),
        lambda: session.with_prompt(value),
        lambda: session.with_beta(value),
        lambda: session.ask(value),
        lambda: session.prompt.with_queries(value),
        lambda: session.isolate(value),
        lambda: session.reweighting(value),
        lambda: SweepLayers(value),
        lambda: Compress(draws=value),
        lambda: Confuse(keys=value),
        lambda: make_report(session, value),
        lambda: Classifier(value).predict(["x"]),
    ]
    for call in calls:
        told(call)


def test_numbers_of_numpy_are_numbers() -> None:
    assert Compress(draws=np.int64(3), timed=np.True_) == Compress(draws=3, timed=True)
    assert type(Compress(draws=np.int64(3)).draws) is int
    assert Example("x", np.int64(1)).label == 1
    assert TrainingSettings(learning_rate=1).learning_rate == 1.0


def test_paths_are_texts_too(session: Session, tmp_path: Path) -> None:
    report = make_report(session, ["prediction"])
    assert write_figures(report, str(tmp_path)) == write_figures(report, tmp_path)
    assert "there is no such file" in told(lambda: read_prompt(str(tmp_path / "none.yaml")))


def test_a_call_that_python_refuses_is_refused_as_python_does() -> None:
    @checked
    def called(number: int) -> int:
        return number

    with pytest.raises(TypeError, match=r"called\(\) missing 1 required positional argument: 'number'"):
        called()  # type: ignore[call-arg]
    with pytest.raises(AnalysisError, match="number must be a whole number, not 'x'"):
        called("x")
    assert called(number=3) == 3


def test_the_kind_of_the_error_is_chosen() -> None:
    with pytest.raises(PromptError):
        Example("x", 1.5)
