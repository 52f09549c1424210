"""A page over the screen, to be read and closed: the help, the glossary, the changes of the prompt."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.padding import Padding
from rich.table import Table
from rich.text import Text
from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.screen import ModalScreen

from icldiag.tui.panels.base import Line

Rows = Sequence[tuple[str, str]]

_NARROW, _LOW = 40, 12  # columns and lines of a screen below which a page takes all of it


class Sheet(ModalScreen[None]):
    """Parts under each other; scrolls where they do not fit. The key that opened it closes it too."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q", "dismiss", "close"),
        Binding("j,down", "scroll('down')", "down"),
        Binding("k,up", "scroll('up')", "up"),
        Binding("space,pagedown,ctrl+d", "scroll('page_down')", "page down"),
        Binding("b,pageup,ctrl+u", "scroll('page_up')", "page up"),
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

    def on_resize(self, event: events.Resize) -> None:
        self.set_class(event.size.width < _NARROW or event.size.height < _LOW, "-small")  # else nothing but its frame

    def action_scroll(self, where: str) -> None:
        getattr(self.query_one("#sheet"), f"scroll_{where}")(animate=False)


class NamedRows:
    """Names at the left, what they are at the right, or under them where that is narrow; users' texts are no markup."""

    def __init__(self, title: str, rows: Rows, width: int) -> None:
        self.title, self.rows, self.width = title, rows, width

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        if options.max_width >= 2 * self.width:
            yield _side_by_side(self.title, self.rows, self.width)
            return
        yield Text(self.title, "bold")
        for left, right in self.rows:
            yield Text(left, "bold")
            yield Padding(Text(right), (0, 0, 0, 1))


def table(title: str, rows: Rows, width: int = 14) -> NamedRows:
    """Names of up to `width` columns, and what they are."""
    return NamedRows(title, rows, width)


def _side_by_side(title: str, rows: Rows, width: int) -> Table:
    drawn = Table(title=Text(title, "bold"), title_justify="left", box=None, show_header=False, expand=True)
    drawn.add_column(width=width, style="bold")
    drawn.add_column(ratio=1)
    for left, right in rows:
        drawn.add_row(Text(left), Text(right))
    return drawn
