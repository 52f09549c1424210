"""Sentences of the evidence, each counted again from the numbers beside it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from icldiag.analyses.explanation.favourite import favourite_of
from icldiag.analyses.overview.opening import headline
from icldiag.analyses.overview.origins import _harms
from icldiag.analyses.overview.reading import lines
from icldiag.analyses.overview.stability import LeftOut, Stability
from icldiag.analyses.prediction.section import reading as prediction_reading
from icldiag.prompt.adjustments import Calibration
from icldiag.prompt.schema import Example, Prompt
from icldiag.session import Session
from tests.analyses.overview.made import overview_of
from tests.conftest import Tiny


@pytest.mark.parametrize("queries", [1, 2, 5])
def test_a_demonstration_left_out_is_told_with_its_sign(queries: int, tiny: Tiny, prompt: Prompt) -> None:
    found = Session(prompt.with_queries(prompt.queries[:queries]), tiny()).overview()
    assert found.stability is not None
    signs = set()
    for sign in (1.0, -1.0):  # as it is, and were every change the other way
        left_out = tuple(
            replace(run, scores=found.stability.scores + sign * (run.scores - found.stability.scores))
            for run in found.stability.left_out
        )
        changed = replace(found, stability=replace(found.stability, left_out=left_out))
        assert changed.stability is not None
        means = [sum(row) / len(row) for row in changed.stability.matrix.tolist()]
        (said,) = [line.sentence for line in lines(changed) if line.name == "demonstrations"]
        if changed.stability.harmful is None:
            shown = [found.shown[run.without[0]] for run in left_out]
            spared = [place for place, label in enumerate(shown) if shown.count(label) > 1]  # its class is still shown
            best = max(means[place] for place in spared)
            place = means.index(best)
            assert f"without demonstration {place + 1} (" in said
            assert f"{'gain' if best > 0 else 'lose'}{'' if queries > 1 else 's'} {abs(best):.1f} nats" in said
            assert f"the {'most' if best > 0 else 'least'} of {len(spared)} whose class has another" in said
            assert ("on average" in said) == (queries > 1)
            signs.add(best > 0)
    assert signs


@pytest.mark.parametrize("labelled", [11, 12])
def test_the_texts_to_compare_on_are_counted_with_what_is_set_apart(labelled: int, tiny: Tiny, prompt: Prompt) -> None:
    queries = tuple(Example(f"Who wrote book {place} ?", place % len(prompt.labels)) for place in range(labelled))
    found = Session(prompt.with_queries((*queries, queries[0], prompt.demonstrations[0])), tiny()).overview()
    assert found.repairs is not None
    (said,) = [line.sentence for line in lines(found) if line.name == "calibration"]
    n, fitting = len(found.repairs.selection), len(found.repairs.fitting)
    assert (n + fitting, fitting > 0) == (labelled, True)  # the query that is there twice counts once
    assert f"of the {n} labelled texts of 'examples' and 'queries' to compare on" in said
    assert f"({labelled} without repeats, less {fitting} to make changes from)" in said


def test_no_lean_is_called_none(tiny: Tiny, prompt: Prompt) -> None:
    classes = len(prompt.labels)
    nothing = Calibration("affine", (0.0,) * classes, scale=(0.0,) * classes)  # all labels are as probable
    found = Session(replace(prompt, calibration=nothing), tiny()).overview()
    (said,) = [line.sentence for line in lines(found) if line.name == "lean"]
    assert said.startswith("no measurement favours any label.")
    assert found.lean is not None
    assert found.lean.towards is None
    assert "leans to" not in headline(found)


@pytest.mark.parametrize("labelled", [True, False])
def test_answers_that_are_all_ties_are_told_as_ties(tiny: Tiny, prompt: Prompt, labelled: bool) -> None:
    classes = len(prompt.labels)
    nothing = Calibration("affine", (0.0,) * classes, scale=(0.0,) * classes)
    queries = tuple(query if labelled else replace(query, label=None) for query in prompt.queries)
    session = Session(replace(prompt, calibration=nothing, queries=queries), tiny())
    first, n = prompt.label_names[0], len(queries)
    told = f"All {n} answers are ties, which go to the label that the prompt lists first, {first}"
    assert headline(session.overview()).startswith(told)
    said = prediction_reading(session.prediction())
    assert f"All {n} answers are {first}" not in said
    assert f"{n} answers are a tie, which goes to the label that the prompt lists first." in said
    assert favourite_of(session.overview(), 0) is None


@pytest.mark.parametrize(
    ("after", "said"),
    [
        ((0, 0, 0, 0), ", and accuracy is 0.50, 0.25 as it is."),
        ((1, 1, 1, 0), ", but as many answers are right (accuracy 0.25)."),
        ((1, 1, 0, 0), ", but fewer answers are right (accuracy 0.00, 0.25 as it is)."),
    ],
)
def test_a_demonstration_that_harms_the_lead_need_not_cost_right_answers(
    after: tuple[int, ...], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Stability, "harmful", 0)
    own = np.array([[0.1, 0.0], [0.0, 0.1], [0.1, 0.0], [0.1, 0.0]])  # the first alone is right
    run = LeftOut((0,), np.array([[1.0, 0.0], [0.0, 1.0]])[list(after)], (1,), 1, True)
    stability = Stability((0, 1, 2, 3), 4, (0, 0, 1, 1), own, 1, (), (run,), 0)
    found = replace(overview_of(own, [0, 0, 1, 1]), stability=stability)
    told = _harms(found, stability, 1)
    assert told.startswith("Demonstration 2 (Positive) harms the lead: without it that of the gold labels grows by ")
    assert told.endswith(said)
