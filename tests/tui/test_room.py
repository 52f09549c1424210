"""What a panel shows in the room that it has: the answer and a whole chart first, and all rows that fit."""

from __future__ import annotations

from pathlib import Path

import pytest

from icldiag.model.settings import BUNDLED
from icldiag.prompt.edit import drop
from icldiag.samples import sample_path
from icldiag.tui.layers import LayerChart
from icldiag.tui.queries import Queries
from tests.render.test_renderables import contrast
from tests.tui.pilot import lines_of, running, screen_text, settle, until


@pytest.mark.parametrize("size", [(62, 23), (66, 22), (80, 22), (160, 50)], ids=str)
async def test_charts_are_whole_in_view(size: tuple[int, int], prompt_file: Path, model_folder: Path) -> None:
    async with running(prompt_file, model_folder, size) as (app, pilot):
        await settle(pilot, lambda: app.state.prediction)
        for key in ("3", "L", "T"):
            await pilot.press(key)
            await settle(pilot, lambda: app.panel.settled())
            await settle(pilot)
            chart = app.panel.query_one(LayerChart)
            assert chart.region.height >= 4
            assert chart.region.bottom <= app.panel.region.bottom, key


async def test_a_high_screen_has_high_charts(prompt_file: Path, model_folder: Path) -> None:
    async with running(prompt_file, model_folder, (160, 50)) as (app, pilot):
        await settle(pilot, lambda: app.state.prediction)
        await pilot.press("L")
        await settle(pilot, lambda: app.panel.settled())
        await settle(pilot)
        assert app.panel.query_one(LayerChart).region.height > app.panel.region.height // 3


async def test_the_sweep_stands_under_the_answers_where_there_is_room(prompt_file: Path, model_folder: Path) -> None:
    """Once it was asked for; until then it is offered with what it takes."""
    async with running(prompt_file, model_folder, (160, 50)) as (app, pilot):
        await settle(pilot, lambda: app.state.prediction)
        await pilot.press("4")
        await settle(pilot)
        assert "s: the first n and the last n layers cut, for every n, 7 cuts." in screen_text(app)
        assert not app.panel.query_one("#sweep-chart").display
        await pilot.press("s")
        await settle(pilot, lambda: app.panel.settled())
        assert not app.panel.query_one("#before-after").display
        await pilot.press("s")
        await settle(pilot)
        assert app.panel.query_one("#before-after").display
        assert app.panel.query_one("#sweep-chart").display
        await pilot.resize_terminal(100, 30)
        await settle(pilot, lambda: not app.panel.query_one("#sweep-chart").display)
        assert lines_of(app, "#offer")[0].endswith("7 cuts; computed.")


async def test_a_wide_screen_has_both_measures_and_names_words(prompt_file: Path, model_folder: Path) -> None:
    async with running(prompt_file, model_folder, (160, 50)) as (app, pilot):
        await settle(pilot, lambda: app.state.prediction)
        await pilot.press("C")
        await settle(pilot, lambda: app.panel.settled())
        head = lines_of(app, "#groups")[0].split("  ")
        assert [name.strip() for name in head if name.strip()] == ["flow", "gradient x input"]
        assert len(lines_of(app, "#words")) > 5
        await pilot.resize_terminal(80, 24)
        await settle(pilot, lambda: "flow" not in lines_of(app, "#groups")[0])


async def test_what_stands_over_the_selected_query_is_said(prompt_file: Path, model_folder: Path) -> None:
    async with running(prompt_file, model_folder, (120, 40)) as (app, pilot):
        await settle(pilot, lambda: app.state.prediction)
        await pilot.press("H")
        for query, sign in ((4, "v over query 5, the selected one"), (3, "not in it: query 4, the selected one")):
            app.query_one(Queries).select(query)
            await settle(pilot, lambda: app.panel.settled())
            await settle(pilot)
            assert lines_of(app, "#signs")[0].endswith(sign)
            assert ("this" in "\n".join(lines_of(app, "#matrix"))) is (query == 4)


async def test_a_small_screen_holds_the_answer_and_what_to_press(prompt_file: Path, model_folder: Path) -> None:
    """Of Flow the tokens under the curves, of Contrast and Isolate what the key s would do, to its end."""
    async with running(prompt_file, model_folder, (80, 24)) as (app, pilot):
        await settle(pilot, lambda: app.state.prediction)
        for key, last in (("3", "#strip"), ("C", "#deletion"), ("4", "#offer")):
            await pilot.press(key)
            await settle(pilot, lambda: app.panel.settled())
            await settle(pilot)
            line = app.panel.query_one(last)
            assert line.region.height >= 1
            assert line.region.bottom <= app.panel.region.bottom, key


async def test_what_a_cut_changes_leaves_room_for_what_to_press() -> None:
    """With more changed answers than there are rows."""
    async with running(sample_path("banking"), BUNDLED, (120, 40)) as (app, pilot):
        await settle(pilot, lambda: app.state.prediction)
        await pilot.press("4", "space")
        await settle(pilot, lambda: app.panel.settled())
        await settle(pilot)
        assert "more" in lines_of(app, "#flipped")[-1]
        assert app.panel.query_one("#offer").region.bottom <= app.panel.region.bottom


async def test_a_row_of_the_deletion_curve_is_a_line(prompt_file: Path, model_folder: Path) -> None:
    """Also with an interval of two digits before the point, at 80 columns."""
    async with running(prompt_file, model_folder, (80, 24)) as (app, pilot):
        await settle(pilot, lambda: app.state.prediction)
        await pilot.press("C", "s")
        await settle(pilot, lambda: app.panel.settled())
        await settle(pilot)
        rows = lines_of(app, "#deletion")
        widest = rows[1].index("(") + len("(+10.6 to +16.0)") if "(" in rows[1] else len(rows[1])
        assert widest <= app.panel.room.width, rows


async def test_what_each_demonstration_takes_by_label_fills_a_high_screen(
    prompt_file: Path, model_folder: Path
) -> None:
    async with running(prompt_file, model_folder, (160, 50)) as (app, pilot):
        await settle(pilot, lambda: app.state.prediction)
        await pilot.press("H")
        await settle(pilot, lambda: app.panel.settled())
        await settle(pilot)
        head, queries, *rows = lines_of(app, "#labels")
        assert head.split() == ["Person", "Location", "Number"]
        assert queries.split() == ["queries", "2", "1", "1"]  # of those with a gold label
        assert len(rows) == 3
        assert "of each gold label:" in lines_of(app, "#labels-title")[0]


async def test_what_is_told_covers_neither_the_hints_nor_the_keys_of_the_app(
    prompt_file: Path, model_folder: Path
) -> None:
    async with running(prompt_file, model_folder, (80, 24)) as (app, pilot):
        await settle(pilot, lambda: app.state.prediction)
        await pilot.press("1")
        await settle(pilot)
        last = screen_text(app).split("\n")[-3:]
        app.tell("A line that is told", seconds=60)
        await until(pilot, lambda: "A line that is told" in screen_text(app))
        assert screen_text(app).split("\n")[-3:] == last
        assert "x Location" in screen_text(app)


async def test_the_hints_are_drawn_once_with_their_panel(
    prompt_file: Path, model_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running(prompt_file, model_folder) as (app, pilot):
        await settle(pilot, lambda: app.state.prediction)
        drawn: list[str] = []
        monkeypatch.setattr(type(app), "show_hints", lambda self: drawn.append(str(self.panel.id)))
        app.show_panel()
        assert drawn == []  # but when it says that it is drawn
        await until(pilot, lambda: drawn)


@pytest.mark.parametrize("theme", ["textual-dark", "textual-light"])
async def test_the_bar_that_says_that_more_follows_is_seen(theme: str, prompt_file: Path, model_folder: Path) -> None:
    async with running(prompt_file, model_folder, (80, 24)) as (app, pilot):
        app.theme = theme
        await pilot.pause()
        bar = app.panel.styles
        assert contrast(bar.scrollbar_color, bar.scrollbar_background) >= 3, bar.scrollbar_color  # WCAG, of no text


async def test_of_another_query_a_panel_shows_its_beginning(prompt_file: Path, model_folder: Path) -> None:
    """Where it begins as before, the place in it is kept: on coming back, and for queries that it says nothing of."""
    async with running(prompt_file, model_folder, (80, 24)) as (app, pilot):
        await settle(pilot, lambda: app.state.prediction)
        for key, query, home in (("5", 3, True), ("O", 2, False)):
            await pilot.press(key)
            await settle(pilot, lambda: app.panel.settled())
            await pilot.press("ctrl+d")
            await settle(pilot)
            panel, at = app.panel, app.panel.scroll_y
            assert at > 0
            await pilot.press("8", key)
            await settle(pilot)
            assert panel.scroll_y == at
            await pilot.press("8")
            app.query_one(Queries).select(query)
            await pilot.press(key)
            await settle(pilot, lambda: app.panel.settled())
            await settle(pilot)
            assert (app.state.query, panel.scroll_y) == (query, 0 if home else at)


async def test_what_is_edited_stays_in_view_and_what_was_changed_elsewhere_begins_anew(
    prompt_file: Path, model_folder: Path
) -> None:
    shown = '  - {text: "Who wrote the opera ?", label: Person}\n'
    prompt_file.write_text(prompt_file.read_text().replace(shown, 9 * shown))
    async with running(prompt_file, model_folder, (80, 16)) as (app, pilot):
        await settle(pilot, lambda: app.state.prediction)
        await pilot.press("8")
        await settle(pilot)
        app.panel.scroll_to(y=2, animate=False)
        await settle(pilot)
        await pilot.press("d")
        await settle(pilot, lambda: app.state.edits and app.panel.settled())
        assert app.panel.scroll_y == 2
        await pilot.press("O")
        app.edits.change(lambda prompt: drop(prompt, 0))
        await settle(pilot, lambda: app.panel.settled())
        await pilot.press("8")
        await settle(pilot, lambda: app.panel.settled())
        assert app.panel.scroll_y == 0
