"""Panel Isolate: what changes when label words cannot read their demonstrations, or the target not the label words."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from rich.table import Table
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from icldiag.render.visible import visible
from icldiag.tui.layers import LayerSlider, LayerSwitches
from icldiag.tui.messages import CutChanged, QueryWanted
from icldiag.tui.panels.base import LAYER_KEYS, LayeredPanel, Line

if TYPE_CHECKING:
    from icldiag.analyses.isolation import CutKind, Isolation, Setting
    from icldiag.analyses.loyalty import Answers

KINDS: dict[CutKind, str] = {
    "text_to_label": "text -> label words",
    "label_to_target": "label words -> target",
    "random_words": "text -> random words",
}
_LISTED = 12  # flipped queries that are shown


class IsolationPanel(LayeredPanel):
    """A set of layers to cut, the answers before and after, and the sweep over first and last layers."""

    title = "Isolate"
    FOLLOWED: ClassVar[tuple[str, ...]] = ("at_layer", "with_sweep")
    purpose = (
        "Isolate: what if the label words could not read their demonstrations in some layers, or the target not the "
        "label words? Label loyalty is the share of answers that stay (the paper's section 2.2)."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        *LAYER_KEYS,
        Binding("space", "cut", "cut / restore the layer"),
        Binding("v", "mark", "mark a range's start"),
        Binding("f", "first", "first to here"),
        Binding("l", "last", "here to last"),
        Binding("i", "invert", "invert"),
        Binding("c", "kind", "kind of cut"),
        Binding("m", "flipped", "next changed answer"),
        Binding("s", "sweep", "sweep"),
    ]

    def compose(self) -> ComposeResult:
        yield Line(classes="waiting")
        yield Line(id="finding", classes="body finding")
        yield Line(id="cut", classes="body")
        yield LayerSlider(id="slider", classes="body")
        yield LayerSwitches(id="switches", classes="body")
        yield Line(id="before-after", classes="body")
        yield Line(id="flipped", classes="body")
        yield Line(id="sweep", classes="body")

    def on_mount(self) -> None:
        self.range_start: int | None = None
        self.with_sweep = False

    def show(self) -> None:
        session, state = self.state.session, self.state
        assert session is not None
        self.chosen_layer(0)
        kind = state.cut_kind
        marked = "" if self.range_start is None else f"   range from {self.range_start}: space cuts it"
        line = f"cut: {KINDS[kind]}   layers: {self._names()}{marked}"
        self.query_one("#cut", Line).set(Text(line, state.look.chosen))
        self.query_one(LayerSwitches).switch(session.model.n_layers, state.cut_layers, state.look)
        key = ("isolate", kind, tuple(sorted(state.cut_layers)))
        found: Setting | None = self.result("isolation", key, lambda s, p: s.isolate(_cut(kind, key[2]), progress=p))
        if found is None:
            self.query_one("#finding", Line).set(self.trouble(key, "isolation"))
        else:
            self._show_setting(found)
        self._show_sweep(kind)

    def _show_setting(self, found: Setting) -> None:
        prediction, query, look = self.state.prediction, self.state.query, self.state.look
        assert prediction is not None
        answers = found.answers
        old, new = (prediction.labels[of[query]] for of in (prediction.predicted, answers.predicted))
        if not found.cut.layers:
            text = "Nothing is cut. Choose a layer with [ and ], cut it with the space bar."
        else:
            stays = f"this one stays {old}" if old == new else f"this one turns from {old} to {new}"
            text = (
                f"Cutting {KINDS[found.cut.kind]} in layers {self._names()} changes {len(answers.flipped)} of "
                f"{len(prediction)} answers (label loyalty {answers.label_loyalty:.2f}, word loyalty "
                f"{answers.word_loyalty:.2f}); {stays}."
            )
        self.query_one("#finding", Line).set(Text(visible(text, look.ascii_only)))
        table = Table.grid(padding=(0, 3))
        table.add_row("", Text("before", look.muted), Text("now", look.muted))
        before, now, gold = prediction.probabilities[query], answers.probabilities[query], prediction.gold[query]
        for label in sorted(range(len(prediction.labels)), key=lambda label: -before[label])[:12]:
            sign = (">" if label == answers.predicted[query] else " ") + ("*" if label == gold else " ")
            name = Text(f"{sign} {visible(prediction.labels[label], look.ascii_only)}")
            changed = look.strong if abs(now[label] - before[label]) >= 0.05 else ""
            table.add_row(name, f"{before[label]:.2f}", Text(f"{now[label]:.2f}", changed))
        self.query_one("#before-after", Line).set(table)
        self.query_one("#flipped", Line).set(self._flipped(answers))

    def _flipped(self, answers: Answers) -> Table | Text:
        """Queries whose answers change: mended ones first, then broken ones, then wrong either way."""
        order, look, prediction = changed_answers(answers), self.state.look, self.state.prediction
        if not order or prediction is None:
            return Text("")
        table = Table.grid(padding=(0, 2))
        table.add_column(no_wrap=True, overflow="ellipsis", max_width=60)
        count = f"\n{len(answers.mended)} mended, {len(answers.broken)} broken"
        table.add_row(Text(count, look.muted), Text("\nbefore", look.muted), Text("\nnow", look.muted))
        for query in order[:_LISTED]:
            sign = "+" if query in answers.mended else "x" if query in answers.broken else " "
            texts = [prediction.labels[of[query]] for of in (answers.before, answers.predicted)]
            line = f"{sign} {prediction.texts[query]}"
            table.add_row(*(Text(visible(cell, look.ascii_only)) for cell in (line, *texts)))
        if len(order) > _LISTED:
            table.add_row(Text(f"  and {len(order) - _LISTED} more; m goes to the next", look.muted))
        return table

    def _show_sweep(self, kind: CutKind) -> None:
        line = self.query_one("#sweep", Line)
        if not self.with_sweep:
            line.set("")
            return
        key = ("sweep", kind)
        found: Isolation | None = self.result("sweep", key, lambda s, p: s.isolation(kind, progress=p))
        if found is None:
            line.set(self.trouble(key, "sweep"))
            return
        table = Table.grid(padding=(0, 2))
        table.add_row("\nlayers cut", "\nlabel loyalty", "\nword loyalty", "\naccuracy")
        for side, settings in (("first", found.first), ("last", found.last)):
            for number, setting in enumerate(settings, start=1):
                answers = setting.answers
                accuracy = "-" if answers.accuracy is None else f"{answers.accuracy:.2f}"
                values = f"{answers.label_loyalty:.2f}", f"{answers.word_loyalty:.2f}", accuracy
                table.add_row(f"{side} {number}", *values)
        line.set(table)

    def _names(self) -> str:
        return ", ".join(map(str, sorted(self.state.cut_layers))) or "none"

    # ---- which layers -----------------------------------------------------------------------------------------------

    def _set(self, layers: frozenset[int]) -> None:
        self.state.cut_layers = layers
        self.post_message(CutChanged())

    def _layers(self) -> range:
        return range(self.state.session.model.n_layers if self.state.session else 0)

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
        kinds = list(KINDS)
        self.state.cut_kind = kinds[(kinds.index(self.state.cut_kind) + 1) % len(kinds)]
        self.post_message(CutChanged())

    def action_flipped(self) -> None:
        """Select the next query whose answer changes."""
        found = self.state.results.get(("isolate", self.state.cut_kind, tuple(sorted(self.state.cut_layers))))
        order = changed_answers(found.answers) if found is not None else []
        if order:
            here = order.index(self.state.query) if self.state.query in order else -1
            self.post_message(QueryWanted(order[(here + 1) % len(order)]))

    def action_sweep(self) -> None:
        self.with_sweep = not self.with_sweep
        self.refresh_panel()


def changed_answers(answers: Answers) -> list[int]:
    """Queries whose answers change: mended, broken, and wrong either way."""
    others = [query for query in answers.flipped if query not in (*answers.mended, *answers.broken)]
    return [*answers.mended, *answers.broken, *others]


def _cut(kind: CutKind, layers: tuple[int, ...]):  # type: ignore[no-untyped-def]  # noqa: ANN202
    from icldiag.analyses.isolation import Cut

    return Cut.of(kind, layers)
