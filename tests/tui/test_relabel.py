"""Key `c` in panel Prompt: a demonstration gets another label."""

from __future__ import annotations

from pathlib import Path

from tests.tui.pilot import running, says, settle, until


async def test_a_demonstration_gets_another_label(prompt_file: Path, model_folder: Path) -> None:
    async with running(prompt_file, model_folder, (80, 24)) as (app, pilot):
        await settle(pilot, lambda: app.state.prediction)
        before = app.state.prompt
        await pilot.press("8", "down", "c", "ctrl+u", *"Nowhere", "enter")
        await until(pilot, lambda: says(app, "there is no label 'Nowhere'; choose from Person, Location,"))
        assert says(app, "label of demonstration 2: Person, Location, Number")
        await pilot.press("ctrl+u", *"Number", "enter")
        await settle(pilot, lambda: app.state.prediction and app.state.prompt is not before)
        assert app.state.prompt is not None
        assert [one.label for one in app.state.prompt.demonstrations] == [0, 2, 2]
        await pilot.press("u")
        await settle(pilot, lambda: app.state.prediction and app.state.prompt is before)
