"""A row of layers to choose one from, by mouse here and by keys of the panel."""

from __future__ import annotations

from typing import Any

from rich.text import Text
from textual import events
from textual.geometry import Size
from textual.message import Message
from textual.widget import Widget

from icldiag.render.curves import Chart, chart
from icldiag.render.layers import layer_at, layer_row, layer_switches
from icldiag.render.look import DARK, Look


class LayerSlider(Widget):
    """Posts `Chosen` when a layer is clicked."""

    DEFAULT_CSS = "LayerSlider { height: 1; }"

    class Chosen(Message):
        """A layer was clicked."""

        def __init__(self, slider: LayerSlider, layer: int) -> None:
            super().__init__()
            self.slider, self.layer = slider, layer

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
            self.post_message(self.Chosen(self, layer))


class LayerSwitches(LayerSlider):
    """Which layers are cut, under a `LayerSlider`; a click posts `Chosen` too, for the panel to switch that layer."""

    DEFAULT_CSS = "LayerSwitches { height: 1; }"
    on: frozenset[int] = frozenset()

    def switch(self, layers: int, on: frozenset[int], look: Look) -> None:
        self.count, self.on, self.look = layers, on, look
        self.refresh()

    def render(self) -> Text:
        return layer_switches(self.count, self.on, self.look, self.size.width) if self.count else Text("")


class LayerChart(LayerSlider):
    """Curves over layers with the chosen layer's values read out; a click posts `Chosen`."""

    DEFAULT_CSS = "LayerChart { height: auto; }"
    chart: Chart | None = None
    rows = 9  # of the curves alone

    def draw(self, what: Chart, rows: int) -> None:
        """Show curves; `set` says at which layer."""
        resized = (
            self.chart is None or rows != self.rows or self._lines(self.size.width, what, rows) != self.size.height
        )
        self.chart, self.rows = what, rows
        self.refresh(layout=resized)

    def drawing(self, width: int) -> Text:
        return chart(self.chart, self.chosen, width, self.rows, self.look) if self.chart else Text("")

    def render(self) -> Text:
        return self.drawing(self.size.width)

    def _lines(self, width: int, what: Chart, rows: int) -> int:
        return chart(what, self.chosen, width, rows, self.look).plain.count("\n") + 1

    def around(self, what: Chart, width: int) -> int:
        """Rows that curves of this width take beside their own: the axis, and a legend that stands above."""
        return self._lines(width, what, self.rows) - self.rows

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        return self._lines(width, self.chart, self.rows) if self.chart else 1

    def on_click(self, event: events.Click) -> None:
        layer = self.chart.point_at(self.size.width, event.x) if self.chart else None
        if layer is not None:
            self.post_message(self.Chosen(self, layer))
