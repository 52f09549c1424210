"""A list that has not been laid out has no pages to turn.

Textual 8.2.8 looks in `OptionList._move_page` for the lines of an entry that it has not laid out yet: where the list
was filled a moment ago, or has no room at all. It can go when that looks first, as `scroll_to_highlight` does.
"""

from __future__ import annotations

from textual._widget_navigation import Direction
from textual.widgets import OptionList

_move_page = OptionList._move_page


def move_page(self: OptionList, direction: Direction) -> None:
    if (self.highlighted or 0) in self._index_to_line:
        _move_page(self, direction)


OptionList._move_page = move_page  # type: ignore[method-assign]
