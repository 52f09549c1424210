"""What was asked of a model once: good under another calibration, too, and with other examples that vote."""

from __future__ import annotations

import pickle
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from icldiag.analyses.memory import Memory
from icldiag.analyses.overview import Perturb, Summarise
from icldiag.model.forward import InstrumentedModel
from icldiag.prompt.adjustments import Calibration
from icldiag.prompt.schema import Prompt
from icldiag.session import Session
from tests.conftest import Tiny


@pytest.fixture
def rich(prompt: Prompt) -> Prompt:
    """With enough labelled examples for calibrations and votes."""
    texts = tuple(replace(one, text=f"{one.text} {place}") for place in range(4) for one in prompt.demonstrations)
    return replace(prompt, examples=(*prompt.examples, *texts))


CALIBRATIONS = [
    Calibration.dividing("contextual", (0.2, 0.3, 0.5)),
    Calibration.affine("matrix", np.eye(3) * 1.5, np.arange(3.0)).with_votes(3, 2.0),
]


@pytest.mark.parametrize("calibration", CALIBRATIONS)
def test_under_a_calibration_an_overview_runs_the_queries_alone(
    rich: Prompt, tiny: Tiny, calibration: Calibration, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = Session(rich, tiny())
    session.ask(Summarise())
    calibrated = replace(rich, calibration=calibration)
    alone = Session(calibrated, tiny()).ask(Summarise())
    rows: list[int] = []
    run = InstrumentedModel.run

    def counted(self: InstrumentedModel, batch: Any, **more: Any) -> Any:
        rows.append(len(batch.ids))
        return run(self, batch, **more)

    monkeypatch.setattr(InstrumentedModel, "run", counted)
    found = session.with_prompt(calibrated).ask(Summarise())
    assert sum(rows) <= len(rich.queries)  # which `lean` asks without the calibration
    np.testing.assert_array_equal(found.predicted, alone.predicted)
    assert found.stability is not None and alone.stability is not None
    for one, two in zip(found.stability.orders, alone.stability.orders, strict=True):
        np.testing.assert_allclose(one.scores, two.scores, atol=1e-4)
    assert found.lean is not None and alone.lean is not None
    np.testing.assert_allclose(found.lean.priors[0].nats, alone.lean.priors[0].nats, atol=1e-4)


def test_other_examples_have_other_votes(rich: Prompt, tiny: Tiny) -> None:
    voting = replace(rich, calibration=CALIBRATIONS[1])
    relabelled = replace(
        voting, examples=tuple(replace(one, label=((one.label or 0) + 1) % 3) for one in voting.examples)
    )
    session = Session(voting, tiny())
    session.ask(Summarise())
    found = session.with_prompt(relabelled).ask(Summarise())
    alone = Session(relabelled, tiny()).ask(Summarise())
    assert found.stability is not None and alone.stability is not None
    for one, two in zip(found.stability.orders, alone.stability.orders, strict=True):
        np.testing.assert_allclose(one.scores, two.scores, atol=1e-4)


def test_the_oldest_goes_first() -> None:
    memory = Memory()
    for place in range(20_001):
        memory.keep(place, np.zeros(1))
    assert len(memory) == 20_000
    assert memory.get(0) is None
    memory.keep(1, np.ones(1))
    assert memory.get(1) == 1
    assert len(memory) == 20_000


def test_a_key_of_edits_is_small(prompt: Prompt, tiny: Tiny) -> None:
    """A beta in force is an edit of every head and column in every layer, and keys are kept for long."""
    model = tiny()
    shape = model.n_layers, model.n_heads, len(prompt.demonstrations)
    plain = Session(prompt, model)
    plain.ask(Perturb())
    session = Session(prompt, model).with_beta(np.full(shape, 0.5, np.float32))
    session.ask(Perturb())
    sizes = [max(len(pickle.dumps(key)) for key in one.asked._scores) for one in (plain, session)]
    assert sizes[1] - sizes[0] < 100 * model.n_layers
