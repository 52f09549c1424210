"""Asks before changes are lost that could not be saved."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Static

from icldiag.visible import visible


class UnsavedScreen(ModalScreen[bool]):
    """Dismissed with whether to leave without them."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("q,ctrl+q,ctrl+c", "answer(True)", "quit, and lose the changes"),
        Binding("escape", "answer(False)", "stay"),
    ]

    def __init__(self, reason: str) -> None:
        super().__init__()
        self.reason = reason

    def compose(self) -> ComposeResult:
        with Vertical(id="ask"):
            yield Static("Your changes cannot be saved", classes="title", markup=False)
            cure = "Make room, or save the prompt elsewhere with w in panel Prompt."
            yield Static(f"{visible(self.reason)}. {cure}", markup=False)
            yield Static("q  quit, and lose the changes\nescape  stay", markup=False)

    def action_answer(self, leaves: bool) -> None:
        self.dismiss(leaves)
