"""The line with the panels' names."""

from __future__ import annotations

from rich.text import Text
from textual import events
from textual.message import Message
from textual.widget import Widget

from icldiag.render.look import DARK, Look
from icldiag.render.tabs import Piece, Tab, tab_at, tab_row
from icldiag.tui.panels import PANELS

TABS = tuple(Tab(panel.key, panel.title, panel.group) for panel in PANELS)


class PanelTabs(Widget):
    """Posts `Chosen` when a panel's name, or a group's, is clicked."""

    class Chosen(Message):
        """A panel is wanted in front."""

        def __init__(self, panel: str) -> None:
            super().__init__()
            self.panel = panel

    def __init__(self, front: str) -> None:
        super().__init__()
        self.look: Look = DARK
        self.set(front)

    def set(self, front: str, look: Look | None = None) -> None:
        """Which panel is in front, by its id."""
        self.front, self.look = front, look or self.look
        self.refresh()

    def _pieces(self) -> list[Piece]:
        titles = [panel.title.lower() for panel in PANELS]
        return tab_row(TABS, titles.index(self.front), self.look, self.size.width)

    def render(self) -> Text:
        return Text.assemble(*((piece.text, piece.style) for piece in self._pieces()), no_wrap=True)

    def on_click(self, event: events.Click) -> None:
        offset = event.get_content_offset(self)
        tab = None if offset is None else tab_at(self._pieces(), offset.x)
        if tab is not None:
            self.post_message(self.Chosen(PANELS[tab].title.lower()))
