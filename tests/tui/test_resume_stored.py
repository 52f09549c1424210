"""What a session kept on disk is shown while the model loads, and when it is written there."""

from __future__ import annotations

import threading
from functools import partial
from pathlib import Path

import pytest

from icldiag.analyses.overview import Summarise
from icldiag.analyses.overview.compute import Judge
from icldiag.model.settings import ModelSettings
from icldiag.prompt.read import read_prompt
from icldiag.session import Session
from icldiag.session_file import SessionFile, session_files, state_folder
from icldiag.store import open_store
from icldiag.tui import requests
from icldiag.tui.desk import Desk
from icldiag.tui.loading import SessionJob
from icldiag.tui.state import AnsweredSession
from tests.tui.pilot import PROMPT, last_session, running, says, screen_text, settle, until


def full(self: SessionFile, session: object) -> None:
    raise OSError(28, "no space left")


async def test_earlier_results_are_shown_while_the_model_loads(prompt_file: Path, model_folder: Path) -> None:
    async with running(prompt_file, model_folder, (160, 50)) as (app, pilot):
        await settle(pilot, lambda: app.state.prediction)
        await pilot.press("7", "s")
        await settle(pilot, lambda: requests.compression() in app.state.results)
        for number in "12345":
            await pilot.press(number)
            await settle(pilot)
        await pilot.press("q")
    loading: list[AnsweredSession] = []

    def keep_on_loading(self: Desk, answered: AnsweredSession) -> None:
        loading.append(answered)

    original, Desk._session_made = Desk._session_made, keep_on_loading  # type: ignore[method-assign]
    try:
        async with running(prompt_file, model_folder, (160, 50)) as (app, pilot):
            await settle(pilot, lambda: app.state.stored and loading)
            said = {
                "1": "the query's text",
                "2": "anchor distance",
                "3": "Into the target in layer",
                "4": "Nothing is cut",
                "5": "AUCROC",
                "6": "Press s to train",
                "7": "anchors kept",
                "8": "3 demonstrations of",
            }
            for number, words in said.items():
                await pilot.press(number)
                await until(pilot, partial(says, app, words))
            assert app.state.failures == {}
            await pilot.press("4", "f")  # never computed: it waits, and says so
            await settle(pilot, lambda: "Waiting for the model" in screen_text(app))
            await pilot.press("p", "b", "x")
            await settle(pilot)
            assert app.state.pinned is None
            Desk._session_made = original  # type: ignore[method-assign]
            app.desk._session_made(loading[0])
            await settle(pilot, lambda: "label loyalty" in screen_text(app))
            assert not app.state.stored
    finally:
        Desk._session_made = original  # type: ignore[method-assign]


def test_a_whole_overview_comes_from_disk_with_the_answers(prompt_file: Path, model_folder: Path) -> None:
    """At once, not as a job that waits while the model's imports hold up everything else."""
    settings = ModelSettings(name=str(model_folder), device="cpu")
    prompt = read_prompt(prompt_file)
    overview = Session(prompt, settings, store=open_store(prompt, settings)).ask(Summarise())
    stored = SessionJob(prompt, settings).stored()
    assert stored is not None
    assert stored.results[Summarise()].predicted.tolist() == overview.predicted.tolist()


async def test_what_is_saved_of_the_overview_is_shown_while_the_model_loads(
    prompt_file: Path, model_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = ModelSettings(name=str(model_folder), device="cpu")
    prompt = read_prompt(prompt_file)
    Session(prompt, settings, store=open_store(prompt, settings)).ask(Judge())  # and no more: it was left then
    loading: list[AnsweredSession] = []
    made = Desk._session_made
    monkeypatch.setattr(Desk, "_session_made", lambda desk, answered: loading.append(answered))
    async with running(prompt_file, model_folder, (160, 50)) as (app, pilot):
        await settle(pilot, lambda: app.state.stored and loading)
        await until(pilot, partial(says, app, "Saved by an earlier run; the model is loading."))
        assert says(app, "of 4 labelled queries")
        await pilot.press("n")  # drawn again
        await settle(pilot)
        assert says(app, "of 4 labelled queries")
        monkeypatch.setattr(Desk, "_session_made", made)  # undo() would bring the user's own folders back
        app.desk._session_made(loading[0])
        await settle(pilot, lambda: Summarise() in app.state.results)
        assert not says(app, "Saved by an earlier run")


async def test_a_prompt_file_that_vanished_or_changed_is_told(prompt_file: Path, model_folder: Path) -> None:
    async with running(prompt_file, model_folder) as (app, pilot):
        await settle(pilot, lambda: app.state.prediction)
        await pilot.press("q")
    prompt_file.write_text(PROMPT.replace("opera", "play"))
    async with running(prompt_file, model_folder, (120, 40), resumed=last_session()) as (app, pilot):
        await until(pilot, partial(says, app, "has changed since"))  # it goes after some seconds
        await settle(pilot, lambda: app.state.prediction)
        assert app.state.prompt is not None
        assert "opera" in app.state.prompt.demonstrations[0].text
        await pilot.press("r")
        await settle(pilot, lambda: app.state.prediction)
        assert "play" in app.state.prompt.demonstrations[0].text
        await pilot.press("q")
    prompt_file.unlink()
    async with running(prompt_file, model_folder, resumed=last_session()) as (app, pilot):
        await settle(pilot, lambda: app.state.prediction)
        assert "there is no such file" in " ".join(screen_text(app).split())
        assert "right" in screen_text(app)


async def test_it_is_saved_while_the_app_is_open(prompt_file: Path, model_folder: Path) -> None:
    async with running(prompt_file, model_folder) as (app, pilot):
        await settle(pilot, lambda: app.state.prediction)
        await pilot.press("5")
        await settle(pilot)
        app.autosave.look()
        app.autosave._writer.submit(lambda: None).result()
        (file,) = session_files()
        assert file.read().panel == "extract"
        written = file.path.stat().st_mtime_ns
        app.autosave.look()
        app.autosave._writer.submit(lambda: None).result()
        assert file.path.stat().st_mtime_ns == written  # nothing has changed
        assert SessionFile(file.id, state_folder()).is_open
        async with running(prompt_file, model_folder) as (other, second):
            await settle(second, lambda: other.state.prediction)
            await second.press("q")
        assert len(session_files()) == 2
        assert file.read().panel == "extract"


@pytest.mark.usefixtures("watchdog")
async def test_a_disk_that_fails_as_the_app_ends_does_not_hold_it_up(
    prompt_file: Path, model_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The thread that writes tells the event loop, which waits for that thread."""
    async with running(prompt_file, model_folder) as (app, pilot):
        await settle(pilot, lambda: app.state.prediction)
        app.autosave._lock.acquire()
        threading.Timer(0.3, app.autosave._lock.release).start()
        monkeypatch.setattr(SessionFile, "write", full)
        app.autosave._written = None
        app.autosave.look()
        app.leave()
    assert app.return_code == 0
