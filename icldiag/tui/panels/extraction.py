"""Panel Extract: where the target's attention goes, and whether what label words get of it tells the answer."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType

from icldiag.prompt.destinations import DESTINATIONS
from icldiag.render.bars import probability_bars, share_bars
from icldiag.render.curves import Chart, Curve
from icldiag.tui.layers import LayerChart
from icldiag.tui.panels.base import Finding, Line
from icldiag.tui.panels.layered import LAYER_KEYS, LayeredPanel

if TYPE_CHECKING:
    from icldiag.analyses.extraction.compute import Extraction

_PARTS = ("#destinations-title", "#destinations", "#attention-title", "#attention", "#chart")


class ExtractionPanel(LayeredPanel):
    """The selected query's attention at the chosen layer, first to the parts of the prompt, then to each label."""

    title, key, group = "Extract", "5", "Look inside"
    analysis = "extraction"
    purpose = (
        "Extract: where the target's attention goes, and whether the label it attends to most is the answer: AUCROC "
        "per layer, 0.5 is chance (the paper's section 2.3)."
    )
    BINDINGS: ClassVar[list[BindingType]] = [*LAYER_KEYS]

    def compose(self) -> ComposeResult:
        yield Line(classes="waiting")
        yield Finding(id="finding", classes="body finding")
        yield Line(id="destinations-title", classes="body title")
        yield Line(id="destinations", classes="body")
        yield Line(id="attention-title", classes="body title")
        yield Line(id="attention", classes="body")
        yield LayerChart(id="chart", classes="body gap")

    def show(self) -> None:
        from icldiag.analyses.extraction.compute import Extract
        from icldiag.analyses.extraction.section import reading, reading_of_query

        request = Extract()
        found = self.result(request)
        for name in _PARTS:
            self.query_one(name).display = found is not None
        finding = self.query_one("#finding", Line)
        if found is None:
            finding.set(self.trouble(request))
            return
        layer = self.chosen_layer(found.layer)
        finding.set(self.two_sentences(reading_of_query(found, self.state.query, layer), reading(found)))
        self._show_destinations(found, layer)
        self._show_labels(found, layer)
        self._show_curves(found)

    def _show_destinations(self, found: Extraction, layer: int) -> None:
        title = f"this query: shares of the target's attention in layer {layer}, {self.session.facts.n_heads} heads"
        self.query_one("#destinations-title", Line).set(title)
        shares = found.destinations[self.state.query, layer].tolist()
        self.query_one("#destinations", Line).set(share_bars(DESTINATIONS, shares, self.state.look, self._width))

    def _show_labels(self, found: Extraction, layer: int) -> None:
        """Each label's share of what label words get."""
        prediction, query, look = self.prediction, self.state.query, self.state.look
        attention = found.attention[query, layer]
        total = float(attention.sum())
        self.query_one("#attention-title", Line).set("of what label words get, each label's share")
        predicted, gold = int(prediction.predicted[query]), prediction.gold[query]
        shares = (attention / total if total > 0 else attention).tolist()
        head = max(map(len, DESTINATIONS))  # of the bars above
        bars = probability_bars(found.labels, shares, predicted, gold, look, self._width, height=8, head=head)
        self.query_one("#attention", Line).set(bars)

    def _show_curves(self, found: Extraction) -> None:
        look = self.state.look
        aucroc, agreement, reached = (
            [math.nan if value is None else value for value in of]
            for of in (found.aucroc, found.agreement, found.cumulative)
        )
        by_chance = 1 / len(found.labels)
        curves = (
            Curve(f"answer attended most, chance {by_chance:.2f}", "x", agreement, look.gold),
            Curve("AUCROC, chance 0.50", "o", aucroc, look.chosen),
            Curve("share of AUCROC so far (R)", ".", reached, look.muted),
        )
        self.draw_chart(self.query_one(LayerChart), Chart(curves))

    @property
    def _width(self) -> int:
        return min(60, self.room.width - 4)
