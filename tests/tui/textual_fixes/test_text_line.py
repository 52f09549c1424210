"""A pasted text stays whole, with line breaks as signs."""

from __future__ import annotations

import pytest
from textual import events
from textual.app import App

from icldiag.tui.ask import AskScreen
from icldiag.tui.texts import TextsScreen
from icldiag.tui.textual_fixes.text_line import TextLine


@pytest.mark.parametrize(
    ("pasted", "shown", "taken"),
    [
        ("one\ntwo\r\nthree\n", "one¶two¶three", "one\ntwo\nthree"),
        ("only one\n", "only one", "only one"),
        ("a ¶ b", "a ¶ b", "a ¶ b"),
        ("a\tb\x1b[31mc\x07d\x0ce", "a→b^[31mc^d^e", "a\tb\x1b[31mc\x07d\x0ce"),
        ("", "", ""),
    ],
)
async def test_a_pasted_text_is_whole(pasted: str, shown: str, taken: str) -> None:
    answers: list[str | None] = []
    app: App[None] = App()
    async with app.run_test() as pilot:
        app.push_screen(AskScreen("a new query"), answers.append)
        await pilot.pause()
        line = app.screen.query_one(TextLine)
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
        first, second = app.screen.query("TextLine")
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
