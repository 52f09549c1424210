"""A line to type in which a pasted text of several lines stays whole: Textual's own keeps the first."""

from __future__ import annotations

from textual import events
from textual.widgets import Input

BREAK = "¶"  # as line breaks are shown everywhere


class TextLine(Input):
    """`text` is what was typed; a pasted line break stands in the line as its sign."""

    _pasted = False  # whether a sign stands for a line break

    def _on_paste(self, event: events.Paste) -> None:
        event.stop()
        event.prevent_default()  # Textual calls the handlers of the classes above too
        lines = event.text.rstrip("\r\n").splitlines()
        self._pasted = self._pasted or len(lines) > 1
        self.replace(BREAK.join(lines), *self.selection)

    @property
    def text(self) -> str:
        return self.value.replace(BREAK, "\n") if self._pasted else self.value
