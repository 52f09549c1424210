"""Panel Extract: in which layers the target's attention to the label words foretells the answer."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import BindingType

from icldiag.render.bars import probability_bars
from icldiag.render.curves import Curve, chart, legend
from icldiag.render.visible import visible
from icldiag.tui.layers import LayerSlider
from icldiag.tui.panels.base import LAYER_KEYS, LayeredPanel, Line

if TYPE_CHECKING:
    from icldiag.analyses.extraction import Extraction


class ExtractionPanel(LayeredPanel):
    """AUCROC and R over layers, and the selected query's attention to each class at the chosen layer."""

    title = "Extract"
    purpose = (
        "Extract: does the attention of the target to the label words foretell the predicted label? AUCROC per layer, "
        "0.5 is chance (the paper's section 2.3)."
    )
    BINDINGS: ClassVar[list[BindingType]] = [*LAYER_KEYS]

    def compose(self) -> ComposeResult:
        yield Line(classes="waiting")
        yield Line(id="finding", classes="body finding")
        yield Line(id="chart", classes="body")
        yield Line(id="legend", classes="body")
        yield LayerSlider(id="slider", classes="body")
        yield Line(id="attention-title", classes="body title")
        yield Line(id="attention", classes="body")

    def show(self) -> None:
        from icldiag.analyses.extraction import reading

        session, prediction, query = self.state.session, self.state.prediction, self.state.query
        assert session is not None
        assert prediction is not None
        layer = self.chosen_layer(session.model.n_layers - 1)
        found: Extraction | None = self.result("extraction", ("extraction",), lambda s, p: s.extraction(p))
        for name in ("#chart", "#legend", "#attention-title", "#attention"):
            self.query_one(name).display = found is not None
        finding = self.query_one("#finding", Line)
        if found is None:
            finding.set(self.trouble(("extraction",), "extraction"))
            return
        finding.set(Text(visible(reading(found))))
        look = self.state.look
        curves = (
            Curve("AUCROC", "o", [math.nan if v is None else v for v in found.aucroc], look.chosen),
            Curve("R, share reached", "x", [math.nan if v is None else v for v in found.cumulative], look.gold),
        )
        self.query_one("#chart", Line).set(Text("\n").join(chart(curves, layer, self.size.width - 4)))
        self.query_one("#legend", Line).set(legend(curves, layer))
        attention = found.attention[query, layer]
        heads = session.model.n_heads
        title = f"attention from the target to each label's words at layer {layer}, mean of {heads} heads"
        self.query_one("#attention-title", Line).set(title)
        predicted, gold = int(prediction.predicted[query]), prediction.gold[query]
        mean = (attention / heads).tolist()
        bars = probability_bars(found.labels, mean, predicted, gold, look, min(60, self.size.width - 4), height=12)
        self.query_one("#attention", Line).set(bars)
