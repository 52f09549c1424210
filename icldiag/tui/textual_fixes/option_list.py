"""A list that has not been laid out has no pages to turn, and an entry that is gone is not chosen by a click.

Textual 8.2.8 looks in `OptionList._move_page` for the lines of an entry that it has not laid out yet: where the list
was filled a moment ago, or has no room at all; and a click on what is still painted of a longer list chooses by its
number among fewer. It can go when both look first, as `scroll_to_highlight` does.
"""

from __future__ import annotations

from textual import events
from textual._widget_navigation import Direction
from textual.widgets import OptionList

_move_page, _on_click = OptionList._move_page, OptionList._on_click


def move_page(self: OptionList, direction: Direction) -> None:
    if (self.highlighted or 0) in self._index_to_line:
        _move_page(self, direction)


async def on_click(self: OptionList, event: events.Click) -> None:
    if (event.style.meta.get("option") or 0) < self.option_count:
        await _on_click(self, event)


OptionList._on_click = on_click  # type: ignore[method-assign]
OptionList._move_page = move_page  # type: ignore[method-assign]
