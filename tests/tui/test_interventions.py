"""Key 0: every intervention off, and back."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from icldiag.analyses.search.repair import Repair
from icldiag.prompt.adjustments import Calibration
from icldiag.prompt.edit import ask, drop, rename_word, swap
from icldiag.prompt.read import read_prompt
from icldiag.session import Session
from icldiag.tui import requests
from icldiag.tui.edits import Edits
from tests.tui.pilot import PROMPT, running, screen_text, settle
from tests.tui.test_desk import Table
from tests.tui.test_desk import table as table

CALIBRATED = "calibration: {kind: batch, probabilities: {Person: 0.9, Location: 0.05, Number: 0.05}}\n"


async def test_a_cut_and_a_calibration_are_taken_off_and_put_back(prompt_file: Path, model_folder: Path) -> None:
    prompt_file.write_text(PROMPT + CALIBRATED)
    async with running(prompt_file, model_folder, (150, 50)) as (app, pilot):
        await settle(pilot, lambda: app.state.prediction)
        calibrated, written = app.state.prediction, app.state.prompt
        await pilot.press("4", "f")
        await settle(pilot)
        assert "CUT IN LAYER 0   CALIBRATED batch (0: off/on)" in screen_text(app)
        await pilot.press("0")
        await settle(pilot, lambda: app.state.prediction is not calibrated)
        told = [notification.message for notification in app._notifications]
        assert told == ["Off: CUT IN LAYER 0, CALIBRATED batch. The same key puts it back."]
        assert "EDITED" in screen_text(app)  # it is another prompt than the file's
        assert not app.state.cut_layers
        assert calibrated is not None
        assert app.state.prediction is not None
        plain = Session(read_prompt(write(prompt_file, PROMPT)), str(model_folder)).prediction()
        np.testing.assert_array_equal(app.state.prediction.probabilities, plain.probabilities)
        assert np.abs(plain.probabilities - calibrated.probabilities).max() > 0.1
        await pilot.press("0")
        await settle(pilot, lambda: app.state.prompt is written and app.state.prediction)
        np.testing.assert_array_equal(app.state.prediction.probabilities, calibrated.probabilities)
        assert app.state.cut_layers == {0}
        assert "EDITED" not in screen_text(app)


async def test_a_calibration_that_was_taken_off_comes_back_with_undo(prompt_file: Path, model_folder: Path) -> None:
    prompt_file.write_text(PROMPT + CALIBRATED)
    async with running(prompt_file, model_folder) as (app, pilot):
        await settle(pilot, lambda: app.state.prediction)
        written = app.state.prompt
        await pilot.press("0", "8", "u")
        await settle(pilot, lambda: app.state.prediction)
        assert app.state.prompt is written
        assert "CALIBRATED" in screen_text(app)
        await pilot.press("0", "0", "0")  # typed ahead of the answers
        await settle(pilot, lambda: app.state.prediction)
        assert app.state.prompt is not None
        assert app.state.prompt.calibration is None
        assert [before.prompt for before in app.state.undo] == [written]


async def test_a_trained_beta_is_taken_off_and_put_back(prompt_file: Path, model_folder: Path) -> None:
    async with running(prompt_file, model_folder) as (app, pilot):
        await settle(pilot, lambda: app.state.prediction)
        await pilot.press("0")
        await pilot.pause()
        assert "No intervention is on" in screen_text(app)
        await pilot.press("6", "s")
        await settle(pilot, lambda: requests.reweighting() in app.state.results)
        await pilot.press("b")
        await settle(pilot, lambda: app.state.beta_on)
        beta = app.state.session.beta if app.state.session else None
        assert beta is not None
        await pilot.press("0")
        await settle(pilot, lambda: app.state.session is not None and app.state.session.beta is None)
        assert not app.state.undo
        await pilot.press("0")
        await settle(pilot, lambda: app.state.beta_on)
        assert app.state.session is not None
        np.testing.assert_array_equal(app.state.session.beta, beta)


async def test_a_beta_of_the_file_stays_off_when_a_query_is_asked(
    prompt_file: Path, model_folder: Path, tmp_path: Path
) -> None:
    from icldiag.analyses.reweighting.beta_file import save_beta

    session = Session(read_prompt(prompt_file), str(model_folder))
    beta = np.full(session.beta_shape, 0.5, np.float32)
    save_beta(tmp_path / "beta.safetensors", beta, session.model.name, session.prompt)
    prompt_file.write_text(PROMPT + "beta: beta.safetensors\n")
    async with running(prompt_file, model_folder) as (app, pilot):
        await settle(pilot, lambda: app.state.prediction and app.state.beta_on)
        assert "RE-WEIGHTED (0: off/on)" in screen_text(app)
        await pilot.press("0")
        await settle(pilot, lambda: not app.state.beta_on)
        await pilot.press("a", *"Who ?", "enter")
        await settle(pilot, lambda: app.state.prediction and len(app.state.prediction) == 6)
        assert app.state.session is not None
        assert app.state.session.beta is None
        await pilot.press("8", "u", "u")
        await settle(pilot, lambda: app.state.beta_on)
        np.testing.assert_array_equal(app.state.session.beta, beta)


def write(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def test_an_edit_says_what_it_takes_off(table: Table) -> None:
    """Once, where something was on that is not good for the changed prompt."""
    desk, jobs, screen = table
    edits, state, before = Edits(desk), desk.state, desk.state.prompt
    assert before is not None
    edits.change(lambda prompt: swap(prompt, 0, 1))
    edits.undo()
    assert screen.notices == []  # nothing was on
    calibration = Calibration("batch", (0.0, 3.0, 0.0))
    edits.apply(Repair("calibration", "flat", before.demonstrations, before.labels, calibration))
    jobs.finish(desk)
    edits.change(lambda prompt: ask(prompt, "Where ?"))
    edits.undo()
    assert screen.notices == []  # it is still on
    undoes = "it is off. u in panel Prompt undoes the edit."
    edits.change(lambda prompt: drop(prompt, 0))
    edits.change(lambda prompt: swap(prompt, 0, 1))
    assert screen.notices == [f"The calibration was fitted with the demonstrations as they were; {undoes}"]
    edits.undo()
    edits.undo()
    assert state.prompt is not None
    assert state.prompt.calibration == calibration
    edits.change(lambda prompt: rename_word(prompt, 0, "Who"))
    assert screen.notices[1:] == [f"The calibration was fitted with the label words as they were; {undoes}"]
    edits.undo()
    edits.undo()  # the repair
    jobs.finish(desk)
    assert state.session is not None
    edits.use_beta(np.full(state.session.beta_shape, 0.5, np.float32))
    jobs.finish(desk)
    edits.change(lambda prompt: swap(prompt, 0, 1))
    assert screen.notices[2:] == [f"The re-weighting was trained with the demonstrations as they were; {undoes}"]
    assert not state.beta_on
    edits.undo()
    assert state.beta_on
