"""A line to type in which a text is whole, whatever it holds: Textual's own keeps the first line of what is pasted.

Textual 8.2.8 would also write control characters of the text to the terminal, which obeys them. It can go when
Textual's `Input` keeps line breaks and shows what cannot be printed by signs.
"""

from __future__ import annotations

from rich.cells import cell_len
from rich.text import Text
from textual import events
from textual.widgets import Input

from icldiag.visible import visible

_CONTROL = "^"  # stands for one that has no sign of one character


class TextLine(Input):
    """`value` is what was typed and pasted; what cannot be printed is shown as one sign for each character."""

    def _on_paste(self, event: events.Paste) -> None:
        event.stop()
        event.prevent_default()  # Textual calls the handlers of the classes above too
        text = event.text.replace("\r\n", "\n").replace("\r", "\n")
        self.replace(text.rstrip("\n"), *self.selection)

    @property
    def _value(self) -> Text:
        return Text(_shown(self.value), no_wrap=True, overflow="ignore", end="")

    def _position_to_cell(self, position: int) -> int:
        return cell_len(_shown(self.value[:position]))


def _shown(text: str) -> str:
    signs = (visible(character) for character in text)
    return "".join(sign if len(sign) == 1 else _CONTROL for sign in signs)
