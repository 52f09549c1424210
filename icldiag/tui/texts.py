"""Several lines to type, one for each field of the template; it answers with the texts, or None when it was left."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from icldiag.prompt.schema import Prompt
from icldiag.tui.ask import AskScreen
from icldiag.visible import visible


class TextsScreen(ModalScreen[dict[str, str] | None]):
    """Enter goes to the next line, and from the last one back to who asked, or to the first if all are empty."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "leave", "leave")]

    def __init__(self, question: str, fields: Sequence[str]) -> None:
        super().__init__()
        self.question, self.fields = question, tuple(fields)

    def compose(self) -> ComposeResult:
        with Vertical(id="ask"):
            yield Static(self.question, classes="title", markup=False)
            for name in self.fields:
                yield Static(visible(name), markup=False)
                yield Input(select_on_focus=False, compact=True)
            yield Static("enter goes on, and accepts in the last line   escape leaves", classes="keys", markup=False)

    def on_mount(self) -> None:
        for line in self.query(Input):
            line.cursor_blink = False

    def on_input_submitted(self, message: Input.Submitted) -> None:
        message.stop()
        lines = list(self.query(Input))
        place = next(place for place, line in enumerate(lines) if line is message.input)
        texts = {name: line.value for name, line in zip(self.fields, lines, strict=True)}
        last = place + 1 == len(lines)
        if last and any(text.strip() for text in texts.values()):
            self.dismiss(texts)
            return
        self.set_focus(lines[0 if last else place + 1])  # at once: keys typed ahead are for it
        if last:
            self.query_one(".keys", Static).update("type a text   enter accepts in the last line   escape leaves")

    def action_leave(self) -> None:
        self.dismiss(None)


def query_screen(prompt: Prompt) -> AskScreen | TextsScreen:
    """What asks for a new query of this prompt."""
    return AskScreen("a new query") if len(prompt.fields) == 1 else TextsScreen("a new query", prompt.fields)
