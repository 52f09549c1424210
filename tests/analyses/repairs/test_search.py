"""Planted faults that a repair fixes, what the search may look at, and that it stops when told to."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from icldiag.analyses.lab import Lab
from icldiag.analyses.repairs import FindRepairs, Repairs, TryCalibrations, anchors, finding
from icldiag.analyses.repairs.effort import Effort
from icldiag.analyses.repairs.retrieval import retrievals
from icldiag.analyses.reweighting.training import train_beta
from icldiag.analyses.search.calibrations import answers_by_fold
from icldiag.analyses.search.partition import FOLDS
from icldiag.analyses.search.search import Search
from icldiag.analyses.search.trials import Trials
from icldiag.errors import AnalysisError, Cancelled
from icldiag.model.forward import InstrumentedModel
from icldiag.prompt.adjustments import Calibration
from icldiag.prompt.edit import with_demonstrations
from icldiag.prompt.read import read_prompt
from icldiag.prompt.schema import Example, Prompt
from icldiag.samples import sample_path
from icldiag.session import Session
from icldiag.store import Store
from tests.conftest import Tiny

WORDS = ["opera", "park", "river", "sea", "bridges", "canal", "film", "summer"]


def texts(count: int) -> Iterator[str]:
    for i in range(count):
        yield f"{('Who', 'Where', 'How many')[i % 3]} {WORDS[i % 8]} {WORDS[i // 8 % 8]} {i} ?"


@pytest.fixture
def rich(prompt: Prompt) -> Prompt:
    """Enough examples for all parts."""
    return replace(prompt, examples=tuple(Example(text, i % 3) for i, text in enumerate(texts(60))))


@pytest.fixture(scope="module")
def bundled() -> InstrumentedModel:
    return Session(sample_path("banking")).load()


def test_a_planted_label_prior_is_mended_by_calibration(rich: Prompt, tiny: Tiny) -> None:
    """Gold is what the model answers after batch calibration; then its head is made to favour one label."""
    model = tiny("gptj")  # its output head has a bias
    asked = rich.with_queries([Example(text, None) for text in texts(90)])
    scores = Session(asked, model).prediction().scores
    gold = (scores - np.log(np.exp(scores - scores.max(1, keepdims=True)).mean(0))).argmax(1)
    labelled = [Example(text, int(label)) for text, label in zip(texts(90), gold, strict=True)]
    skewed = replace(asked, queries=tuple(labelled[:30]), examples=tuple(labelled[30:]))
    favoured = Session(skewed, model).encoded.label_tokens[2][0]
    with torch.no_grad():
        model.model.get_output_embeddings().bias[favoured] += 8
    session = Session(skewed, model)
    assert set(session.prediction().predicted) == {2}
    found = session.repairs(budget=3)
    assert found.best is not None
    assert found.best.repair.family == "calibration"
    assert found.best.queries.accuracy_after is not None
    assert session.prediction().accuracy is not None
    assert found.best.queries.accuracy_after > session.prediction().accuracy + 0.2  # type: ignore[operator]
    assert found.holds
    assert found.confirmed is not None
    assert found.confirmed.p_value < 0.05
    assert "unlikely to be chance" in finding(found)
    of_queries = f"On {len(found.confirmation)} held-out texts (30 are queries), each left out of fit and choice"
    assert of_queries in finding(found)


def test_a_planted_bad_demonstration_is_mended_by_dropping_it(
    bundled: InstrumentedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(anchors, "LEARNING_RATES", ())
    sample = read_prompt(sample_path("banking"))
    wrong = replace(sample.examples[3], label=(sample.examples[3].label or 0) + 1)
    assert sample.label_names[wrong.label or 0] == "fee"
    fewer = replace(sample, queries=sample.queries[::2], examples=sample.examples[::2])
    prompt = with_demonstrations(fewer, (wrong, *sample.demonstrations))
    found = Session(prompt, bundled).repairs(budget=29)
    best = next(trial for trial in found.trials if trial.repair.family == "drop")
    assert best.repair.name == "without demonstration 1 (fee)"
    assert wrong not in best.repair.demonstrations
    assert best.selection.net > 0
    assert best.queries.net > 0


def test_nothing_is_judged_by_what_it_was_made_from(rich: Prompt, tiny: Tiny, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever a candidate is trained on or puts into the prompt is in the fitting part."""
    trained: list[Example] = []

    def watched_training(model: Any, encoded: Any, prefix: Any, examples: Sequence[Example], *rest: Any) -> Any:
        trained.extend(examples)
        return train_beta(model, encoded, prefix, examples, *rest)

    monkeypatch.setattr(anchors, "train_beta", watched_training)
    found = Session(rich, tiny()).repairs(budget=40)
    held_out = {example.text for example in found.selection}
    assert trained
    assert set(trained) <= set(found.fitting)
    assert not held_out & {example.text for example in found.fitting}
    placed = {example for trial in found.trials for example in trial.repair.demonstrations} - set(rich.demonstrations)
    assert placed
    assert placed <= set(found.fitting)
    assert {"calibration", "re-weighting", "drop", "replace", "order"} <= {t.repair.family for t in found.trials}


def test_a_text_is_judged_by_a_fit_without_its_fold_and_the_one_left_out() -> None:
    """What is fitted here remembers its rows; the last row is the failed query, which nothing is fitted on."""
    folds = np.array([row * 7 % FOLDS for row in range(23)])
    scores = np.arange(24)[:, None] * np.ones((1, 2))
    fits: list[set[int]] = []

    def fit(rows: Sequence[int], shares: object) -> Calibration:
        fits.append(set(rows))
        return Calibration("batch", (float(1000 * len(fits)), 0.0))

    answers = answers_by_fold(fit, scores, folds, whole=False)
    np.testing.assert_array_equal(answers[..., 1], np.broadcast_to(np.arange(24), (FOLDS, 24)))
    assert len(fits) == FOLDS * (FOLDS + 1) // 2
    by = (answers[..., 0] // 1000).astype(int) - 1
    for fold in range(FOLDS):
        for row in range(23):
            assert fits[by[fold, row]] == {other for other in range(23) if folds[other] not in (fold, folds[row])}
        assert fits[by[fold, 23]] == {other for other in range(23) if folds[other] != fold}


def test_trials_are_ranked_by_net_gain_and_the_budget_is_kept(rich: Prompt, tiny: Tiny) -> None:
    session = Session(rich, tiny())
    found = session.repairs(budget=12)
    nets = [trial.selection.net for trial in found.trials]
    assert len(nets) == 12
    assert nets == sorted(nets, reverse=True)
    assert found is session.repairs(budget=12)
    few = session.repairs(budget=2)
    assert [trial.repair.family for trial in few.trials] == ["calibration"] * 2
    names = [trial.repair.name for trial in found.trials]
    assert len(names) == len(set(names))


def test_what_calibrations_are_compared_with_is_told(rich: Prompt, tiny: Tiny) -> None:
    model = tiny()
    assert Session(rich, model).ask(TryCalibrations()).calibration is None
    calibrated = replace(rich, calibration=Calibration("batch", (0.0, -1.0, 0.0)))
    assert Session(calibrated, model).ask(TryCalibrations()).calibration == "batch"


def test_calibrations_encode_no_demonstration_again(rich: Prompt, tiny: Tiny, monkeypatch: pytest.MonkeyPatch) -> None:
    model = tiny()
    session = Session(rich, model)
    session.prediction()

    def refuse(*_: Any, **__: Any) -> None:
        raise AssertionError("the demonstrations were encoded again")

    monkeypatch.setattr(InstrumentedModel, "encode_prefix", refuse)
    families = [trial.repair.family for trial in session.repairs(budget=5).trials]
    assert families == ["calibration"] * 5


def test_a_query_is_mended_without_looking_at_it_elsewhere(rich: Prompt, tiny: Tiny) -> None:
    session = Session(rich, tiny())
    wrong, right = session.prediction().wrong[0], session.prediction().labelled
    found = session.repairs(wrong, budget=12)
    assert rich.queries[wrong] not in (*found.fitting, *found.selection, *found.confirmation)
    if found.best is not None:
        assert found.mends(found.best, wrong)
        assert found.best.selection.net >= 0
    answered = next(query for query in right if not session.prediction().is_wrong(query))
    assert all(found.mends(trial, answered) is None for trial in found.trials)
    with pytest.raises(AnalysisError, match="answered right"):
        session.repairs(answered)
    for nothing in (3, 99):  # not labelled, not there
        with pytest.raises(AnalysisError, match="only one with a gold label can be repaired"):
            session.repairs(nothing)


def test_the_search_can_be_stopped_and_begun_again(rich: Prompt, tiny: Tiny) -> None:
    session = Session(rich, tiny())
    told: list[tuple[str, int, int]] = []

    def stop(what: str, done: int, total: int) -> None:
        told.append((what, done, total))
        if what == "repairs" and done >= 4:
            raise Cancelled("stopped")

    with pytest.raises(Cancelled):
        session.repairs(budget=8, progress=stop)
    assert told[-1][0] == "repairs"
    assert 4 <= told[-1][1] < told[-1][2]
    assert len(session.repairs(budget=8).trials) == 8


def test_the_best_so_far_is_told_after_every_step(rich: Prompt, tiny: Tiny) -> None:
    parts: list[Repairs] = []
    session = Session(rich, tiny())
    found = session.ask(FindRepairs(budget=24), each=parts.append)
    assert [len(part.trials) for part in parts] == sorted({len(part.trials) for part in parts})
    assert len(parts) >= 3
    assert len(parts[0].trials) == 6  # calibrations come first
    assert not any(part.finished for part in parts)
    assert found.finished
    assert all(finding(part) for part in parts)
    looks = [part.confirmed.looks for part in parts if part.confirmed is not None]
    assert looks == sorted(looks)


def test_parts_of_a_search_take_about_as_long_each(rich: Prompt, tiny: Tiny, monkeypatch: pytest.MonkeyPatch) -> None:
    """In passes: what each training and each list of changes takes of the whole, from the first on."""
    told: list[int] = []
    trained: list[tuple[int, int]] = []

    def progress(what: str, done: int, total: int) -> None:
        if what == "repairs":
            assert total == 1000
            told.append(done)

    def train(*arguments: Any) -> Any:
        arguments[-1]("re-weighting", 0, 4)
        began = told[-1]
        arguments[-1]("re-weighting", 2, 4)
        half = told[-1]
        found = train_beta(*arguments)
        trained.append((half - began, told[-1] - began))
        return found

    monkeypatch.setattr(anchors, "train_beta", train)
    monkeypatch.setattr(anchors, "STEPS", 24)
    session = Session(rich, tiny())
    session.ask(FindRepairs(), progress)
    assert told == sorted(told)
    assert told[-1] == 1000
    effort = Effort.of(rich, 40, 60 + len(rich.queries), len(session.encoded.prefix) / 10)
    share = 1000 * effort.training / effort.passes
    assert share > 50
    for half, whole in trained:
        assert half == pytest.approx(share / 2, abs=30)
        assert whole == pytest.approx(share, abs=30)


def test_what_was_found_is_kept_on_disk(rich: Prompt, tiny: Tiny, tmp_path: Path) -> None:
    model = tiny()
    first = Session(rich, model, store=Store(tmp_path, "m", rich)).repairs(budget=6)
    again = Store(tmp_path, "m", rich).get(FindRepairs(None, 6, 0))
    assert isinstance(again, Repairs)
    assert finding(again) == finding(first)
    assert again.trials[0].repair.apply(rich) == first.trials[0].repair.apply(rich)


def test_a_prompt_without_examples_to_spare_is_confirmed_by_its_queries(prompt: Prompt, tiny: Tiny) -> None:
    few = replace(prompt, examples=tuple(Example(text, i % 3) for i, text in enumerate(texts(6))))
    found = Session(few, tiny()).repairs(budget=6)
    assert found.with_queries
    assert len(found.confirmation) == len(found.fitting) + len(found.selection) == 11
    assert (found.confirmed is None) == (found.best is None)
    for trial in found.trials:
        assert trial.queries.count == 0  # they were fitted on


def test_a_planted_likeness_is_mended_by_retrieval(rich: Prompt, tiny: Tiny, monkeypatch: pytest.MonkeyPatch) -> None:
    """The tiny model is replaced by one that answers with the label of the demonstration that it read last."""
    near = tuple(Example(f"{WORDS[i % 8]} {WORDS[i % 8]} {i}", i % 8 % 3) for i in range(48))
    prompt = replace(rich, queries=near[:8], examples=near[8:])
    search = Search(Lab(tiny(), Session(prompt, tiny()).encoded, Session(prompt, tiny()).prefix(lambda *_: None)))

    def last_label(questions: Sequence[Any], progress: Any = None) -> list[NDArray[np.float64]]:
        found = []
        for question in questions:
            shown = [
                [*question.prompt.demonstrations, *question.prompt.retrieved(one)] for one in question.prompt.queries
            ]
            found.append(np.eye(3)[[of[-1].known_label for of in shown]] * 4)
        return found

    monkeypatch.setattr(search.lab, "ask", last_label)
    trials = Trials(search, 99)
    trials.change(list(retrievals(search)))
    trials.look()
    assert trials.winner is not None and trials.confirmed is not None
    assert trials.winner.repair.family in ("retrieval", "combination") and trials.winner.repair.retrieval is not None
    assert trials.confirmed.count == 48 and trials.confirmed.sure and trials.confirmed.right_after == 48
    assert trials.winner.tokens > search.tokens(search.start)
    assert trials.winner.repair.needs.startswith("the examples")
