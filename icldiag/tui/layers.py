"""A row of layers to choose one from, by mouse here and by keys of the panel."""

from __future__ import annotations

from typing import Any

from rich.text import Text
from textual import events
from textual.message import Message
from textual.widget import Widget

from icldiag.render.layers import layer_at, layer_row
from icldiag.render.look import DARK, Look


class LayerSlider(Widget):
    """Posts `Chosen` when a layer is clicked."""

    DEFAULT_CSS = "LayerSlider { height: 1; }"

    class Chosen(Message):
        """A layer was clicked."""

        def __init__(self, layer: int) -> None:
            super().__init__()
            self.layer = layer

    def __init__(self, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.count, self.chosen, self.look = 0, 0, DARK

    def set(self, layers: int, layer: int, look: Look) -> None:
        self.count, self.chosen, self.look = layers, layer, look
        self.refresh()

    def render(self) -> Text:
        return layer_row(self.count, self.chosen, self.look, self.size.width) if self.count else Text("")

    def on_click(self, event: events.Click) -> None:
        layer = layer_at(self.count, self.size.width, event.x)
        if layer is not None:
            self.post_message(self.Chosen(layer))
