"""Panel Extract: in which layers the target's attention to the label words predicts the answer."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType

from icldiag.render.bars import probability_bars
from icldiag.render.curves import Chart, Curve
from icldiag.tui.layers import LayerChart
from icldiag.tui.panels.base import LAYER_KEYS, LayeredPanel, Line

if TYPE_CHECKING:
    pass


class ExtractionPanel(LayeredPanel):
    """AUCROC and R over layers, and the selected query's attention to each class at the chosen layer."""

    title = "Extract"
    purpose = (
        "Extract: does the attention of the target to the label words tell the predicted label? AUCROC per layer, "
        "0.5 is chance (the paper's section 2.3)."
    )
    BINDINGS: ClassVar[list[BindingType]] = [*LAYER_KEYS]

    def compose(self) -> ComposeResult:
        yield Line(classes="waiting")
        yield Line(id="finding", classes="body finding")
        yield LayerChart(id="chart", classes="body")
        yield Line(id="attention-title", classes="body title")
        yield Line(id="attention", classes="body")

    def show(self) -> None:
        from icldiag.analyses.extraction.compute import Extract
        from icldiag.analyses.extraction.section import reading, reading_of_query

        session, prediction, query = self.state.session, self.state.prediction, self.state.query
        assert session is not None
        assert prediction is not None
        request = Extract()
        found = self.result(request)
        for name in ("#chart", "#attention-title", "#attention"):
            self.query_one(name).display = found is not None
        finding = self.query_one("#finding", Line)
        if found is None:
            finding.set(self.trouble(request))
            return
        defined = [-1.0 if value is None else value for value in found.aucroc]
        layer = self.chosen_layer(defined.index(max(defined)))  # where it predicts best
        look = self.state.look
        said = dict.fromkeys((reading_of_query(found, query), reading(found)))  # one and the same where undefined
        finding.set(self.two_sentences(*said))
        aucroc, reached = ([math.nan if v is None else v for v in of] for of in (found.aucroc, found.cumulative))
        curves = (
            Curve("predicts the answer (AUCROC)", "o", aucroc, look.chosen),
            Curve("share reached so far (R)", "x", reached, look.gold),
        )
        self.query_one(LayerChart).draw(Chart(curves), self.chart_rows)
        attention = found.attention[query, layer]
        heads = session.model.n_heads
        title = f"attention from the target to each label's words in layer {layer}, mean of {heads} heads"
        self.query_one("#attention-title", Line).set(title)
        predicted, gold = int(prediction.predicted[query]), prediction.gold[query]
        mean = (attention / heads).tolist()
        bars = probability_bars(found.labels, mean, predicted, gold, look, min(60, self.room.width - 4), height=12)
        self.query_one("#attention", Line).set(bars)
