"""Key e: nothing that the user typed, in the app or in the editor, is lost; and key r."""

from __future__ import annotations

import shutil
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from textual.pilot import Pilot

from icldiag import samples
from icldiag.prompt.read import read_prompt
from icldiag.tui import editor
from icldiag.tui.app import DiagnosisApp
from tests.tui.pilot import PROMPT, running, screen_text, settle

SIZE = (130, 50)
Use = Callable[[str], None]


@pytest.fixture
def editor_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Use:
    """A script as the editor: its argument is the file. What it opened is in `opened`."""
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    script = tmp_path / "editor.sh"
    monkeypatch.setenv("VISUAL", str(script))
    monkeypatch.setattr(editor, "_AT_ONCE", 0.0)

    def use(command: str) -> None:
        script.write_text(f'#!/bin/sh\nprintf %s "$1" > "{tmp_path}/opened"\ncp "$1" "{tmp_path}/text"\n{command}\n')
        script.chmod(script.stat().st_mode | stat.S_IXUSR)

    monkeypatch.setattr(DiagnosisApp, "suspend", lambda app: suspended())
    return use


@contextmanager
def suspended() -> Iterator[None]:
    """As Textual's: what is raised inside leaves the terminal to nobody."""
    try:
        yield
    except Exception as error:
        raise AssertionError("the app would stay suspended") from error


def opened(tmp_path: Path) -> Path:
    return Path((tmp_path / "opened").read_text())


def told(app: DiagnosisApp) -> str:
    return " ".join(f"{n.title} {n.message}" for n in app._notifications)


async def pressed(pilot: Pilot[None], app: DiagnosisApp, *keys: str) -> None:
    for key in keys:
        await pilot.press(key)
    await settle(pilot, lambda: app.state.prediction)


async def test_an_editor_that_does_not_start_is_told(
    prompt_file: Path, model_folder: Path, editor_does: Use, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running(prompt_file, model_folder, SIZE) as (app, pilot):
        await settle(pilot, lambda: app.state.prediction)
        for command, reason in (
            ("nosuchprog", "No such file or directory"),
            ("vi '", "No closing quotation"),
            ("/", "Permission denied"),
        ):
            monkeypatch.setenv("VISUAL", command)
            await pressed(pilot, app, "e")
            assert f"{command}: {reason}; set EDITOR" in told(app)
        assert app.state.prompt is not None


async def test_an_editor_that_fails_or_takes_the_file_away_is_told(
    prompt_file: Path, model_folder: Path, editor_does: Use
) -> None:
    async with running(prompt_file, model_folder, SIZE) as (app, pilot):
        await settle(pilot, lambda: app.state.prediction)
        await pressed(pilot, app, "8", "d")
        for command, words in (
            ("exit 3", "editor.sh ended with status 3."),
            ("kill -9 $$", "editor.sh was ended by signal 9."),
            ('rm "$1"', "prompt-edited.yaml is gone. The prompt here is kept"),
            ('rm "$1"; mkfifo "$1"', "prompt-edited.yaml is no file any more"),
            ('rm "$1"; mkdir "$1"', "prompt-edited-2.yaml is no file any more"),
        ):
            editor_does(command)
            await pressed(pilot, app, "e")
            assert words in told(app), command
            assert app.state.prompt is not None


async def test_an_unchanged_file_changes_nothing(
    prompt_file: Path, model_folder: Path, tmp_path: Path, editor_does: Use
) -> None:
    async with running(prompt_file, model_folder, SIZE) as (app, pilot):
        await settle(pilot, lambda: app.state.prediction)
        editor_does(":")
        await pressed(pilot, app, "8", "d", "u", "e")
        assert opened(tmp_path) == prompt_file  # everything undone
        await pressed(pilot, app, "d", "m")
        edited, undo, prediction = app.state.prompt, list(app.state.undo), app.state.prediction
        await pressed(pilot, app, "e")
        assert app.state.prompt is edited
        assert app.state.undo == undo
        assert app.state.prediction is prediction
        assert "EDITED 2x" in screen_text(app)
        assert opened(tmp_path) == tmp_path / "here" / "prompt-edited.yaml"
        assert edited is not None
        assert "opera" not in (tmp_path / "text").read_text()  # the edited prompt, not the file's
        assert list((tmp_path / "here").iterdir()) == []
        assert prompt_file.read_text() == PROMPT


async def test_what_was_edited_is_a_change_on_top(
    prompt_file: Path, model_folder: Path, tmp_path: Path, editor_does: Use
) -> None:
    async with running(prompt_file, model_folder, SIZE) as (app, pilot):
        await settle(pilot, lambda: app.state.prediction)
        await pressed(pilot, app, "8", "d")
        dropped = app.state.prompt
        editor_does("sed -i 's/park/garden/' \"$1\"; echo '# mine' >> \"$1\"")
        await pressed(pilot, app, "e")
        draft = tmp_path / "here" / "prompt-edited.yaml"
        assert app.state.prompt is not None
        assert app.state.prompt.demonstrations[0].text == "Where is the garden ?"
        assert str(draft) in told(app)
        assert "EDITED 2x" in screen_text(app)
        editor_does(":")
        await pressed(pilot, app, "e")
        assert "# mine" in (tmp_path / "text").read_text()  # the same file, with what is no part of a prompt
        await pressed(pilot, app, "u")
        assert app.state.prompt == dropped
        await pressed(pilot, app, "u")
        assert app.state.prompt == read_prompt(prompt_file)
        assert "EDITED" not in screen_text(app)
        assert "garden" in draft.read_text()  # the user's: it stays
        await pressed(pilot, app, "m", "e")
        assert opened(tmp_path) == tmp_path / "here" / "prompt-edited-2.yaml"
        assert prompt_file.read_text() == PROMPT


async def test_a_text_that_cannot_be_read_is_opened_again(
    prompt_file: Path, model_folder: Path, tmp_path: Path, editor_does: Use
) -> None:
    async with running(prompt_file, model_folder, SIZE) as (app, pilot):
        await settle(pilot, lambda: app.state.prediction)
        await pressed(pilot, app, "8", "d")
        dropped, undo = app.state.prompt, list(app.state.undo)
        editor_does("sed -i 's/label: Number/label: Nmber/' \"$1\"")
        await pressed(pilot, app, "e")
        assert app.state.prompt is dropped
        assert app.state.undo == undo
        assert "did you mean 'Number'" in told(app)
        assert "edits are kept" in told(app)
        editor_does("sed -i 's/label: Nmber/label: Number/; s/bridges/boats/' \"$1\"")
        await pressed(pilot, app, "e")
        assert app.state.prompt is not None
        assert "boats" in app.state.prompt.demonstrations[1].text
        assert [before.prompt for before in app.state.undo] == [*(before.prompt for before in undo), dropped]


async def test_a_text_that_the_model_cannot_take_is_opened_again(
    prompt_file: Path, model_folder: Path, tmp_path: Path, editor_does: Use
) -> None:
    async with running(prompt_file, model_folder, SIZE) as (app, pilot):
        await settle(pilot, lambda: app.state.prediction)
        before, prediction = app.state.prompt, app.state.prediction
        editor_does(
            'sed -i \'s/Location, Number/Location, "Location Number"/; s/label: Number/label: Location Number/\' "$1"'
        )
        await pressed(pilot, app, "e")
        assert app.state.prompt is before
        assert app.state.prediction is prediction
        assert app.state.undo == []
        assert told(app)
        editor_does("sed -i 's/Location Number/Number/' \"$1\"")
        await pressed(pilot, app, "e")
        assert opened(tmp_path) == prompt_file
        assert "Location Number" in (tmp_path / "text").read_text()
        assert app.state.prompt == before


async def test_a_sample_is_edited_as_a_copy(
    prompt_file: Path, model_folder: Path, tmp_path: Path, editor_does: Use, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(samples, "samples_folder", lambda: prompt_file.parent)
    monkeypatch.setattr(editor, "is_sample", lambda path: path == prompt_file)
    async with running(prompt_file, model_folder, SIZE) as (app, pilot):
        await settle(pilot, lambda: app.state.prediction)
        editor_does(":")
        await pressed(pilot, app, "e")
        copy = tmp_path / "here" / "prompt.yaml"
        assert opened(tmp_path) == copy
        assert not copy.exists()
        editor_does("sed -i 's/park/garden/' \"$1\"")
        await pressed(pilot, app, "e")
        assert app.state.path == copy
        assert str(copy) in told(app)
        assert "EDITED" not in screen_text(app)  # the copy is the session's file from here on
        assert prompt_file.read_text() == PROMPT
        copy.write_text(copy.read_text().replace("garden", "square"))
        await pressed(pilot, app, "r")
        assert app.state.prompt is not None
        assert "square" in app.state.prompt.demonstrations[1].text
        await pressed(pilot, app, "8", "u", "u")
        assert app.state.prompt.hash == read_prompt(prompt_file).hash


def test_the_samples_that_ship_are_known(tmp_path: Path) -> None:
    sample = samples.sample_path(samples.DEFAULT_SAMPLE)
    assert samples.is_sample(sample)
    assert not samples.is_sample(Path(shutil.copy(sample, tmp_path)))


async def test_an_editor_with_a_window_of_its_own(
    prompt_file: Path, model_folder: Path, tmp_path: Path, editor_does: Use, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(editor, "_AT_ONCE", 60.0)
    async with running(prompt_file, model_folder, SIZE) as (app, pilot):
        await settle(pilot, lambda: app.state.prediction)
        editor_does(":")
        await pressed(pilot, app, "8", "d", "e")
        draft = opened(tmp_path)
        assert "press e again" in told(app)
        draft.write_text(draft.read_text().replace("park", "garden"))  # saved later
        await pressed(pilot, app, "m", "e")
        assert app.state.prompt is not None
        assert "garden" in app.state.prompt.demonstrations[0].text
        await pilot.press("q")
    assert "garden" in draft.read_text()


async def test_reading_the_file_again_is_undone(prompt_file: Path, model_folder: Path) -> None:
    async with running(prompt_file, model_folder, SIZE) as (app, pilot):
        await settle(pilot, lambda: app.state.prediction)
        await pressed(pilot, app, "8", "d")
        dropped = app.state.prompt
        await pressed(pilot, app, "r")
        assert app.state.prompt == read_prompt(prompt_file)
        assert "EDITED" not in screen_text(app)
        await pressed(pilot, app, "u")
        assert app.state.prompt == dropped
        await pressed(pilot, app, "r", "r", "r")
        assert len(app.state.undo) == 2
        prompt_file.write_text("labels: [")
        await pressed(pilot, app, "r")
        assert app.state.prompt == read_prompt_of(PROMPT, prompt_file)
        assert "edits are kept" in told(app)


def read_prompt_of(text: str, path: Path) -> object:
    path.write_text(text)
    return read_prompt(path)


async def test_a_file_that_cannot_be_read_any_more_is_undone_too(prompt_file: Path, model_folder: Path) -> None:
    async with running(prompt_file, model_folder, SIZE) as (app, pilot):
        await settle(pilot, lambda: app.state.prediction)
        written = app.state.prompt
        prompt_file.write_text("labels: [")
        await pilot.press("8", "r")
        await settle(pilot, lambda: app.state.prompt_error)
        await pressed(pilot, app, "u")
        assert app.state.prompt is written
