"""A page over the screen, to be read and closed: the help, the glossary, the changes of the prompt."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.screen import ModalScreen

from icldiag.tui.panels.base import Line

Rows = Sequence[tuple[str, str]]


class Sheet(ModalScreen[None]):
    """Parts under each other; scrolls where they do not fit. The key that opened it closes it too."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q", "dismiss", "close"),
        Binding("j,down", "scroll('down')", "down"),
        Binding("k,up", "scroll('up')", "up"),
        Binding("space,pagedown", "scroll('page_down')", "page down"),
        Binding("b,pageup", "scroll('page_up')", "page up"),
        Binding("g,home", "scroll('home')", "to the start"),
        Binding("G,end", "scroll('end')", "to the end"),
    ]

    def __init__(self, parts: Sequence[RenderableType], opener: str) -> None:
        super().__init__()
        self.parts, self.opener = parts, opener

    def compose(self) -> ComposeResult:
        with VerticalScroll(id="sheet"):
            for part in self.parts:
                line = Line()
                line.set(part)
                yield line

    def on_mount(self) -> None:
        for key in self.opener.split(","):
            self._bindings.bind(key, "dismiss", "close")
        sheet = self.query_one("#sheet", VerticalScroll)
        sheet.border_subtitle = "j k space scroll, escape closes"
        sheet.focus()

    def action_scroll(self, where: str) -> None:
        getattr(self.query_one("#sheet"), f"scroll_{where}")(animate=False)


def table(title: str, rows: Rows, width: int = 14) -> Table:
    """Names at the left, what they are at the right; users' texts are no markup."""
    drawn = Table(title=Text(title), title_justify="left", title_style="bold", box=None, show_header=False, expand=True)
    drawn.add_column(width=width, style="bold")
    drawn.add_column(ratio=1)
    for left, right in rows:
        drawn.add_row(Text(left), Text(right))
    return drawn
