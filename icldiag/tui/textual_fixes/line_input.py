"""A line to type in holds every text whole, whatever is in it.

Textual 8.2.8's `Input` keeps the first line of what is pasted, drops typed characters that Python calls unprintable
(joiners of scripts and emoji, the spaces of Chinese and Japanese) and writes control characters of its value to the
terminal, which obeys them; and who waits for the line hears of enter behind the keys that were typed after it.
Importing this module mends all of them, the palette's too. It can go when `Input` keeps line breaks and joiners, shows
signs for what cannot be printed, and tells of enter at once.
"""

from __future__ import annotations

import unicodedata

from rich.cells import cell_len
from rich.text import Text
from textual import events
from textual.widgets import Input

from icldiag.tui.textual_fixes.key_order import deliver
from icldiag.visible import visible

_CONTROL = "^"  # stands for one that has no sign of one character
_on_key = Input._on_key


def on_paste(self: Input, event: events.Paste) -> None:
    event.stop()
    text = event.text.replace("\r\n", "\n").replace("\r", "\n")
    self.replace(text.rstrip("\n"), *self.selection)


def is_text(event: events.Key) -> bool:
    """Whether the key writes something, and is no command to a line."""
    return event.character is not None and unicodedata.category(event.character) != "Cc"


async def on_key(self: Input, event: events.Key) -> None:
    if event.is_printable or not is_text(event):
        await _on_key(self, event)
    else:
        event.stop()
        event.prevent_default()
        self.replace(event.character or "", *self.selection)


async def submit(self: Input) -> None:
    await deliver(Input.Submitted(self, self.value), self)


def _value(self: Input) -> Text:
    return Text(_shown(self.value), no_wrap=True, overflow="ignore", end="")


def position_to_cell(self: Input, position: int) -> int:
    return cell_len(_shown(self.value[:position]))


def _shown(text: str) -> str:
    """As many characters."""
    signs = (visible(character) for character in text)
    return "".join(sign if len(sign) == 1 else _CONTROL for sign in signs)


Input._on_paste = on_paste  # type: ignore[method-assign]
Input._on_key = on_key  # type: ignore[method-assign]
Input.action_submit = submit  # type: ignore[method-assign]
Input._value = property(_value)  # type: ignore[method-assign,assignment]
Input._position_to_cell = position_to_cell  # type: ignore[method-assign]
