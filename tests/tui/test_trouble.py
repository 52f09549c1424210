"""Whatever goes wrong is a notice, and the app goes on."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path
from typing import Any

import pytest
from textual import events
from textual.widgets import LoadingIndicator

from icldiag.session_file import SavedSession, SessionFile, session_files
from icldiag.tui.app import DiagnosisApp
from icldiag.tui.matrix import Matrix
from icldiag.tui.messages import CutChanged
from icldiag.tui.queries import Queries
from icldiag.tui.textual_fixes.command_palette import Palette
from icldiag.tui.unsaved_screen import UnsavedScreen
from tests.tui.pilot import PROMPT, running, screen_text, settle


def words(text: str) -> str:
    return " ".join(text.split())


async def test_a_model_folder_that_vanishes(prompt_file: Path, model_folder: Path, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    shutil.copytree(model_folder, folder)
    async with running(prompt_file, folder) as (app, pilot):
        await settle(pilot, lambda: app.state.prediction)
        shutil.rmtree(folder)
        await pilot.press("5")  # the weights are in memory
        await settle(pilot, lambda: "AUCROC" in screen_text(app))
        await pilot.press("8", "d")
        await settle(pilot, lambda: app.state.prediction)
        assert "EDITED" in screen_text(app)
        await pilot.press("r")
        await settle(pilot, lambda: app.state.prediction)
        assert app.state.failures == {}
    async with running(prompt_file, folder) as (app, pilot):
        await settle(pilot, lambda: app.state.model_error)
        assert "there is no model folder" in words(screen_text(app))


async def test_a_prompt_file_that_vanishes(prompt_file: Path, model_folder: Path) -> None:
    async with running(prompt_file, model_folder) as (app, pilot):
        await settle(pilot, lambda: app.state.prediction)
        prompt_file.unlink()
        await pilot.press("j", "3")
        await settle(pilot, lambda: "Into the target" in screen_text(app))
        await pilot.press("r")
        await settle(pilot)
        assert "there is no such file" in words(screen_text(app))
        prompt_file.write_text(PROMPT)
        await pilot.press("r")
        await settle(pilot, lambda: app.state.prediction)
        assert "Into the target" in screen_text(app)


async def test_a_disk_that_is_full(
    prompt_file: Path, model_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("ICLDIAG_CACHE", "ICLDIAG_STATE"):
        (tmp_path / name).write_text("a file where a folder is to be made")
        monkeypatch.setenv(name, str(tmp_path / name / "below"))
    async with running(prompt_file, model_folder) as (app, pilot):
        await settle(pilot, lambda: app.state.prediction)
        app.autosave.look()
        await settle(pilot, lambda: "The session cannot be saved" in screen_text(app))
        app.autosave._written = None
        app.autosave.look()
        await settle(pilot, lambda: "AUC" in screen_text(app))
        assert len(app._notifications) == 1  # told once
        await pilot.press("q")
    assert app.return_code == 0


async def test_quitting_asks_before_changes_are_lost(
    prompt_file: Path, model_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk_is_full = False
    write = SessionFile.write

    def full(file: SessionFile, session: SavedSession) -> None:
        if disk_is_full:
            raise OSError(28, "No space left on device")
        write(file, session)

    monkeypatch.setattr(SessionFile, "write", full)
    async with running(prompt_file, model_folder) as (app, pilot):
        await settle(pilot, lambda: app.state.prediction and session_files())
        saved = session_files()[0].read()
        disk_is_full = True
        await pilot.press("8", "d")
        await settle(pilot, lambda: "EDITED" in screen_text(app))
        await pilot.press("q")
        await settle(pilot, lambda: isinstance(app.screen, UnsavedScreen))
        assert "No space left on device. Make room, or save the prompt" in words(screen_text(app))
        await pilot.press("escape")
        await settle(pilot, lambda: len(app.screen_stack) == 1)
        assert app._exit is False
        await pilot.press("q")
        await settle(pilot, lambda: isinstance(app.screen, UnsavedScreen))
        await pilot.press("q")
    assert app.autosave.failure == "No space left on device"
    assert session_files()[0].read().now.prompt == saved.now.prompt
    disk_is_full = False
    async with running(prompt_file, model_folder) as (app, pilot):
        await settle(pilot, lambda: app.state.prediction)
        await pilot.press("8", "d")
        await settle(pilot, lambda: "EDITED" in screen_text(app))
        await pilot.press("q")  # nothing is lost, nothing is asked
    assert app.autosave.failure is None
    assert session_files()[0].read().now.prompt != saved.now.prompt


@pytest.mark.parametrize("key", ["a", "x", "J", "question_mark"])
async def test_what_is_closed_before_it_is_there(key: str, prompt_file: Path, model_folder: Path) -> None:
    async with running(prompt_file, model_folder) as (app, pilot):
        await settle(pilot, lambda: app.state.prediction)
        app.post_message(events.Key(key, None))
        while len(app.screen_stack) == 1:
            await asyncio.sleep(0)
        app.screen.dismiss(None)
        await settle(pilot, lambda: len(app.screen_stack) == 1)
        assert app.unexpected == []


async def test_an_action_that_raises(prompt_file: Path, model_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(self: Matrix, rows: int, columns: int) -> None:
        raise KeyError("[b")

    monkeypatch.setattr(Matrix, "action_move", broken)
    async with running(prompt_file, model_folder) as (app, pilot):
        await settle(pilot, lambda: app.state.prediction)
        app.query_one("#predicted", Matrix).focus()
        await pilot.press("up")
        await settle(pilot, lambda: "move: unexpected KeyError: '[b'" in words(screen_text(app)))
        await pilot.press("1")
        await settle(pilot, lambda: "the query's text" in screen_text(app))
        app.unexpected.clear()


def raising(times: int, original: Any) -> Any:
    """A handler that raises the first times it is called."""
    calls = []

    def handler(*arguments: Any) -> Any:
        calls.append(arguments)
        if len(calls) <= times:
            raise KeyError("[b")
        return original(*arguments)

    return handler


async def test_a_handler_that_raises_is_told_once_and_the_app_goes_on(
    prompt_file: Path, model_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running(prompt_file, model_folder) as (app, pilot):
        await settle(pilot, lambda: app.state.prediction)
        for place, handler in (
            (DiagnosisApp, "on_query_chosen"),  # of the app
            (Queries, "on_option_list_option_highlighted"),  # of a widget of ours
            (DiagnosisApp, "show_panel"),  # called after a refresh, and when a job has ended
        ):
            with monkeypatch.context() as patch:
                patch.setattr(place, handler, raising(3, getattr(place, handler)))
                for key in ("j", "3", "k", "2", "j"):
                    await pilot.press(key)
                await settle(pilot)
            assert app.unexpected
            told = [str(notification.message) for notification in app._notifications]
            assert told[-1].endswith(": unexpected KeyError: '[b'")
            assert len(told) == len(set(told))
            app.unexpected.clear()
            app.clear_notifications()
        await pilot.press("1", "n")
        await settle(pilot, lambda: "the query's text" in screen_text(app))
        before = app.state.query
        await pilot.press("j")
        await settle(pilot, lambda: app.state.query != before)
        await pilot.press("q")
    assert app.return_code == 0


async def test_a_message_that_comes_after_the_widgets_have_gone(prompt_file: Path, model_folder: Path) -> None:
    async with running(prompt_file, model_folder) as (app, pilot):
        await settle(pilot, lambda: app.state.prediction)
        await app.query("#top").remove()
        app.post_message(CutChanged())
        await pilot.pause()
        assert app.closing
        assert app._exception is None


async def test_a_palette_that_was_closed_looks_for_nothing(prompt_file: Path, model_folder: Path) -> None:
    async with running(prompt_file, model_folder) as (app, pilot):
        await pilot.press("ctrl+p")
        await pilot.pause()
        palette = app.screen
        assert isinstance(palette, Palette)
        await palette.query_one(LoadingIndicator).remove()
        palette._show_busy = not palette._show_busy
        await pilot.pause()
        await pilot.press("escape")
        await pilot.pause()
        assert app.is_running
        assert app._exception is None
        assert not isinstance(app.screen, Palette)
        await pilot.press("ctrl+p", *"export")
        await settle(pilot, lambda: "Export figures as PDF" in screen_text(app))
