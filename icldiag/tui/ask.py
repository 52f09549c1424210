"""A line to type, over the screen; it answers with the text, or None when it was left."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from icldiag.visible import visible

_KEYS = "enter accepts   escape leaves"


@dataclass(frozen=True)
class Refused:
    """Why a text cannot be taken, and what is put in its place, if something is."""

    why: str
    instead: str | None = None


class AskScreen(ModalScreen[str | None]):
    """Dismissed with what was typed by enter, with None by escape. Without a text it stays: what is typed is for it.

    It also stays, and keeps what was typed, where `take` refuses that.
    """

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "leave", "leave")]

    def __init__(
        self,
        question: str,
        value: str = "",
        needed: str = "a text",
        take: Callable[[str], Refused | None] = lambda text: None,
    ) -> None:
        super().__init__()
        self.question, self.value, self.needed, self.take = question, value, needed, take

    def compose(self) -> ComposeResult:
        with Vertical(id="ask"):
            yield Static(self.question, classes="title", markup=False)
            yield Input(self.value, select_on_focus=False, compact=True)
            yield Static(_KEYS, classes="keys", markup=False)

    def on_mount(self) -> None:
        for line in self.query(Input):  # none where it was left at once
            line.cursor_blink = False

    def on_input_submitted(self, message: Input.Submitted) -> None:
        message.stop()
        line = self.query_one(Input)
        text = line.value
        refused = self.take(text) if text.strip() else Refused(f"Type {self.needed}.")
        if refused is None:
            self.dismiss(text)
            return
        self.query_one(".keys", Static).update(f"{visible(refused.why)}\n{_KEYS}")
        if refused.instead is not None:
            line.value = refused.instead
            line.cursor_position = len(refused.instead)

    def action_leave(self) -> None:
        self.dismiss(None)
