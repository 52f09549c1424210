"""A file that is read again while a calibration or a re-weighting is on: it stays told, and nothing is added."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import numpy as np
import pytest

from icldiag.analyses.search.repair import Repair
from icldiag.model.settings import ModelSettings
from icldiag.prompt.adjustments import Calibration
from icldiag.tui.desk import Desk
from icldiag.tui.edits import Edits
from icldiag.tui.interventions import toggle
from icldiag.tui.jobs import Jobs
from tests.tui.test_desk import Queue, Screen


@pytest.fixture
def desk(prompt_file: Path, model_folder: Path) -> Desk:
    """One that has answered."""
    jobs = Queue()
    desk = Desk(Screen(), cast(Jobs, jobs), prompt_file, ModelSettings(name=str(model_folder), device="cpu"))
    desk.read_prompt()
    desk.load_model()
    jobs.finish(desk)
    return desk


def test_another_text_below_a_calibration_is_an_edit(desk: Desk) -> None:
    state, edits = desk.state, Edits(desk)
    assert state.prompt is not None
    zero = Calibration("contextual", (0.0, 0.0, 0.0))
    edits.apply(Repair("calibration", "contextual", state.prompt.demonstrations, state.prompt.labels, zero))
    assert (state.edits, state.edited) == (1, 0)
    state.path.write_text(state.path.read_text().replace("park", "parks"))
    edits.reload()
    edits.undo()
    assert state.prompt.calibration == zero
    assert (state.edits, state.edited) == (1, 1)  # the file holds another text by now


def test_key_0_twice_is_no_change_though_the_prompt_is_another_object(desk: Desk) -> None:
    """It was answered before, and is equal to that."""
    state, edits = desk.state, Edits(desk)
    assert state.session is not None
    edits.use_beta(np.ones(state.session.beta_shape, np.float32))
    edits.ask("Who ?")
    edits.reload()
    undo = len(state.undo)
    toggle(edits)
    toggle(edits)
    assert state.beta_on
    assert len(state.undo) == undo
