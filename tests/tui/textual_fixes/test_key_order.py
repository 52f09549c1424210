"""Keys that come at once act one after the other."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual._xterm_parser import XTermParser
from textual.app import App
from textual.widgets import Input

from icldiag.tui.ask import AskScreen
from icldiag.tui.queries import Queries, QueryList
from icldiag.tui.texts import TextsScreen
from icldiag.tui.textual_fixes import line_input as line_input
from icldiag.tui.textual_fixes.key_order import OrderedKeysApp
from tests.tui.pilot import running, settle, until


def burst(app: App[None], keys: str) -> None:
    """As a terminal sends them, none after another has acted."""
    for event in XTermParser().feed(keys):
        app.post_message(event)


@pytest.mark.parametrize(
    ("value", "keys", "line"),
    [
        ("abc", "\x15def", "def"),
        ("abc", "x\x7fy", "abcy"),
        ("", "xy\x01z", "zxy"),
        ("abc", "\x1b[D\x1b[Dx\x0b", "ax"),
        ("abc", "\x7f\x7f\x7f\x7fx", "x"),
    ],
)
@pytest.mark.parametrize("ahead", [False, True], ids=["open", "opening"])
async def test_a_line_has_what_was_typed_in_that_order(value: str, keys: str, line: str, ahead: bool) -> None:
    """Also where the line is not there yet."""
    answers: list[str | None] = []
    app = OrderedKeysApp()
    async with app.run_test() as pilot:
        app.push_screen(AskScreen("a word", value), answers.append)
        if not ahead:
            await pilot.pause()
        burst(app, keys)
        burst(app, "\r")
        await pilot.pause()
    assert answers == [line]


async def test_what_follows_enter_is_for_the_line_that_comes() -> None:
    answers: list[dict[str, str] | None] = []
    app = OrderedKeysApp()
    async with app.run_test() as pilot:
        app.push_screen(TextsScreen("a new query", ("premise", "claim")), answers.append)
        burst(app, "one\rtwx\x7fo\rthree")
        await pilot.pause()
    assert answers == [{"premise": "one", "claim": "two"}]


async def test_a_key_after_enter_is_for_who_has_the_focus_then(prompt_file: Path, model_folder: Path) -> None:
    """`/ cross Enter`, then `S`, which sorts, all before the screen has caught up."""
    async with running(prompt_file, model_folder, (130, 50)) as (app, pilot):
        await settle(pilot, lambda: app.state.prediction)
        queries = app.query_one(Queries)
        before = queries.sort
        burst(app, "/\x7fwhere\r/cros\x7fss\rS")
        await until(pilot, lambda: queries.sort != before)
        assert queries.query_one(Input).value == "cross"
        assert isinstance(app.focused, QueryList)
        assert app.state.query in queries.order
        assert all("cross" in app.state.prompt.queries[query].text for query in queries.order if app.state.prompt)


async def test_a_word_is_written_over_in_one_burst(prompt_file: Path, model_folder: Path) -> None:
    """`l` in panel Prompt opens a line that holds the label's word."""
    async with running(prompt_file, model_folder, (130, 50)) as (app, pilot):
        await settle(pilot, lambda: app.state.prediction)
        await pilot.press("8")
        await until(pilot, lambda: app.focused is not None and app.focused.id == "prompt")
        burst(app, "l\x15Be\x7fing\r")
        await until(pilot, lambda: app.state.edits == 1)
        assert app.state.prompt is not None
        assert "Bing" in [label.word.strip() for label in app.state.prompt.labels]


async def test_a_key_acts_where_the_cursor_is(prompt_file: Path, model_folder: Path) -> None:
    """Down, and mark at once: what the list says of its cursor would come behind the second key."""
    async with running(prompt_file, model_folder, (130, 50)) as (app, pilot):
        await settle(pilot, lambda: app.state.prediction)
        order = app.query_one(Queries).order
        here = order.index(app.state.query)
        burst(app, "j+jj+k")
        await until(pilot, lambda: len(app.state.marked) == 2)
        await settle(pilot)
        after = [order[(here + step) % len(order)] for step in (1, 2, 3)]
        assert app.state.marked == {after[0], after[2]}
        assert app.state.query == app.query_one(Queries).under_cursor == after[1]
