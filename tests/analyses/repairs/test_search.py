"""Planted faults that a repair mends, what the search may look at, and that it stops when told to."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from icldiag.analyses.effect import Effect
from icldiag.analyses.repairs import FindRepairs, Repairs, Trial, anchors, finding, verdict
from icldiag.analyses.repairs.calibrations import FOLDS, cross_fitted
from icldiag.analyses.repairs.repair import as_it_is
from icldiag.analyses.repairs.trials import wins
from icldiag.analyses.reweighting.compute import train_beta
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
    held_out = {example.text for example in (*found.selection, *found.confirmation)}
    assert trained
    assert set(trained) <= set(found.fitting)
    assert not held_out & {example.text for example in found.fitting}
    assert not {example.text for example in found.selection} & {example.text for example in found.confirmation}
    placed = {example for trial in found.trials for example in trial.repair.demonstrations} - set(rich.demonstrations)
    assert placed
    assert placed <= set(found.fitting)
    assert {"calibration", "re-weighting", "drop", "replace", "order"} <= {t.repair.family for t in found.trials}


def test_a_text_is_judged_by_a_fit_without_its_fold() -> None:
    """What is fitted here remembers its rows: every later row is calibrated once, by a fit on all but its fold."""
    rows, first = 23, 6
    scores = np.arange(rows)[:, None] * np.ones((1, 2))
    fits: list[set[int]] = []

    def fit(others: Sequence[int]) -> Calibration:
        fits.append(set(others))
        return Calibration("batch", (float(1000 * len(fits)), 0.0))

    found = cross_fitted(fit, scores, first, whole=False)
    by = (found[:, 0] // 1000).astype(int) - 1
    np.testing.assert_array_equal(found[:, 1], np.arange(first, rows))
    assert len(fits) == FOLDS
    for row, which in zip(range(first, rows), by, strict=True):
        assert row not in fits[which]
        assert set(range(first)) <= fits[which]
    assert all(len(rest) >= rows - 4 for rest in fits)


def test_labels_without_a_relation_to_the_texts_are_not_learnt(rich: Prompt, tiny: Tiny) -> None:
    """The matrix fits noise where it is fitted; what the search says of it must not."""
    generator = np.random.default_rng(0)
    noise = [replace(example, label=int(generator.integers(3))) for example in rich.examples]
    found = Session(replace(rich, examples=tuple(noise)), tiny()).repairs(budget=5)
    assert not found.sure
    assert "Best of" not in finding(found)


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
        with pytest.raises(AnalysisError, match="only one with a gold label can be mended"):
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
    assert told[-1] == ("repairs", 5, 8)
    assert len(session.repairs(budget=8).trials) == 8


def test_the_best_so_far_is_told_after_every_step(rich: Prompt, tiny: Tiny) -> None:
    parts: list[Repairs] = []
    session = Session(rich, tiny())
    found = session.ask(FindRepairs(budget=24), each=parts.append)
    assert [len(part.trials) for part in parts] == sorted({len(part.trials) for part in parts})
    assert len(parts) >= 3
    assert len(parts[0].trials) == 5  # calibrations come first
    assert not any(part.finished for part in parts)
    assert found.finished
    assert all(finding(part) for part in parts)
    looks = [part.confirmed.looks for part in parts if part.confirmed is not None]
    assert looks == sorted(looks)


def test_what_was_found_is_kept_on_disk(rich: Prompt, tiny: Tiny, tmp_path: Path) -> None:
    model = tiny()
    first = Session(rich, model, store=Store(tmp_path, "m", rich)).repairs(budget=6)
    again = Store(tmp_path, "m", rich).get(FindRepairs(None, 6, 0))
    assert isinstance(again, Repairs)
    assert finding(again) == finding(first)
    assert again.trials[0].repair.apply(rich) == first.trials[0].repair.apply(rich)


def test_a_prompt_without_examples_to_spare_is_not_confirmed(prompt: Prompt, tiny: Tiny) -> None:
    few = replace(prompt, examples=tuple(Example(text, i % 3) for i, text in enumerate(texts(6))))
    found = Session(few, tiny()).repairs(budget=6)
    assert found.with_queries
    assert found.confirmed is None
    assert found.holds is None
    for trial in found.trials:
        assert trial.queries.count <= 5
    if found.best is not None:
        assert "too few labelled texts to confirm" in finding(found)


# ---- in words -------------------------------------------------------------------------------------------------------


def judged(prompt: Prompt, mends: bool, mended: int, broken: int) -> tuple[Repairs, Trial]:
    """A trial that does or does not mend query 0, and does so much to the selection part."""
    trial = Trial(
        repair=as_it_is(prompt, None),
        selection=Effect(20, 10, tuple(range(mended)), tuple(range(10, 10 + broken)), 0.0, (mended - broken) / 20),
        queries=Effect(5, 4, (0,) if mends else (), (), 0.0),
        predicted=np.array([0 if mends else 1, 1, 2, 0, 1, 2]),
        tokens=10,
    )
    gold = tuple(query.label for query in prompt.queries)
    before = np.array([1, 1, 2, 0, 1, 2])
    found = Repairs(0, 1, 0, (trial,), None, None, (), (), (), False, gold, before, 10, ())
    return found, trial


@pytest.mark.parametrize(
    ("mends", "mended", "broken", "words"),
    [
        (True, 1, 3, "mends this query but breaks others"),
        (True, 3, 1, "mends this query and others"),
        (True, 2, 2, "mends this query and as many others as it breaks"),
        (True, 0, 0, "mends this query and changes nothing else"),
        (False, 3, 1, "mends others, not this query"),
        (False, 1, 3, "breaks others"),
        (False, 0, 0, "changes nothing"),
    ],
)
def test_what_a_repair_does_is_said_in_words(prompt: Prompt, mends: bool, mended: int, broken: int, words: str) -> None:
    found, trial = judged(prompt, mends, mended, broken)
    assert verdict(found, trial, 0) == words


def test_a_winner_must_gain_and_mend(prompt: Prompt) -> None:
    for mends, mended, broken, query, won in (
        (True, 3, 1, None, True),
        (True, 2, 2, None, False),
        (True, 2, 2, 0, True),
        (True, 1, 2, 0, False),
        (False, 3, 1, 0, False),
    ):
        _, trial = judged(prompt, mends, mended, broken)
        assert wins(trial, query, prompt.queries) is won


def test_a_search_that_finds_nothing_says_whether_anything_mends_the_query(prompt: Prompt) -> None:
    found, _ = judged(prompt, False, 3, 1)
    assert found.mender is None
    assert finding(found) == "None of 1 repairs mends this query."
    found, trial = judged(prompt, True, 1, 3)
    assert found.mender == 0
    assert finding(found).endswith(
        f"The best that mends it, {trial.repair.name}, mends this query but breaks others (-2 of 20)."
    )
