"""The help and the glossary over a panel: they scroll, and say what the panel's words mean."""

from __future__ import annotations

from pathlib import Path

import pytest

from icldiag.glossary import terms
from icldiag.tui.panels import PANELS
from icldiag.tui.sheet import NamedRows, Sheet
from tests.tui.pilot import running, screen_text, settle

#: What each panel of an answered prompt cannot do without.
NEEDED = {
    "Overview": {"accuracy", "AUC", "calibration", "demonstration"},
    "Why": {"lead", "nat", "label prior"},
    "Labels": {"distance", "AUC", "anchor"},
    "Flow": {"flow", "label word", "target", "layer"},
    "Isolate": {"cut", "label word"},
    "Extract": {"AUCROC", "target"},
    "Depth": {"logit lens", "direct share", "mass"},
    "Heads": {"anchor heads", "cut", "head"},
    "Patch": {"patching"},
    "Contrast": {"flow", "nat"},
    "Demonstrations": {"demonstration", "lead", "nat", "Shapley's value"},
    "Reweight": {"re-weighting"},
    "Compress": {"compression"},
    "Prompt": {"demonstration"},
    "Repair": {"repair"},
}


async def test_each_panels_terms_are_explained(prompt_file: Path, model_folder: Path) -> None:
    meanings = {term.name: term.meaning for term in terms()}
    assert set(NEEDED) == {panel.title for panel in PANELS}
    async with running(prompt_file, model_folder, (130, 50)) as (app, pilot):
        await settle(pilot, lambda: app.state.prediction)
        missing = {}
        for panel in PANELS:
            await pilot.press(panel.key)
            await settle(pilot)
            await pilot.press("i")
            await pilot.pause()
            assert isinstance(app.screen, Sheet)
            assert "`" not in screen_text(app)  # which marks code in the docs alone
            shown = {column for part in app.screen.parts for column in _names(part)}
            missing[panel.title] = NEEDED[panel.title] - shown
            assert shown <= set(meanings)
            await pilot.press("i")
            await pilot.pause()
            assert len(app.screen_stack) == 1
        assert not any(missing.values()), missing


def _names(part: object) -> list[str]:
    return [left for left, _ in part.rows] if isinstance(part, NamedRows) else []


async def test_the_help_scrolls_in_a_small_terminal(prompt_file: Path, model_folder: Path) -> None:
    async with running(prompt_file, model_folder, (80, 24)) as (app, pilot):
        await settle(pilot, lambda: app.state.prediction)
        await pilot.press("question_mark")
        await pilot.pause()
        sheet = app.screen.query_one("#sheet")
        seen = screen_text(app)
        for _ in range(40):
            before = sheet.scroll_offset.y
            await pilot.press("space")
            await pilot.pause()
            seen += screen_text(app)
            if sheet.scroll_offset.y == before:
                break
        assert "a label word, an anchor" in seen  # the last line
        assert "O Overview" in seen  # a panel's key stands with what it answers
        assert "choose cell" in seen
        assert "choose cell left" not in seen  # the arrow keys are one row
        assert "escape closes" in seen
        await pilot.press("g")
        await pilot.pause()
        assert sheet.scroll_offset.y == 0
        await pilot.press("j")
        await pilot.pause()
        assert sheet.scroll_offset.y == 1
        assert app.state.query == 0 or len(app.screen_stack) == 2  # no key reaches the panel
        await pilot.press("question_mark")
        await pilot.pause()
        assert len(app.screen_stack) == 1


@pytest.mark.parametrize("size", [(20, 5), (130, 5), (20, 40)])
async def test_a_term_is_shown_in_the_smallest_terminal(
    prompt_file: Path, model_folder: Path, size: tuple[int, int]
) -> None:
    async with running(prompt_file, model_folder, size) as (app, pilot):
        await settle(pilot, lambda: app.state.prediction)
        await pilot.press("2", "i")
        await pilot.pause()
        page, seen = app.screen, ""
        assert isinstance(page, Sheet)
        sheet = page.query_one("#sheet")
        for _ in range(200):
            seen += screen_text(app)
            if sheet.scroll_offset.y == sheet.max_scroll_y:
                break
            await pilot.press("j")
            await pilot.pause()
        meanings = [text for part in page.parts if isinstance(part, NamedRows) for _, text in part.rows]
        words = {word for text in meanings for word in text.split() if len(word) <= 12}  # longer ones may be broken
        shown = {word for line in seen.splitlines() for word in line.strip("│┃▁▂▃▄▅▆▇█ ").split()}
        assert words
        assert not words - shown
