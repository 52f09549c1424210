"""Panel Depth: from which layer the answer is there, and which part of the model writes its lead."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from icldiag.counting import counted
from icldiag.render.curves import Chart, Curve
from icldiag.render.shares import signed_bars
from icldiag.tui.layers import LayerChart
from icldiag.tui.panels.base import Finding, Line
from icldiag.tui.panels.layered import LAYER_KEYS, LayeredPanel
from icldiag.visible import visible

if TYPE_CHECKING:
    from icldiag.analyses.depth import Depth, MeanShares, QueryDepth
    from icldiag.model.readout import FloatArray
    from icldiag.render.look import Look

_LEAST = 8  # parts in the list, and more where they have room

_MOST = 10  # parts of the mean shares


class DepthPanel(LayeredPanel):
    """The labels by layer, of the selected query or of all, and the parts of the selected query's lead."""

    title, key, group = "Depth", "L", "Look inside"
    analysis = "depth"
    FOLLOWED: ClassVar[tuple[str, ...]] = ("at_layer", "everyone", "in_nats")
    purpose = (
        "Depth: from which layer on the answer leads (logit lens), how well the labels are separated before that, and "
        "which layer's attention or MLP writes the lead."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        *LAYER_KEYS,
        Binding("m", "all", "this query / all"),
        Binding("v", "nats", "probabilities / nats"),
        Binding("s", "shares", "mean shares"),
        Binding("escape", "stop", "stop"),
    ]

    def compose(self) -> ComposeResult:
        yield Line(classes="waiting")
        yield Finding(id="finding", classes="body finding")
        yield Line(id="chart-title", classes="body title")
        yield LayerChart(id="chart", classes="body")
        yield Line(id="more-title", classes="body title")
        yield Line(id="more", classes="body")

    def on_mount(self) -> None:
        self.everyone = False
        self.in_nats = False
        self.so_far: list[MeanShares] = []  # of the computation that runs; its thread appends

    def settled(self) -> bool:
        return super().settled() and "shares" not in self.state.doing

    def idle(self) -> set[str]:
        if not self.everyone:
            return {"shares", "stop"}
        return {"shares"} if "shares" in self.state.doing else {"stop"}

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
        from_layer = f" (readable from layer {start - 1} on, dim before)" if start > 1 else ""
        self.query_one("#chart-title", Line).set(
            f"after each layer: probability among the labels{from_layer}; mass: of label words among all words"
        )
        curves: tuple[Curve, ...] = (
            Curve(answer, "o", chances[:, found.answer].tolist(), look.chosen, start - 1),
            Curve(rival, "x", chances[:, found.rival].tolist(), look.gold, start - 1),
            *_mass(read.mass, read.spelled, look),
        )
        if self.in_nats:
            self.query_one("#chart-title", Line).set(f"after each layer: nats of {answer} over {rival}{from_layer}")
            curves = (Curve(f"{answer} over {rival}", "o", found.leads[1:].tolist(), look.chosen, start - 1),)
        self._draw(curves)
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
        drawn = (*(curves if labelled else agreeing), *mass)
        if self.in_nats:
            leads = found.gold_leads
            of = "the answer" if "all" in leads else "the gold label"
            self.query_one("#chart-title", Line).set(f"after each layer: mean nats of {of} over the best other label")
            signs = {"right": ("o", look.right), "wrong": ("x", look.wrong), "all": ("o", look.chosen)}
            drawn = tuple(
                Curve(f"{name} answers", signs[name][0], of_it[1:].tolist(), signs[name][1])
                for name, of_it in leads.items()
            )
        self._draw(drawn)
        self._show_groups(found, layer)

    def _show_groups(self, found: Depth, layer: int) -> None:
        """Mean probabilities over right and over wrong answers."""
        row, groups = layer + 1, []
        for name, queries in (("right", found.right), ("wrong", found.wrong)):
            if queries.any():
                gold, answer = (found.probability(of, queries)[row] for of in (found.gold, found.predicted))
                beside = f", of the answer {answer:.2f}" if name == "wrong" else ""
                who = counted(int(queries.sum()), f"{name} answer")
                lead = float(found.lead(found.gold, queries)[row])
                groups.append(
                    f"   {who}: mean probability of the gold label {gold:.2f}{beside}; its lead {lead:+.1f} nats"
                )
        title = f"after layer {layer}: the answer leads in {found.agreement[row]:.0%} of the queries"
        self.query_one("#more-title", Line).set(title)
        self.query_one("#more", Line).set("\n".join([*groups, *self._mean_shares()]))

    def _draw(self, curves: tuple[Curve, ...]) -> None:
        """Probabilities from 0 to 1, nats as far as they go on either side of 0."""
        most = max((abs(value) for curve in curves for value in curve.values if value == value), default=1.0)
        scale = Chart(curves, -most, most) if self.in_nats else Chart(curves)
        self.draw_chart(self.query_one(LayerChart), scale)

    def _mean_shares(self) -> list[str]:
        """The parts that write most of the mean lead, or what to press."""
        from icldiag.analyses.depth import ShareDepths
        from icldiag.analyses.depth.reading import shares

        request, going = ShareDepths(), "shares" in self.state.doing
        found = self.peek(request) or (self.so_far[-1] if going and self.so_far else None)
        if found is None:
            waits = going or request in self.state.failures
            return ["", self.trouble(request).plain if waits else "Press s for the mean direct shares of the lead."]
        if not found.parts:
            return ["", f"No direct shares: {found.missing}."]
        means = {name: found.mean(chosen) for name, chosen in found.groups.items()}
        columns = {name: {one.name: one.nats for one in shares(parts)} for name, parts in means.items()}
        who = [counted(int(chosen.sum()), f"{name} answer") for name, chosen in found.groups.items()]
        told = ["", f"nats written directly for the answer against its rival, mean of {' | '.join(who)}"]
        for part in list(list(columns.values())[-1])[:_MOST]:
            told.append(f"   {part:<18}" + "".join(f"{column[part]:>+8.2f}" for column in columns.values()))
        whole = "".join(f"{parts.difference:>+8.2f}" for parts in means.values())
        return [*told, f"   {'the whole lead':<18}{whole}"]

    def action_nats(self) -> None:
        self.in_nats = not self.in_nats
        self.refresh_panel()

    def action_shares(self) -> None:
        from icldiag.analyses.depth import ShareDepths

        if self.everyone and self.state.prediction is not None and ShareDepths() not in self.state.results:
            so_far: list[MeanShares] = []
            self.so_far = so_far
            self.start(ShareDepths(), so_far.append)

    def action_stop(self) -> None:
        self.cancel("shares")

    def action_all(self) -> None:
        self.everyone = not self.everyone
        self.refresh_panel()


def _mass(written: FloatArray, spelled: FloatArray, look: Look) -> tuple[Curve, Curve]:
    """The label words' probability as they are written, and in any case and spacing."""
    return (
        Curve("label mass", ".", written[1:].tolist(), look.muted),
        Curve("in any case or spacing", ",", spelled[1:].tolist(), look.muted),
    )
