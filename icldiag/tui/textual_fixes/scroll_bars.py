"""Scroll bars without the eighths of blocks that many fonts lack: the thumb moves by whole cells.

Textual 8.2.8 has no setting for it. It can go when there is one.
"""

from __future__ import annotations

from typing import ClassVar

from textual.scrollbar import ScrollBar, ScrollBarRender


class WholeCells(ScrollBarRender):
    """Blanks on two backgrounds."""

    VERTICAL_BARS: ClassVar[list[str]] = [" "]
    HORIZONTAL_BARS: ClassVar[list[str]] = [" "]


ScrollBar.renderer = WholeCells
