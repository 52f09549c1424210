"""A click on what is still painted of a list that has fewer entries by now."""

from __future__ import annotations

from rich.style import Style
from textual import events
from textual.app import App, ComposeResult
from textual.widgets import OptionList

from icldiag.tui.textual_fixes import option_list as option_list


class Lists(App[None]):
    def compose(self) -> ComposeResult:
        yield OptionList("one", "two")


async def test_an_entry_that_is_gone_is_not_chosen() -> None:
    app = Lists()
    async with app.run_test() as pilot:
        listing = app.query_one(OptionList)
        for entry, chosen in ((1, 1), (2, 1), (0, 0)):
            style = Style.from_meta({"option": entry})
            event = events.Click(listing, 0, 0, 0, 0, 1, False, False, False, style=style)
            await listing._on_click(event)
            await pilot.pause()
            assert listing.highlighted == chosen
