"""The help screen, generated from the bindings in force."""

from __future__ import annotations

from typing import ClassVar

from rich.table import Table
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.screen import ModalScreen

from icldiag.tui.panels.base import Line, Panel

Keys = list[tuple[str, str]]


class HelpScreen(ModalScreen[None]):
    """All keys of the app and of the panel in front, and what each panel answers."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,q,question_mark,f1", "dismiss", "close")]

    def __init__(self, sections: dict[str, Keys], panels: list[Panel]) -> None:
        super().__init__()
        self.sections, self.panels = sections, panels

    def compose(self) -> ComposeResult:
        with VerticalScroll(id="help"):
            for title, keys in self.sections.items():
                line = Line()
                line.set(_table(title, keys))
                yield line
            line = Line()
            line.set(_table("Panels", [(panel.title, panel.purpose) for panel in self.panels]))
            yield line
            line = Line()
            signs = [("x", "a wrong answer"), (">", "predicted"), ("*", "gold"), ("[word]", "a label word, an anchor")]
            line.set(_table("Signs", signs))
            yield line

    def on_mount(self) -> None:
        self.query_one("#help").focus()


def _table(title: str, rows: Keys) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold", box=None, show_header=False, expand=True)
    table.add_column(width=14, style="bold")
    table.add_column(ratio=1)
    for left, right in rows:
        table.add_row(left, right)
    return table
