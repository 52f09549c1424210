"""The line of hints: what a key would do now, in as few lines as may be."""

from __future__ import annotations

from pathlib import Path

from icldiag.analyses.overview import Summarise
from icldiag.tui.panels.base import Line
from tests.tui.pilot import PROMPT, running, screen_text, settle


async def test_overviews_keys_take_one_line_at_80_columns(prompt_file: Path, model_folder: Path) -> None:
    async with running(prompt_file, model_folder, (80, 24)) as (app, pilot):
        await settle(pilot, lambda: app.state.prediction and Summarise() in app.state.results)
        for change in ((), ("8", "d", "O")):
            await pilot.press(*change)
            await settle(pilot, lambda: app.state.prediction)
            await pilot.press("escape")
            await settle(pilot)
            assert app.query_one("#hints").size.height == 1


async def test_a_key_that_would_do_nothing_is_no_hint(prompt_file: Path, model_folder: Path) -> None:
    """Nothing trained can be on; what is measured is not measured again; nothing is stopped where nothing runs."""
    async with running(prompt_file, model_folder, (120, 40)) as (app, pilot):
        await settle(pilot, lambda: app.state.prediction)
        for panel, key, before, after in (
            ("6", "s", {"stop", "beta"}, {"stop", "train"}),
            ("7", "s", {"stop"}, {"stop", "measure"}),
            ("H", "s", {"stop", "alone"}, {"stop", "value"}),
        ):
            await pilot.press(panel)
            await settle(pilot, lambda: app.panel.settled())
            assert app.panel.idle() - {""} == before, panel
            await pilot.press(key)
            await settle(pilot, lambda: app.panel.settled())
            await settle(pilot)
            assert app.panel.idle() - {""} == after, panel
        await pilot.press("8")
        assert app.panel.idle() == {"undo"}
        await pilot.press("d")
        await settle(pilot, lambda: app.state.prediction)
        assert app.panel.idle() == set()


async def test_a_prompt_without_examples_offers_no_training(tmp_path: Path, model_folder: Path) -> None:
    path = tmp_path / "prompt.yaml"
    path.write_text(PROMPT.split("examples:")[0], encoding="utf-8")
    async with running(path, model_folder, (80, 24)) as (app, pilot):
        await settle(pilot, lambda: app.state.prediction)
        await pilot.press("6")
        await settle(pilot, lambda: app.panel.settled())
        assert "train" in app.panel.idle()
        assert "start training" not in screen_text(app)


async def test_no_key_is_hinted_at_where_there_is_nothing_to_use_it_on(tmp_path: Path, model_folder: Path) -> None:
    """As where the prompt file is wrong; the line keeps its place."""
    path = tmp_path / "prompt.yaml"
    path.write_text("labels: [", encoding="utf-8")
    async with running(path, model_folder, (80, 24)) as (app, pilot):
        await settle(pilot)
        for panel in ("O", "8", "9"):
            await pilot.press(panel)
            await settle(pilot)
            hints = app.query_one("#hints", Line)
            assert (hints.text.plain, hints.size.height) == ("", 1)
        path.write_text(PROMPT, encoding="utf-8")
        await pilot.press("r")
        await settle(pilot, lambda: app.state.prediction)
        assert app.panel.hinted()
