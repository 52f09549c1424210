"""What panels Depth and Heads add on a key: nats, mean direct shares, heads from all sides."""

from __future__ import annotations

from pathlib import Path

from icldiag.tui.panels.base import Line
from tests.tui.pilot import running, screen_text, settle


async def test_depth_and_heads_show_more_on_a_key(prompt_file: Path, model_folder: Path) -> None:
    async with running(prompt_file, model_folder, (120, 50)) as (app, pilot):
        await settle(pilot, lambda: app.state.prediction)
        for key in ("L", "v", "m", "s"):
            await pilot.press(key)
            await settle(pilot, lambda: app.panel.settled())
            await settle(pilot)
        shown = screen_text(app)
        assert "mean nats of the gold label over the best other label" in shown
        assert "nats written directly for the answer against its rival" in shown and "the whole lead" in shown
        for key in ("B", "d"):
            await pilot.press(key)
            await settle(pilot, lambda: app.panel.settled())
            await settle(pilot)
        title = app.panel.query_one("#sides-title", Line).text.plain
        assert "attention on label words, nats written directly; lost cut, zeroed, averaged" in title
