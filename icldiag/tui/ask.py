"""A line to type, over the screen; it answers with the text, or None when it was left."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input, Static


class AskScreen(ModalScreen[str | None]):
    """Dismissed with what was typed by enter, with None by escape. Without a text it stays: what is typed is for it."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "leave", "leave")]

    def __init__(self, question: str, value: str = "", needed: str = "a text") -> None:
        super().__init__()
        self.question, self.value, self.needed = question, value, needed

    def compose(self) -> ComposeResult:
        with Vertical(id="ask"):
            yield Static(self.question, classes="title", markup=False)
            yield Input(self.value, select_on_focus=False, compact=True)
            yield Static("enter accepts   escape leaves", classes="keys", markup=False)

    def on_mount(self) -> None:
        for line in self.query(Input):  # none where it was left at once
            line.cursor_blink = False

    def on_input_submitted(self, message: Input.Submitted) -> None:
        message.stop()
        text = self.query_one(Input).value
        if text.strip():
            self.dismiss(text)
        else:
            self.query_one(".keys", Static).update(f"type {self.needed}   enter accepts   escape leaves")

    def action_leave(self) -> None:
        self.dismiss(None)
