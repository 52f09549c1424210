"""With NO_COLOR set, no colour is written, and what is dim stays so.

Textual 8.2.8 turns colours into greys there, which are colours to a terminal, and dim text under a dialog can hardly be
read. An app that uses the terminal's own colours has them left out. It can go when every app does.
"""

from __future__ import annotations

import os

from textual.app import App


class NoColorApp(App[None]):
    """Draws without colours where the user wants none."""

    def __init__(self) -> None:
        super().__init__(ansi_color=True if "NO_COLOR" in os.environ else None)
