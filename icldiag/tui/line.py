"""A text of a panel, drawn anew only where it changed."""

from __future__ import annotations

import re
from typing import Any

from rich.console import RenderableType
from rich.text import Span, Text
from textual.widgets import Static

from icldiag.render.hints import Hints
from icldiag.tui.comparison import with_differences

_CLAUSE = re.compile(r"[.;](?=\s)")  # where one ends


class Line(Static):
    """Text that is never parsed as markup, and takes no row while it is empty."""

    def __init__(self, **arguments: Any) -> None:
        super().__init__("", markup=False, **arguments)

    shown: RenderableType = ""
    drawn: RenderableType = ""  # what is shown, or that with its differences marked

    @property
    def text(self) -> Text:
        """What was set, if it was text."""
        return self.shown if isinstance(self.shown, Text) else Text(self.shown if isinstance(self.shown, str) else "")

    def set(self, content: RenderableType) -> None:
        """Show it; the screen is laid out anew only where that takes another number of rows."""
        self.shown = content
        empty = isinstance(content, str | Text) and not str(content)
        if self.display is empty:
            self.display = not empty
            self.update(content)
        elif not _alike(content, self.drawn):
            self.update(content, layout=False)
            room = self.content_size
            if not room or self.get_content_height(self.container_size, self.app.size, room.width) != room.height:
                self.refresh(layout=True)
        self.drawn = content.copy() if isinstance(content, Text) else content  # text may be appended to

    def mark(self, other: Line) -> None:
        """Show where the text differs from the other line's."""
        if self.text.plain and other.text.plain:
            self.drawn = with_differences(self.text, other.text)
            self.update(self.drawn)


class Finding(Line):
    """A panel's answer, of which the eye finds the first clause."""

    def set(self, content: RenderableType) -> None:
        text = Text(content) if isinstance(content, str) else content
        super().set(led(text) if isinstance(text, Text) else text)


def led(text: Text) -> Text:
    """Its first clause in a heading's weight; what follows is plain, but for weights of its own."""
    end = _CLAUSE.search(text.plain)
    if end is None:
        return text
    led_text = text.copy()
    led_text.spans.insert(0, Span(end.end(), len(text), "not bold"))
    return led_text


def _alike(one: RenderableType, other: RenderableType) -> bool:
    if isinstance(one, Text) and isinstance(other, Text):
        return one == other and one.style == other.style
    return isinstance(one, str | Hints) and one == other
