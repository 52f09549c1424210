"""What the eye finds first: weights, the one bar in colour, the list that the arrows move in, names that are whole."""

from __future__ import annotations

from pathlib import Path

from rich.text import Text
from textual.geometry import Region
from textual.widget import Widget

from icldiag.model.settings import BUNDLED
from icldiag.render.bars import share_bars
from icldiag.render.look import DARK
from icldiag.samples import sample_path
from icldiag.tui.examples import example
from icldiag.tui.line import led
from icldiag.tui.queries import QueryList
from tests.tui.pilot import lines_of, running, screen_text, settle


def bold_in(widget: Widget) -> str:
    """What of it is bold on the screen."""
    lines = widget.render_lines(Region(0, 0, *widget.size))
    bold = ("".join(part.text for part in line if part.style and part.style.bold) for line in lines)
    return " ".join(" ".join(bold).split())


async def test_a_findings_first_clause_alone_is_bold(prompt_file: Path, model_folder: Path) -> None:
    async with running(prompt_file, model_folder) as (app, pilot):
        await settle(pilot, lambda: app.state.prediction)
        await pilot.press("C")
        await settle(pilot, lambda: app.panel.settled())
        first, rest = " ".join(lines_of(app, "#finding")).split("; ", 1)
        assert rest
        assert bold_in(app.panel.query_one("#finding")) == f"{first};"


def test_a_weight_of_its_own_stays_behind_the_first_clause() -> None:
    drawn = led(Text.assemble("Half. And ", ("most", "bold red"), style="bold"))
    assert [(drawn.plain[span.start : span.end], span.style) for span in drawn.spans] == [
        (" And most", "not bold"),
        ("most", "bold red"),
    ]
    assert led(Text("p 0.5 of a.b", "bold")).spans == []


async def test_a_dialogs_title_stands_over_what_it_asks(prompt_file: Path, model_folder: Path) -> None:
    async with running(prompt_file, model_folder) as (app, pilot):
        await settle(pilot, lambda: app.state.prediction)
        for key in ("a", "x", "J"):
            await pilot.press(key)
            await pilot.pause()
            parts = app.screen.query("#ask > *").results()
            assert len({part.content_region.x for part in parts}) == 1, key
            await pilot.press("escape")


async def test_the_heads_of_the_help_are_bold_as_its_keys_are(prompt_file: Path, model_folder: Path) -> None:
    async with running(prompt_file, model_folder) as (app, pilot):
        await settle(pilot, lambda: app.state.prediction)
        await pilot.press("question_mark")
        await pilot.pause()
        assert bold_in(app.screen.query("#sheet Line").first()).startswith("In the panel ")


async def test_the_selected_query_stands_out_more_while_the_arrows_choose_queries(
    prompt_file: Path, model_folder: Path
) -> None:
    async with running(prompt_file, model_folder) as (app, pilot):
        await settle(pilot, lambda: app.state.prediction)
        queries = app.query_one(QueryList)
        backgrounds = set()
        for widget in (app.panel, queries):
            widget.focus()
            await pilot.pause()
            style = queries.get_visual_style("option-list--option-highlighted")
            backgrounds.add(style.background)
        assert len(backgrounds) == 2


async def test_matrices_beside_each_other_that_would_cut_names_stand_under_each_other() -> None:
    """Where all of the panel stays in view."""
    async with running(sample_path("banking"), BUNDLED, (160, 50)) as (app, pilot):
        await settle(pilot, lambda: app.state.prediction)
        await pilot.press("2")
        await settle(pilot, lambda: app.panel.settled())
        await settle(pilot)
        heads = [line.split()[-6:] for line in screen_text(app).split("\n") if line.rstrip().endswith(" pin")]
        assert heads == [["lost_card", "card_delivery", "declined", "refund", "fee", "pin"]] * 2
        assert app.panel.query_one("#notes").region.bottom <= app.panel.region.bottom
        await pilot.resize_terminal(160, 36)
        await settle(pilot)
        assert app.panel.query_one("#predicted").region.y == app.panel.query_one("#measured").region.y


def test_an_example_is_quieter_than_what_is_known_of_the_prompt() -> None:
    shown = example("compress", DARK)
    assert shown.style == DARK.muted
    assert [shown.plain[span.start : span.end].splitlines() for span in shown.spans] == [shown.plain.splitlines()[:1]]


def test_a_bar_that_is_no_labels_is_in_no_labels_colour() -> None:
    line: Text = share_bars(["query"], [1.0], DARK, 30)
    assert [(line.plain[span.start : span.end].strip("█"), span.style) for span in line.spans] == [("", DARK.muted)]
