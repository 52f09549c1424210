"""NO_COLOR: no cell has a colour, what is dim is so, and the marked row of a list is seen."""

from __future__ import annotations

from pathlib import Path

import pytest
from rich.segment import Segment

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
