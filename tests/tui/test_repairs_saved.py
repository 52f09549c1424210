"""What panel Repair writes: for other programs, before it is answered, or why there is nothing yet."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from textual.widgets import Input

from icldiag.analyses.repairs import TryCalibrations
from icldiag.errors import IcldiagError
from icldiag.prompt.edit import drop
from icldiag.prompt.read import read_prompt
from icldiag.prompt.schema import Prompt
from icldiag.tui.ask import AskScreen
from icldiag.tui.panels.repairs import RepairPanel
from icldiag.tui.saving import write_state
from icldiag.tui.state import State
from tests.analyses.repairs.conftest import short_trainings as short_trainings
from tests.tui.pilot import running, screen_text, settle, until


async def test_a_repair_is_saved_for_other_programs_by_its_name(
    prompt_file: Path, model_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    async with running(prompt_file, model_folder) as (app, pilot):
        await settle(pilot, lambda: app.state.prediction)
        await pilot.press(RepairPanel.key)
        await settle(pilot, lambda: TryCalibrations() in app.state.results)
        trials = app.state.results[TryCalibrations()].trials
        panel = app.query_one(RepairPanel)
        panel.marked = place = next(i for i, one in enumerate(trials) if one.repair.name == "batch calibration")
        for name in ("r.json", "r.txt", "r.messages.json"):
            await pilot.press("w")
            await settle(pilot, lambda: isinstance(app.screen, AskScreen))
            app.screen.query_one(Input).value = name
            await pilot.press("enter")
            await settle(pilot, (tmp_path / name).exists)
            await settle(pilot, lambda: not app.export.running)
        requests = json.loads((tmp_path / "r.json").read_text())
        bias = trials[place].logit_bias
        assert not isinstance(bias, str)
        assert requests["openai"]["logit_bias"] == {str(token): value for token, value in bias.items()}
        assert "{text}" in (tmp_path / "r.txt").read_text()
        assert json.loads((tmp_path / "r.messages.json").read_text())[-1]["role"] == "user"
        panel.marked = next(i for i, one in enumerate(trials) if one.repair.name == "matrix calibration")
        await pilot.press("w")
        await settle(pilot, lambda: isinstance(app.screen, AskScreen))
        app.screen.query_one(Input).value = "no.json"
        await pilot.press("enter")
        await settle(pilot, lambda: not app.export.running and "multiplies label scores" in screen_text(app))
        assert not (tmp_path / "no.json").exists()


@pytest.mark.parametrize("drawn", [True, False])
async def test_the_repair_that_was_just_applied_can_be_saved_before_it_is_answered(
    prompt_file: Path, model_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, drawn: bool
) -> None:
    monkeypatch.chdir(tmp_path)
    async with running(prompt_file, model_folder) as (app, pilot):
        await settle(pilot, lambda: app.state.prediction)
        await pilot.press(RepairPanel.key)
        await settle(pilot, lambda: TryCalibrations() in app.state.results)
        assert app.state.session is not None
        with app.state.session.model.turns:  # whatever is computed waits
            await pilot.press("t")
            await until(pilot, lambda: app.state.applied)
            if drawn:
                await pilot.pause()
            assert app.state.session is None
            await pilot.press("w")
            await until(pilot, lambda: isinstance(app.screen, AskScreen))
            await pilot.press("enter")
            await until(pilot, (tmp_path / "prompt-repaired.yaml").exists)
        assert app.state.prompt is not None
        assert read_prompt(tmp_path / "prompt-repaired.yaml").calibration == app.state.prompt.calibration
        await settle(pilot, lambda: app.state.prediction)


async def test_where_there_is_nothing_to_save_yet_the_key_says_why(prompt_file: Path, model_folder: Path) -> None:
    async with running(prompt_file, model_folder) as (app, pilot):
        await settle(pilot, lambda: app.state.prediction)
        assert app.state.session is not None
        with app.state.session.model.turns:
            app.edits.change(lambda prompt: drop(prompt, 0))
            await pilot.press(RepairPanel.key, "w")
            await pilot.pause()
            assert [note.message for note in app._notifications][-1].startswith("The answers are being computed")
        await settle(pilot, lambda: app.state.prediction)


def test_a_reweighting_is_never_left_out_of_what_is_saved(tmp_path: Path, prompt: Prompt) -> None:
    state = State(path=tmp_path / "p.yaml")
    state.become(prompt, beta=np.zeros((1, 1, 1), np.float32))
    with pytest.raises(IcldiagError, match="the re-weighting cannot be saved while the answers are computed"):
        write_state(state, tmp_path / "out.yaml")
    assert not (tmp_path / "out.yaml").exists()
