"""Panel Isolate: what changes when label words cannot read their demonstrations, or the target not the label words."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from icldiag.analyses.isolation.cuts import CUT_NAMES, TARGET_CUTS, Cut, in_heads, in_layers, where
from icldiag.counting import counted
from icldiag.render.changes import Change, before_after, changed_answers, outcome, tally
from icldiag.render.columns import in_columns
from icldiag.render.curves import Chart, Curve
from icldiag.render.loyalty import sweep_table
from icldiag.tui.layers import LayerChart, LayerSlider, LayerSwitches
from icldiag.tui.messages import CutChanged, QueryWanted
from icldiag.tui.panels.base import Finding, Line
from icldiag.tui.panels.cost import cost
from icldiag.tui.panels.layered import LAYER_KEYS, LayeredPanel
from icldiag.visible import visible

if TYPE_CHECKING:
    from icldiag.analyses.isolation.compute import Isolation, Setting
    from icldiag.analyses.isolation.cuts import CutKind
    from icldiag.analyses.loyalty import Answers
    from icldiag.analyses.prediction.compute import Prediction


_BOTH = 34  # rows from which the sweep is under the answers before and now


class IsolationPanel(LayeredPanel):
    """A set of layers to cut, the answers before and after, and the sweep over first and last layers."""

    title, key, group = "Isolate", "4", "Look inside"
    analysis = "isolation"
    FOLLOWED: ClassVar[tuple[str, ...]] = ("at_layer", "with_sweep")
    purpose = (
        "Isolate: what if the label words could not read their demonstrations in some layers, or the target not the "
        "label words? Label loyalty is the share of answers that stay (the paper's section 2.2)."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        *LAYER_KEYS,
        Binding("space", "cut", "cut"),
        Binding("v", "mark", "range"),
        Binding("f", "first", "first to here"),
        Binding("l", "last", "here to last"),
        Binding("I", "invert", "invert"),
        Binding("c", "kind", "kind of cut"),
        Binding("h", "heads", "anchor heads / all"),
        Binding("m", "flipped", "next changed answer"),
        Binding("s", "sweep", "sweep"),
    ]

    def compose(self) -> ComposeResult:
        yield Line(classes="waiting")
        yield Finding(id="finding", classes="body finding")
        yield Line(id="cut", classes="body")
        yield LayerSlider(id="slider", classes="body")
        yield LayerSwitches(id="switches", classes="body")
        yield Line(id="before-after", classes="body gap")
        yield Line(id="flipped-title", classes="body gap")
        yield Line(id="flipped", classes="body")
        yield Line(id="offer", classes="body gap")
        yield Line(id="sweep-title", classes="body gap")
        yield LayerChart(id="sweep-chart", classes="body")
        yield Line(id="numbers-title", classes="body gap")
        yield Line(id="sweep", classes="body")

    def on_mount(self) -> None:
        self.range_start: int | None = None
        self.with_sweep = False

    def show(self) -> None:
        from icldiag.analyses.isolation.compute import SweepLayers

        session, state = self.session, self.state
        layer, layers = self.chosen_layer(0), session.facts.n_layers
        marked = "" if self.range_start is None else f"   range from layer {self.range_start}: space cuts it"
        only = f", {in_heads(state.cut_heads)} alone" if state.cut_heads else ""
        line = f"cut {CUT_NAMES[state.cut_kind]}   in {in_layers(state.cut_layers)}{only}{marked}"
        self.query_one("#cut", Line).set(Text(line, state.look.chosen))
        self.query_one(LayerSwitches).switch(layers, state.cut_layers, state.look)
        known = self.peek(SweepLayers(state.cut_kind))
        both = known is not None and not self.with_sweep and self.room.height >= _BOTH
        for name in ("#before-after", "#flipped-title", "#flipped"):
            self.query_one(name).display = not self.with_sweep
        for name in ("#sweep-title", "#sweep-chart", "#numbers-title", "#sweep"):
            self.query_one(name).display = self.with_sweep or both
        self.query_one("#sweep-chart", LayerChart).set(layers, layer, state.look)
        self.query_one("#offer", Line).set("" if self.with_sweep or both else self._offer(known is not None))
        if self.with_sweep:
            self._show_sweep(state.cut_kind)
        else:
            self._show_setting(state.cut_kind, tuple(sorted(state.cut_layers)))
            if known is not None and both:
                self._draw_sweep(known)

    def _offer(self, known: bool) -> str:
        """What the sweep would do, and what it takes."""
        layers, queries = self.session.facts.n_layers, len(self.prediction)
        what = f"s: the first n and the last n layers cut, for every n, {2 * layers - 1} cuts"
        return f"{what}; computed." if known else f"{what}. {cost(self, layers * queries)}"

    def _show_setting(self, kind: CutKind, layers: tuple[int, ...]) -> None:
        """The answers with the layers that are cut now."""
        from icldiag.analyses.isolation.compute import Isolate

        request = Isolate(Cut(kind, layers, heads=self.state.cut_heads))
        found = self.result(request)
        if found is None:  # the last picture stays until the new one is there
            self.query_one("#finding", Line).set(self.trouble(request))
            return
        prediction, query, look, width = self.prediction, self.state.query, self.state.look, self.room.width
        answers = found.answers
        self.query_one("#finding", Line).set(self.two_sentences(*self._finding(found, prediction)))
        before, after = prediction.probabilities[query].tolist(), answers.probabilities[query].tolist()
        self.query_one("#before-after", Line).set(
            before_after(prediction.labels, before, after, prediction.gold[query], look, width)
        )
        labels = prediction.labels
        changes = [
            Change(prediction.texts[at], labels[answers.before[at]], labels[answers.predicted[at]], sign)
            for at, sign in changed_queries(answers)
        ]
        title = tally(len(changes), len(answers.mended), len(answers.broken), len(answers.unjudged))
        self.query_one("#flipped-title", Line).set(Text(title if changes else "", look.muted))
        flipped, offer = self.query_one("#flipped", Line), self.query_one("#offer", Line)
        rows = self.room_under(flipped) - self.rows_of([offer])
        flipped.set(changed_answers(changes, look, width, max(8, rows)))

    def _finding(self, found: Setting, prediction: Prediction) -> tuple[str, ...]:
        answers, query = found.answers, self.state.query
        before, after = (of.probabilities[query].tolist() for of in (prediction, answers))
        if not found.cut.layers:
            how = "Nothing is cut: [ and ] or the mouse choose a layer, space cuts it."
            return f"This answer is {prediction.labels[prediction.predicted[query]]} ({max(before):.2f}).", how
        return (
            f"With {CUT_NAMES[found.cut.kind]} cut in {where(found.cut)}, this answer "
            f"{outcome(prediction.labels, before, after)}.",
            f"{len(answers.flipped)} of {counted(len(prediction), 'answer')} change (label loyalty "
            f"{answers.label_loyalty:.2f}, word loyalty {answers.word_loyalty:.2f}).",
        )

    # ---- every number of layers -------------------------------------------------------------------------------------

    def _show_sweep(self, kind: CutKind) -> None:
        """Label loyalty with the first n and the last n layers cut, for every n."""
        from icldiag.analyses.isolation.compute import SweepLayers

        request = SweepLayers(kind)
        found = self.result(request)
        if found is None:
            self.query_one("#finding", Line).set(self.trouble(request))
            return
        self.query_one("#finding", Line).set(self.two_sentences(*self._sweep_finding(found, self.prediction)))
        self._draw_sweep(found)

    def _draw_sweep(self, found: Isolation) -> None:
        look, back = (
            self.state.look,
            "s: back to before and now" if self.with_sweep else "s: what it says of this answer",
        )
        title = f"label loyalty, the share of answers that stay, with n layers cut   ({back})"
        self.query_one("#sweep-title", Line).set(Text(title, look.muted))
        first, last = ([setting.answers for setting in side] for side in (found.first, found.last))
        curves = (
            Curve("the first n layers", "o", [answers.label_loyalty for answers in first], look.chosen),
            Curve("the last n layers", "x", [answers.label_loyalty for answers in last], look.gold),
        )
        self.draw_chart(self.query_one("#sweep-chart", LayerChart), Chart(curves, unit="n", first=1))
        title = "label loyalty, word loyalty, accuracy: the first n layers cut at the left, the last n at the right"
        self.query_one("#numbers-title", Line).set(Text(title, look.muted))
        head, *lines = sweep_table(first, last, look)
        table = self.query_one("#sweep", Line)
        table.set(in_columns(head, lines, self.room.width, self.room_under(table)))

    def _sweep_finding(self, found: Isolation, prediction: Prediction) -> tuple[str, str]:
        """From how many layers on this answer changes, and how many of all stay at the cursor's n."""
        from icldiag.analyses.isolation.section import stay

        query, n = self.state.query, (self.at_layer or 0) + 1
        old, said = prediction.predicted[query], []
        for side, settings in (("first", found.first), ("last", found.last)):
            changes = [at for at, setting in enumerate(settings, start=1) if setting.answers.predicted[query] != old]
            if changes:
                new = prediction.labels[settings[changes[0] - 1].answers.predicted[query]]
                said.append(f"first turns, to {new}, with the {side} {_count(changes[0])} cut")
            else:
                said.append(f"stays however many of the {side} layers are cut")
        first, last = (stay(side[n - 1]) for side in (found.first, found.last))
        return (
            f"{CUT_NAMES[found.kind]}: {prediction.labels[old]} {' and '.join(said)}.",
            f"Of {counted(len(prediction), 'answer')}, {first} stay with the first {_count(n)} cut, {last} with the "
            f"last {n}.",
        )

    # ---- which layers -----------------------------------------------------------------------------------------------

    def _set(self, layers: frozenset[int]) -> None:
        self.state.cut_layers = layers
        self.post_message(CutChanged())

    def _layers(self) -> range:
        return range(self.state.session.facts.n_layers if self.state.session else 0)

    def on_layer_slider_chosen(self, message: LayerSlider.Chosen) -> None:
        if isinstance(message.slider, LayerSwitches):
            self._set(self.state.cut_layers ^ {message.layer})
        else:
            super().on_layer_slider_chosen(message)

    def action_cut(self) -> None:
        if self.at_layer is None:
            return
        if self.range_start is None:
            self._set(self.state.cut_layers ^ {self.at_layer})
        else:
            first, last = sorted((self.range_start, self.at_layer))
            self.range_start = None
            self._set(self.state.cut_layers | set(range(first, last + 1)))

    def action_mark(self) -> None:
        self.range_start = self.at_layer if self.range_start is None else None
        self.refresh_panel()

    def action_first(self) -> None:
        self._set(frozenset(range((self.at_layer or 0) + 1)) if self._layers() else frozenset())

    def action_last(self) -> None:
        self._set(frozenset(self._layers()[self.at_layer or 0 :]))

    def action_invert(self) -> None:
        self._set(frozenset(self._layers()) - self.state.cut_layers)

    def action_kind(self) -> None:
        kinds = list(CUT_NAMES)
        self.state.cut_kind = kinds[(kinds.index(self.state.cut_kind) + 1) % len(kinds)]
        self.state.cut_heads = ()  # they were found for the other kind
        self.post_message(CutChanged())

    def action_heads(self) -> None:
        """Cut the anchor heads of panel Heads alone, or whole layers again."""
        from icldiag.analyses.circuits.compute import RankHeads

        state = self.state
        if state.cut_heads:
            state.cut_heads = ()
            self.post_message(CutChanged())
            return
        kind = state.cut_kind if state.cut_kind in TARGET_CUTS else "label_to_target"
        found = self.peek(RankHeads(kind))
        if found is None or not found.anchor_heads:
            self.notify(f"No anchor heads of {CUT_NAMES[kind]} are known; panel Heads looks for them.", markup=False)
            return
        state.cut_kind, state.cut_heads = kind, found.anchor_heads
        self._set(frozenset(layer for layer, _ in found.anchor_heads))

    def action_flipped(self) -> None:
        """Select the next query whose answer changes."""
        from icldiag.analyses.isolation.compute import Isolate

        found = self.peek(Isolate(Cut.of(self.state.cut_kind, self.state.cut_layers, heads=self.state.cut_heads)))
        if found is None:
            self.notify("The answers with this cut are not there yet; s goes back to them.", markup=False)
            return
        order = [query for query, _ in changed_queries(found.answers)]
        if not order:
            self.notify("No answer changes with this cut.", markup=False)
            return
        place = (order.index(self.state.query) + 1) % len(order) if self.state.query in order else 0
        query, answers, labels = order[place], found.answers, self.prediction.labels
        change = f"{labels[answers.before[query]]} -> {labels[answers.predicted[query]]}"
        where = f"Query {query + 1}, {place + 1} of {len(order)} that change: {change}."
        self.notify(visible(where, self.state.look.ascii_only), markup=False)
        self.post_message(QueryWanted(query))

    def action_sweep(self) -> None:
        self.with_sweep = not self.with_sweep
        self.refresh_panel()


def changed_queries(answers: Answers) -> list[tuple[int, str]]:
    """Queries whose answers change, with their signs: fixed, broken, and wrong either way."""
    known = {**dict.fromkeys(answers.mended, "+"), **dict.fromkeys(answers.broken, "x")}
    return [*known.items(), *((query, " ") for query in answers.flipped if query not in known)]


def _count(layers: int) -> str:
    return "layer" if layers == 1 else f"{layers} layers"
