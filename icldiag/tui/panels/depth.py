"""Panel Depth: from which layer the answer is there, and which part of the model writes its lead."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from icldiag.counting import counted
from icldiag.render.curves import Chart, Curve
from icldiag.render.shares import signed_bars
from icldiag.tui.layers import LayerChart
from icldiag.tui.panels.base import Line
from icldiag.tui.panels.layered import LAYER_KEYS, LayeredPanel
from icldiag.visible import visible

if TYPE_CHECKING:
    from icldiag.analyses.depth import Depth, QueryDepth
    from icldiag.model.readout import FloatArray
    from icldiag.render.look import Look

_LEAST = 8  # parts in the list, and more where they have room


class DepthPanel(LayeredPanel):
    """The labels by layer, of the selected query or of all, and the parts of the selected query's lead."""

    title, key, group = "Depth", "L", "Look inside"
    analysis = "depth"
    FOLLOWED: ClassVar[tuple[str, ...]] = ("at_layer", "everyone")
    purpose = (
        "Depth: from which layer on the answer leads (logit lens), how well the labels are separated before that, and "
        "which layer's attention or MLP writes the lead."
    )
    BINDINGS: ClassVar[list[BindingType]] = [*LAYER_KEYS, Binding("m", "all", "this query / all")]

    def compose(self) -> ComposeResult:
        yield Line(classes="waiting")
        yield Line(id="finding", classes="body finding")
        yield Line(id="chart-title", classes="body title")
        yield LayerChart(id="chart", classes="body")
        yield Line(id="more-title", classes="body title")
        yield Line(id="more", classes="body")

    def on_mount(self) -> None:
        self.everyone = False

    def show(self) -> None:
        from icldiag.analyses.depth import ReadDepth, ReadDepths

        every, one = ReadDepths(), ReadDepth(self.state.query)
        found = self.result(every if self.everyone else one)
        for name in ("#chart-title", "#chart", "#more-title", "#more"):
            self.query_one(name).display = found is not None
        if found is None:
            self.query_one("#finding", Line).set(self.trouble(every if self.everyone else one))
        elif self.everyone:
            self._show_all(found)  # type: ignore[arg-type]
        else:
            self._show_query(found)  # type: ignore[arg-type]

    def _show_query(self, found: QueryDepth) -> None:
        from icldiag.analyses.depth.reading import reading_of_layers, reading_of_parts, shares

        look, read = self.state.look, found.lens
        listed = [] if found.parts is None else shares(found.parts)
        layer = self.chosen_layer(next((one.layer for one in listed if one.layer is not None), 0))
        self.query_one("#finding", Line).set(self.two_sentences(reading_of_layers(found), reading_of_parts(found)))
        answer, rival = (visible(found.labels[label], look.ascii_only) for label in (found.answer, found.rival))
        chances = found.probabilities[1:]
        start = read.readable_from
        from_layer = f" (to be read from layer {start - 1} on)" if start > 1 else ""
        self.query_one("#chart-title", Line).set(
            f"after each layer: probability among the labels{from_layer}; mass: of label words among all words"
        )
        curves = (
            Curve(answer, "o", chances[:, found.answer].tolist(), look.chosen),
            Curve(rival, "x", chances[:, found.rival].tolist(), look.gold),
            *_mass(read.mass, read.spelled, look),
        )
        self.draw_chart(self.query_one(LayerChart), Chart(curves))
        self._show_shares(found, layer)

    def _show_shares(self, found: QueryDepth, layer: int) -> None:
        """The parts that write most, and what the chosen layer writes."""
        from icldiag.analyses.depth.reading import nats, shares

        title, more = self.query_one("#more-title", Line), self.query_one("#more", Line)
        if found.parts is None:
            title.set("")
            more.set("")
            return
        listed, look = shares(found.parts), self.state.look
        attention, mlp = (float(of[layer]) for of in (found.parts.attention, found.parts.mlp))
        for_rival, for_answer = (visible(found.labels[of], look.ascii_only) for of in (found.rival, found.answer))
        title.set(
            f"nats written for {for_answer}, at the right, or {for_rival}; all of layer {layer}: attention "
            f"{nats(attention)}, MLP {nats(mlp)}"
        )
        most = max(_LEAST, self.room_under(more) - 1)
        names, values = ([getattr(share, name) for share in listed[:most]] for name in ("name", "nats"))
        if len(listed) > most:
            names.append(counted(len(listed) - most, "other"))
            values.append(sum(share.nats for share in listed[most:]))
        more.set(signed_bars(names, values, look, min(76, self.room.width - 2)))

    def _show_all(self, found: Depth) -> None:
        from icldiag.analyses.depth.reading import reading

        look = self.state.look
        layer = self.chosen_layer(max(0, found.layers - 1))
        first, _, rest = reading(found).partition(". ")
        self.query_one("#finding", Line).set(self.two_sentences(f"{first.removesuffix('.')}.", rest))
        labelled = any(label is not None for label in found.gold)
        self.query_one("#chart-title", Line).set(f"after each layer, {counted(len(found.gold), 'query')}")
        curves = (
            Curve("AUC of the states", "#", found.state_auc[1:].tolist(), look.right),
            Curve("AUC by the lens", "o", found.auc[1:].tolist(), look.chosen),
            Curve("accuracy by the lens", "x", found.accuracy[1:].tolist(), look.gold),
        )
        agreeing = (Curve("the answer leads", "x", found.agreement[1:].tolist(), look.chosen),)
        mass = _mass(found.mass, found.spelled, look)
        self.draw_chart(self.query_one(LayerChart), Chart((*(curves if labelled else agreeing), *mass)))
        self._show_groups(found, layer)

    def _show_groups(self, found: Depth, layer: int) -> None:
        """Mean probabilities over right and over wrong answers."""
        row, groups = layer + 1, []
        for name, queries in (("right", found.right), ("wrong", found.wrong)):
            if queries.any():
                gold, answer = (found.probability(of, queries)[row] for of in (found.gold, found.predicted))
                beside = f", of the answer {answer:.2f}" if name == "wrong" else ""
                who = counted(int(queries.sum()), f"{name} answer")
                groups.append(f"   {who}: mean probability of the gold label {gold:.2f}{beside}")
        title = f"after layer {layer}: the answer leads in {found.agreement[row]:.0%} of the queries"
        self.query_one("#more-title", Line).set(title)
        self.query_one("#more", Line).set("\n".join(groups))

    def action_all(self) -> None:
        self.everyone = not self.everyone
        self.refresh_panel()


def _mass(written: FloatArray, spelled: FloatArray, look: Look) -> tuple[Curve, Curve]:
    """The label words' probability as they are written, and in any case and spacing."""
    return (
        Curve("label mass", ".", written[1:].tolist(), look.muted),
        Curve("in any case or spacing", ",", spelled[1:].tolist(), look.muted),
    )
