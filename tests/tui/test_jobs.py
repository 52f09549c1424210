"""The list of jobs: what runs, how far it is, and how the user stops it."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any

import pytest

from icldiag.analyses.extraction.compute import Extract
from icldiag.tui.jobs_screen import JobsScreen, job_line
from icldiag.tui.run import Run
from icldiag.tui.state import State
from icldiag.tui.top import top_line
from tests.tui.pilot import running, screen_text, settle, until


def test_a_line_says_what_and_how_far(tmp_path: Path) -> None:
    state = State(tmp_path)
    run = Run("extraction", 1, state)
    assert job_line(run) == "extraction   waiting for its turn"
    run.begun = True
    state.doing["extraction"] = "extraction 3 of 9"
    assert job_line(run) == "extraction 3 of 9"
    run.stopped = True
    assert job_line(run) == "extraction   stopping"


def test_what_waits_says_for_what(tmp_path: Path) -> None:
    state = State(tmp_path, doing={"confusion": "waiting for its turn"})
    assert state.how_far("confusion") == "waiting for its turn"  # for the other state's
    state.doing["overview"] = "changed prompts: tokens 32%"
    assert state.how_far("confusion") == "waiting for its turn; now: overview (changed prompts: tokens 32%)"
    assert "changed prompts" in top_line(state, 100).plain
    state.doing = {"session": "answering again", "confusion": "waiting for its turn"}
    assert state.how_far("confusion") == "waiting for its turn; now: answering again"


def extraction_held(monkeypatch: pytest.MonkeyPatch) -> tuple[list[Extract], threading.Event]:
    """What extractions were begun; they say 3 of 9, and end once the event is set."""
    extract, go, began = Extract.compute, threading.Event(), list[Extract]()

    def slowly(request: Extract, bench: Any, progress: Any, each: Any) -> Any:
        began.append(request)
        while not go.is_set():
            progress("extraction", 3, 9)
            time.sleep(0.01)
        return extract(request, bench, progress, each)

    monkeypatch.setattr(Extract, "compute", slowly)
    return began, go


async def test_what_runs_and_what_waits_is_listed_and_stopped(
    prompt_file: Path, model_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    began, go = extraction_held(monkeypatch)
    async with running(prompt_file, model_folder, (130, 50)) as (app, pilot):
        await settle(pilot, lambda: app.state.prediction)
        await pilot.press("5")  # Extract holds the model
        await until(pilot, lambda: app.state.doing.get("extraction") == "extraction 3 of 9")
        await pilot.press("2")  # what Labels asks for waits
        await until(pilot, lambda: "waiting for its turn" in app.state.doing.values())
        (waits,) = (job for job, text in app.state.doing.items() if text == "waiting for its turn")
        await until(pilot, lambda: "Waiting for its turn; now: extraction 3 of 9" in screen_text(app))
        await pilot.press("J")
        await until(pilot, lambda: " extraction 3 of 9" in screen_text(app))
        assert isinstance(app.screen, JobsScreen)
        text = screen_text(app)
        assert f"{waits}   waiting for its turn; now: extraction 3 of 9" in text
        await pilot.press("j" if list(app.jobs.running).index(waits) else "k", "c")
        await until(pilot, lambda: waits not in app.jobs.running)
        assert list(app.jobs.running) == ["extraction"], (waits, screen_text(app))
        await until(pilot, lambda: f"{waits}   " not in screen_text(app))
        await pilot.press("c")
        await settle(pilot, lambda: "Nothing is being computed." in screen_text(app))
        await pilot.press("escape")
        await pilot.pause()
        assert "Not computed: stopped; r computes it" in screen_text(app)  # the panel does not ask again by itself
        assert len(began) == 1
        go.set()
        await pilot.press("r", "5")
        await settle(pilot, lambda: Extract() in app.state.results)


async def test_what_was_stopped_is_computed_and_the_edits_stay(
    prompt_file: Path, model_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, go = extraction_held(monkeypatch)
    async with running(prompt_file, model_folder, (130, 50)) as (app, pilot):
        await settle(pilot, lambda: app.state.prediction)
        await pilot.press("8", "d")
        await settle(pilot, lambda: app.state.undo and app.state.prediction)
        edited = app.state.prompt
        await pilot.press("5")
        await until(pilot, lambda: app.state.doing.get("extraction") == "extraction 3 of 9")
        app.desk.dismiss("extraction")
        await settle(pilot, lambda: "Not computed: stopped; r computes it" in screen_text(app))
        go.set()
        await pilot.press("r")
        await settle(pilot, lambda: Extract() in app.state.results)
        assert app.state.prompt is edited
        await pilot.press("r")  # nothing is missing now: the file is read
        await until(pilot, lambda: app.state.prompt != edited)


async def test_a_package_that_is_missing_is_told_with_its_cure(
    prompt_file: Path, model_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def absent(*given: Any) -> Any:
        raise ModuleNotFoundError("No module named 'scipy'", name="scipy")

    monkeypatch.setattr(Extract, "compute", absent)
    async with running(prompt_file, model_folder, (130, 50)) as (app, pilot):
        await settle(pilot, lambda: app.state.prediction)
        await pilot.press("5")
        await until(pilot, lambda: "pip install 'scipy>=1.11'" in " ".join(screen_text(app).split()))
        assert "unexpected" not in screen_text(app)
