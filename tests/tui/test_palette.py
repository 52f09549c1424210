"""The command palette."""

from __future__ import annotations

from pathlib import Path

from icldiag.tui.ask import AskScreen
from icldiag.tui.textual_fixes.command_palette import Palette
from tests.tui.pilot import running


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
