"""The command palette."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.command import CommandList

from icldiag.tui.ask import AskScreen
from icldiag.tui.sheet import Sheet
from icldiag.tui.textual_fixes.command_palette import Palette
from tests.tui.pilot import running, screen_text, settle


async def test_a_second_choice_under_way_closes_no_other_screen(prompt_file: Path, model_folder: Path) -> None:
    async with running(prompt_file, model_folder, (120, 40)) as (app, pilot):
        await pilot.press("ctrl+p")
        await pilot.pause()
        palette = app.screen
        assert isinstance(palette, Palette)
        question = AskScreen("a new query")
        await app.push_screen(question)
        palette.dismiss()
        await pilot.pause()
        assert app.screen_stack[1:] == [palette, question]
        await pilot.press("escape")
        assert app.screen_stack[1:] == [palette]
        await pilot.press("escape")
        await pilot.pause()
        assert len(app.screen_stack) == 1
        assert app.unexpected == []


async def test_our_actions_come_first_and_those_of_the_panel_before_the_others(
    prompt_file: Path, model_folder: Path
) -> None:
    async with running(prompt_file, model_folder, (120, 40)) as (app, pilot):
        await pilot.press("5", "ctrl+p")
        await settle(pilot, lambda: "Extract: " in screen_text(app))
        options = list(app.screen.query_one(CommandList).options)
        titles = [str(option.prompt).split("\n")[0] for option in options]
        panel, ours = (
            [n for n, title in enumerate(titles) if title.startswith(start)] for start in ("Extract: ", "icldiag: ")
        )
        own = next(n for n, title in enumerate(titles) if title.startswith("Theme"))
        assert panel[0] == 0
        assert panel[-1] < ours[0]
        assert max(ours) < own


async def test_an_action_of_another_panel_is_found_and_done_there(
    prompt_file: Path, model_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    async with running(prompt_file, model_folder, (120, 40)) as (app, pilot):
        await settle(pilot, lambda: app.state.prediction)
        await pilot.press("ctrl+p", *"prompt save")
        await settle(pilot, lambda: "Prompt: save" in screen_text(app))
        assert "write the prompt as it is now, under a name (key w in Prompt)" in screen_text(app)
        await pilot.press("enter")
        await settle(pilot, lambda: isinstance(app.screen, AskScreen))
        assert app.panel.title == "Prompt"
        await pilot.press("escape", "O", "ctrl+p", *"prompt undo")
        await settle(pilot, lambda: "Prompt: undo" in screen_text(app))
        await pilot.press("enter")
        await settle(pilot, lambda: "Prompt: undo would do nothing now." in screen_text(app))
        assert app.panel.title == "Prompt"


@pytest.mark.parametrize("rows", [1, 2, 4])
async def test_a_palette_without_room_takes_every_key(rows: int, prompt_file: Path, model_folder: Path) -> None:
    """Textual's lists look for lines that they have not laid out."""
    async with running(prompt_file, model_folder, (200, rows)) as (app, pilot):
        for letters in ("", "zzzz", "e"):
            await pilot.press("ctrl+p", *letters)
            await pilot.press("pagedown", "down", "pageup", "up", "pagedown", "ctrl+end", "pageup", "down", "pagedown")
            await pilot.pause(0.05)
            await pilot.press("pagedown", "pageup")
            await pilot.pause()
            assert app.unexpected == []
            await pilot.press("escape")
            await pilot.pause()


@pytest.mark.parametrize("word", ["setting", "colour", "color", "model", "config", "keys"])
async def test_the_settings_are_found_and_say_where_they_are(
    word: str, prompt_file: Path, model_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ICLDIAG_CONFIG", str(tmp_path / "mine.toml"))
    async with running(prompt_file, model_folder, (120, 60)) as (app, pilot):
        await pilot.press("ctrl+p", *word)
        await settle(pilot, lambda: "Settings (config)" in screen_text(app))
        await app.run_action("settings", app)
        await settle(pilot, lambda: isinstance(app.screen, Sheet))
        told = screen_text(app)
        for part in ("mine.toml", "ICLDIAG_CONFIG", "ICLDIAG_CACHE", 'theme = "textual-dark"', "# ascii = true"):
            assert part in told
        assert str(model_folder.name) in told
        await pilot.press("escape")
        await settle(pilot, lambda: not isinstance(app.screen, Sheet))


async def test_in_ascii_every_character_of_the_palette_is(prompt_file: Path, model_folder: Path) -> None:
    async with running(prompt_file, model_folder, (120, 40), ascii_only=True) as (app, pilot):
        await pilot.press("ctrl+p")
        await settle(pilot, lambda: "Search for commands..." in screen_text(app) and "Overview: " in screen_text(app))
        assert screen_text(app).isascii()
        await pilot.press(*"the")
        await settle(pilot, lambda: "Theme" in screen_text(app))
        assert screen_text(app).isascii()
