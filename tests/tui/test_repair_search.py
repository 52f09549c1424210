"""Panel Repair: a search begins, is stopped, and keeps what it has."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import pytest

from icldiag.analyses.repairs import FindRepairs, Repairs
from icldiag.analyses.request import Each, Workbench
from icldiag.errors import AnalysisError
from icldiag.model.readout import Progress, silent
from icldiag.prompt.edit import drop
from icldiag.tui.panels.base import Line
from icldiag.tui.panels.repairs import RepairPanel
from tests.analyses.repairs.conftest import short_trainings as short_trainings
from tests.tui.pilot import running, screen_text, settle


async def test_a_search_can_be_stopped(prompt_file: Path, model_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def endless(request: FindRepairs, bench: object, progress: Progress, each: object) -> None:
        while True:
            progress("repairs", 30, 1000)
            time.sleep(0.01)

    monkeypatch.setattr(FindRepairs, "compute", endless)
    async with running(prompt_file, model_folder) as (app, pilot):
        await settle(pilot, lambda: app.state.prediction)
        await pilot.press(RepairPanel.key)
        await pilot.press("s")
        while "repairs 3%" not in screen_text(app):
            await pilot.pause(0.02)
        await pilot.press("escape")
        await settle(pilot)
        assert FindRepairs() not in app.state.results
        assert "Press s to search" in screen_text(app)


async def test_a_search_that_is_asked_before_the_answers_are_there_begins_with_them(
    prompt_file: Path, model_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = []

    def compute(self: FindRepairs, bench: Workbench, progress: Progress, each: Each | None) -> Repairs:
        begun.append(len(bench.prompt.demonstrations))
        raise AnalysisError("none here")

    monkeypatch.setattr(FindRepairs, "compute", compute)
    async with running(prompt_file, model_folder) as (app, pilot):
        await settle(pilot, lambda: app.state.prediction and app.state.prompt)
        assert app.state.prompt is not None
        shown = len(app.state.prompt.demonstrations)
        await pilot.press(RepairPanel.key)
        app.edits.change(lambda prompt: drop(prompt, 0))
        assert app.state.prediction is None
        app.query_one(RepairPanel).search(None)
        await settle(pilot, lambda: FindRepairs() in app.state.failures)
        assert begun == [shown - 1]


async def test_a_stopped_search_keeps_the_best_so_far(
    prompt_file: Path, model_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One step of the search is told; then it is stopped, and what was told can still be taken over."""
    search = FindRepairs.compute

    def endless(request: FindRepairs, bench: Workbench, progress: Progress, each: Each | None) -> Repairs:
        assert each is not None
        each(replace(search(replace(request, budget=5), bench, silent, None), finished=False, budget=40))
        while True:
            progress("repairs", 50, 1000)
            time.sleep(0.01)

    monkeypatch.setattr(FindRepairs, "compute", endless)
    async with running(prompt_file, model_folder) as (app, pilot):
        await settle(pilot, lambda: app.state.prediction)
        await pilot.press(RepairPanel.key)
        await pilot.press("s")
        while "The search is running: 5 candidates so far" not in screen_text(app).replace("\n", " "):
            await pilot.pause(0.05)
        await pilot.press("escape")
        await settle(pilot)
    async with running(prompt_file, model_folder) as (app, pilot):  # a later run of icldiag has it too
        await settle(pilot, lambda: app.state.prediction)
        await pilot.press(RepairPanel.key)
        await settle(pilot)
        panel = app.query_one(RepairPanel)
        told = panel.query_one("#finding", Line).text.plain
        assert "The search was stopped after 5 of up to 40 candidates." in told
        assert FindRepairs() not in app.state.results
        trial = panel._chosen()
        assert trial is not None
        await pilot.press("t")
        await settle(pilot, lambda: app.state.prediction and app.state.prompt and app.state.prompt.calibration)
        assert app.state.prompt is not None
        assert app.state.prompt.calibration == trial.repair.calibration
        told = panel.query_one("#finding", Line).text.plain
        assert told.startswith("Compared with the prompt without the repair that is on; ")
