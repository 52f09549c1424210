"""What the panels that show one layer at a time have in common."""

from __future__ import annotations

from typing import Any, ClassVar

from textual.binding import Binding, BindingType

from icldiag.render.curves import Chart
from icldiag.tui.layers import LayerChart, LayerSlider
from icldiag.tui.panels.base import Panel

_LOWEST, _HIGHEST = 3, 21  # rows of a chart
LAYER_KEYS: tuple[BindingType, ...] = (
    Binding("left_square_bracket", "layer(-1)", "layer down", key_display="["),
    Binding("right_square_bracket", "layer(1)", "layer up", key_display="]"),
)


class LayeredPanel(Panel):
    """A panel that shows one layer at a time; it composes a `LayerSlider` and has LAYER_KEYS among its bindings."""

    FOLLOWED: ClassVar[tuple[str, ...]] = ("at_layer",)
    at_layer: int | None = None  # None until the model says how many there are

    def taken_over(self, name: str, other: Panel) -> Any:
        """The layer at the same relative depth, where the other state's model has another number of layers."""
        value, sessions = super().taken_over(name, other), (self.state.session, other.state.session)
        if name != "at_layer" or value is None or None in sessions:
            return value
        own, theirs = (session.facts.n_layers for session in sessions if session is not None)
        return value if own == theirs else round(value / max(theirs - 1, 1) * (own - 1))

    def chosen_layer(self, default: int) -> int:
        """The layer to show; keeps the slider up to date."""
        layers = self.session.facts.n_layers
        self.at_layer = default if self.at_layer is None else min(self.at_layer, layers - 1)
        self.query_one(LayerSlider).set(layers, self.at_layer, self.state.look)
        return self.at_layer

    def draw_chart(self, chart: LayerChart, what: Chart, most: int = _HIGHEST) -> None:
        """Whole in view where that can be, and no higher than leaves half of the panel to what is under it."""
        rows, room = max(self.room.height * 2 // 5, 5), self.room_under(chart) - chart.around(what, self.room.width)
        rows = min(rows, room if room >= _LOWEST else rows, most)
        chart.draw(what, rows - 1 + rows % 2)  # odd: the middle has a row

    def on_layer_slider_chosen(self, message: LayerSlider.Chosen) -> None:
        self.at_layer = message.layer
        self.refresh_panel()

    def action_layer(self, step: int) -> None:
        if self.state.session is not None and self.at_layer is not None:
            self.at_layer = min(max(self.at_layer + step, 0), self.state.session.facts.n_layers - 1)
            self.refresh_panel()
