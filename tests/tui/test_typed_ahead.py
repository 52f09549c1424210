"""Keys that come before what they are for is drawn."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual import events
from textual.widgets import Input

from icldiag.tui import requests
from tests.tui.pilot import running, screen_text, settle, until


async def test_keys_typed_ahead_are_for_the_panel_that_comes(prompt_file: Path, model_folder: Path) -> None:
    """In Prompt `w` saves and `d` drops a demonstration; on a slow line they come before Reweight is drawn."""
    async with running(prompt_file, model_folder, (130, 50)) as (app, pilot):
        await settle(pilot, lambda: app.state.prediction)
        for key in ("d", "w", "s"):
            await pilot.press("8")
            await until(pilot, lambda: app.focused is not None and app.focused.id == "prompt")
            for typed in ("6", key):
                app.post_message(events.Key(typed, typed))
            await until(pilot, lambda: app.panel.title == "Reweight")
            await settle(pilot)
            assert len(app.screen_stack) == 1
            assert app.state.edits == 0
        await settle(pilot, lambda: requests.reweighting() in app.state.results)


@pytest.mark.parametrize("first", ["slash", "a"])
async def test_text_typed_ahead_is_for_the_line_that_opens(first: str, prompt_file: Path, model_folder: Path) -> None:
    """On a slow line `/red` comes at once: `r` must not read the file again, which loses changes, nor `e` edit it."""
    async with running(prompt_file, model_folder, (130, 50)) as (app, pilot):
        await settle(pilot, lambda: app.state.prediction)
        await pilot.press("8", "d")
        await settle(pilot, lambda: app.state.edits == 1 and app.state.prediction)
        for key in (first, *"red", "space", *"qux"):
            app.post_message(events.Key(key, " " if key == "space" else key if len(key) == 1 else "/"))
        await until(pilot, lambda: isinstance(app.focused, Input))
        await until(pilot, lambda: isinstance(app.focused, Input) and len(app.focused.value) == 7)
        assert isinstance(app.focused, Input)
        assert app.focused.value == "red qux"
        assert app.state.edits == 1
        await pilot.press("escape")


@pytest.mark.parametrize(
    ("panel", "key", "needed"),
    [("8", "w", "Type a name for the file."), ("8", "l", "Type a word."), ("8", "a", "Type a text.")],
)
async def test_a_line_left_empty_stays_and_says_what_to_type(
    panel: str, key: str, needed: str, prompt_file: Path, model_folder: Path
) -> None:
    """Or the text that is typed next would be keys of the panel, such as `d`, which drops a demonstration."""
    async with running(prompt_file, model_folder, (130, 50)) as (app, pilot):
        await settle(pilot, lambda: app.state.prediction)
        before = app.state.prompt
        await pilot.press(panel, key)
        await until(pilot, lambda: isinstance(app.focused, Input))
        await pilot.press("ctrl+u", "enter", "d")
        assert isinstance(app.focused, Input)
        assert app.focused.value == "d"
        assert needed in screen_text(app)
        assert app.state.prompt is before
        await pilot.press("escape")
