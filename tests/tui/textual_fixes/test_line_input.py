"""What is pasted or typed stays whole, with signs for what cannot be printed."""

from __future__ import annotations

import pytest
from textual import events
from textual._xterm_parser import XTermParser
from textual.app import App
from textual.command import CommandPalette
from textual.widgets import Input

from icldiag.tui.ask import AskScreen
from icldiag.tui.texts import TextsScreen
from icldiag.tui.textual_fixes import line_input as line_input
from icldiag.tui.textual_fixes import paste as paste


@pytest.mark.parametrize(
    ("pasted", "shown", "taken"),
    [
        ("one\ntwo\r\nthree\n", "one¶two¶three", "one\ntwo\nthree"),
        ("only one\n", "only one", "only one"),
        ("a ¶ b", "a ¶ b", "a ¶ b"),
        ("a\tb\x1b[31mc\x07d\x0ce", "a→b^[31mc^d^e", "a\tb\x1b[31mc\x07d\x0ce"),
    ],
)
async def test_a_pasted_text_is_whole(pasted: str, shown: str, taken: str) -> None:
    answers: list[str | None] = []
    app: App[None] = App()
    async with app.run_test() as pilot:
        app.push_screen(AskScreen("a new query"), answers.append)
        await pilot.pause()
        line = app.screen.query_one(Input)
        line.post_message(events.Paste(pasted))
        await pilot.pause()
        assert line.render_line(0).text.rstrip() == shown
        assert line._position_to_cell(line.cursor_position) == len(shown)
        await pilot.press("enter")
        await pilot.pause()
    assert answers == [taken]


async def test_what_is_selected_is_replaced_and_fields_are_whole_too() -> None:
    answers: list[dict[str, str] | None] = []
    app: App[None] = App()
    async with app.run_test() as pilot:
        app.push_screen(TextsScreen("a new query", ("premise", "claim")), answers.append)
        await pilot.pause()
        first, second = app.screen.query("Input")
        await pilot.press("x", "y", "shift+home")
        first.post_message(events.Paste("one\ntwo"))
        await pilot.pause()
        await pilot.press("enter")
        second.post_message(events.Paste("three"))
        await pilot.pause()
        await pilot.press("enter")
        await pilot.pause()
    (answer,) = answers
    assert answer == {"premise": "one\ntwo", "claim": "three"}


async def test_lines_that_are_all_empty_begin_again() -> None:
    answers: list[dict[str, str] | None] = []
    app: App[None] = App()
    async with app.run_test() as pilot:
        app.push_screen(TextsScreen("a new query", ("premise", "claim")), answers.append)
        await pilot.pause()
        await pilot.press("enter", "enter", "x", "enter", "enter")
        await pilot.pause()
    assert answers == [{"premise": "x", "claim": ""}]


async def test_what_python_calls_unprintable_is_typed_too() -> None:
    """Joiners of emoji and Persian, the space of Japanese, one that does not break; but no control character."""
    app: App[None] = App()
    answers: list[str | None] = []
    async with app.run_test() as pilot:
        app.push_screen(AskScreen("a new query"), answers.append)
        await pilot.pause()
        for event in XTermParser().feed("a\u200db\u200c\u3000\xa0\x07\U0001f469"):
            app.screen.query_one(Input).post_message(event)
        await pilot.pause()
        await pilot.press("enter")
        await pilot.pause()
    assert answers == ["a\u200db\u200c\u3000\xa0\U0001f469"]


async def test_no_control_character_reaches_the_terminal_from_the_palette() -> None:
    app: App[None] = App()
    async with app.run_test() as pilot:
        app.push_screen(CommandPalette())
        await pilot.pause()
        line = app.screen.query_one(Input)
        line.post_message(events.Paste("a\x1b[31mb"))
        await pilot.pause()
        assert line.render_line(0).text.strip() == "a^[31mb"
