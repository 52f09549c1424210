"""Panel Flow: how information flows between texts, label words and the target, layer by layer."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from icldiag.counting import counted
from icldiag.render.curves import Chart, Curve
from icldiag.render.tokens import strongest_names, token_pieces, weighted_strip
from icldiag.tui.layers import LayerChart
from icldiag.tui.panels.base import Finding, Line
from icldiag.tui.panels.layered import LAYER_KEYS, LayeredPanel
from icldiag.visible import visible

if TYPE_CHECKING:
    from icldiag.analyses.request import Request
    from icldiag.analyses.saliency.compute import QueryFlow, Saliency

_DRAWN = "share of S_wp + S_pq + S_ww in its layer; S: mean saliency per token pair"
_HIGH = 24  # rows of a panel that holds the whole finding above the curves and the tokens


class SaliencyPanel(LayeredPanel):
    """Three curves over layers, and the tokens shaded by how much flows from them."""

    title, key, group = "Flow", "3", "Look inside"
    analysis = "saliency"
    FOLLOWED: ClassVar[tuple[str, ...]] = ("at_layer", "everyone", "into")
    purpose = (
        "Flow: where the answer's information comes from in each layer. Saliency: attention times the gradient of the "
        "loss (S_wp, S_pq and S_ww of the paper's section 2.1)."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        *LAYER_KEYS,
        Binding("w", "into(1)", "next label word"),
        Binding("W", "into(-1)", "previous label word"),
        Binding("m", "all", "this query / mean of all"),
    ]

    def compose(self) -> ComposeResult:
        yield Line(classes="waiting")
        yield Finding(id="finding", classes="body finding")
        yield Line(id="chart-title", classes="body title")
        yield LayerChart(id="chart", classes="body")
        yield Line(id="strip-title", classes="body title")
        yield Line(id="strip", classes="body")
        yield Line(id="largest", classes="body gap")

    def on_mount(self) -> None:
        self.everyone = False
        self.into = -1  # -1 is the target, else a demonstration

    def show(self) -> None:
        from icldiag.analyses.saliency.compute import Flow, Flows

        query = self.state.query
        request: Request[Saliency | QueryFlow] = Flows() if self.everyone else Flow(query)
        found = self.result(request)
        for name in ("#chart-title", "#chart", "#strip-title", "#strip", "#largest"):
            self.query_one(name).display = found is not None
        if found is None:
            self.query_one("#finding", Line).set(self.trouble(request))
            return
        layer = self.chosen_layer(int(found.raw[1].argmax()))  # where the target reads most
        self.query_one("#chart-title", Line).set(_DRAWN)
        first, *layers = self._finding(found)
        low = self.room.height < _HIGH  # the curves show it, and the tokens come before it
        finding = self.query_one("#finding", Line)
        finding.styles.padding = (0, 0, 0 if low else 1, 0)
        finding.set(self.two_sentences(first, *([] if low else layers)))
        look, shares = self.state.look, found.shares
        curves = (
            Curve("label words -> target (S_pq)", "o", shares[1].tolist(), look.chosen),
            Curve("text -> label words (S_wp)", "x", shares[0].tolist(), look.gold),
            Curve("text -> text (S_ww)", ".", shares[2].tolist(), look.muted),
        )
        self.draw_chart(self.query_one(LayerChart), Chart(curves))
        self._show_strip(layer)
        self.query_one("#largest", Line).set(Text(" ".join(layers) if low else "", look.muted))

    def _finding(self, found: Saliency | QueryFlow) -> tuple[str, ...]:
        from icldiag.analyses.saliency.compute import QueryFlow
        from icldiag.analyses.saliency.section import reading_of_flows as reading
        from icldiag.analyses.saliency.section import reading_of_query
        from icldiag.analyses.saliency.wording import LOSSES, MIXED

        session = self.session
        layers = reading(found.shares, found.raw)
        if isinstance(found, QueryFlow):
            return reading_of_query(found, session.encoded), layers
        count, loss = counted(len(session.prompt.queries), "query"), LOSSES.get(found.loss_target, MIXED)
        return (f"Mean of {count}, by the loss of {loss}. {layers}",)

    def _show_strip(self, layer: int) -> None:
        """Token by token, always of the selected query."""
        from icldiag.analyses.saliency.compute import Flow

        session, query = self.session, self.state.query
        flow = self.peek(Flow(query))
        strip, title = self.query_one("#strip", Line), self.query_one("#strip-title", Line)
        if flow is None:
            title.set("")
            strip.set("")
            return
        encoded = session.encoded
        self.into = min(self.into, len(encoded.demonstrations) - 1)
        pieces = token_pieces(encoded, session.query_tokens(query), query)
        if self.into < 0:
            weights, where = flow.into_target[layer], "the target"
        else:
            weights = flow.into_labels[layer, self.into]
            of = encoded.demonstrations[self.into].label_class
            where = f"the label word {session.prompt.label_names[of]} of demonstration {self.into + 1}"
        look = self.state.look
        most = strongest_names(pieces, weights.tolist(), look)
        from_where = f"most from {most}:" if most else "nothing:"
        title.set(Text(f"Into {visible(where, look.ascii_only)} in layer {layer} flows {from_where}"))
        strip.set(weighted_strip(pieces, weights.tolist(), look))

    def action_into(self, step: int) -> None:
        session = self.state.session
        if session is not None:
            places = len(session.prompt.demonstrations) + 1  # the target is the one before the first
            self.into = (self.into + 1 + step) % places - 1
            self.refresh_panel()

    def action_all(self) -> None:
        self.everyone = not self.everyone
        self.refresh_panel()
