"""No colours, or few: none is written with NO_COLOR, and of sixteen each is the one that is named."""

from __future__ import annotations

from pathlib import Path

import pytest
from rich.console import Console
from rich.segment import Segment

from icldiag.render.look import SIXTEEN
from icldiag.tui.app import DiagnosisApp
from tests.tui.pilot import running, settle


def drawn(app: DiagnosisApp) -> list[Segment]:
    return [piece for strip in app.screen._compositor.render_strips() for piece in strip]


async def test_nothing_has_a_colour(prompt_file: Path, model_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    async with running(prompt_file, model_folder) as (app, pilot):
        await settle(pilot, lambda: app.state.prediction)
        styles = [piece.style for piece in drawn(app) if piece.style is not None]
        colours = [colour for style in styles for colour in (style.color, style.bgcolor) if colour is not None]
        assert styles and all(colour.is_default for colour in colours)
        assert any(style.dim for style in styles)


async def test_the_marked_row_of_a_dialog_is_seen(
    prompt_file: Path, model_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    async with running(prompt_file, model_folder) as (app, pilot):
        await settle(pilot, lambda: app.state.prediction)
        await pilot.press("x", "j")
        await settle(pilot)
        marked = {piece.text.strip() for piece in drawn(app) if piece.style is not None and piece.style.underline}
        assert any(text.startswith("( ) this panel") for text in marked)
        assert not any("everything" in text for text in marked)


async def test_of_sixteen_colours_each_is_the_one_that_is_named(
    prompt_file: Path, model_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Red was drawn as magenta, and yellow as red: the nearest to Textual's shades of them."""
    async with running(prompt_file, model_folder, (80, 24)) as (app, pilot):
        await settle(pilot, lambda: app.state.prediction)
        app.console = Console(color_system="standard", force_terminal=True)
        monkeypatch.setattr(DiagnosisApp, "is_headless", False)
        app.state.look = app._look()
        monkeypatch.undo()
        assert app.state.look == SIXTEEN
        app.show_all()
        await settle(pilot)
        inked = [piece for piece in drawn(app) if piece.text.strip() and piece.style is not None and piece.style.color]
        used = {piece.style.color for piece in inked if piece.style is not None and piece.style.color is not None}
        assert {1, 3} <= {colour.number for colour in used}  # red and yellow
        assert not any(colour.is_default for colour in used)  # black on black where the terminal is light
