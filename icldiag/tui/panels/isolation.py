"""Panel Isolate: what changes when label words cannot read their demonstrations, or the target not the label words."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from rich.table import Table
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from icldiag.render.visible import visible
from icldiag.tui.layers import LayerSlider
from icldiag.tui.panels.base import LAYER_KEYS, LayeredPanel, Line

if TYPE_CHECKING:
    from icldiag.analyses.isolation import CutKind, Isolation, Setting

_KINDS: tuple[tuple[CutKind, str], ...] = (
    ("text_to_label", "text -> label words"),
    ("label_to_target", "label words -> target"),
    ("random_words", "text -> random words"),
)


class IsolationPanel(LayeredPanel):
    """A set of layers to cut, the answers before and after, and the sweep over first and last layers."""

    title = "Isolate"
    purpose = (
        "Isolate: what if the label words could not read their demonstrations in some layers, or the target not the "
        "label words? Label loyalty is the share of answers that stay (the paper's section 2.2)."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        *LAYER_KEYS,
        Binding("space", "cut", "cut / restore the layer"),
        Binding("f", "first", "first to here"),
        Binding("l", "last", "here to last"),
        Binding("i", "invert", "invert"),
        Binding("0", "none", "none"),
        Binding("c", "kind", "kind of cut"),
        Binding("s", "sweep", "sweep"),
    ]

    def compose(self) -> ComposeResult:
        yield Line(classes="waiting")
        yield Line(id="finding", classes="body finding")
        yield Line(id="cut", classes="body")
        yield LayerSlider(id="slider", classes="body")
        yield Line(id="switches", classes="body")
        yield Line(id="before-after", classes="body")
        yield Line(id="sweep", classes="body")

    def on_mount(self) -> None:
        self.cut_layers: frozenset[int] = frozenset()
        self.kind = 0
        self.with_sweep = False

    def show(self) -> None:
        session = self.state.session
        assert session is not None
        layer = self.chosen_layer(0)
        kind, title = _KINDS[self.kind]
        self.query_one("#cut", Line).set(Text(f"cut: {title}   layers: {self._names()}", self.state.look.chosen))
        switches = " ".join(
            f"{number}[{'x' if number in self.cut_layers else ' '}]" for number in range(session.model.n_layers)
        )
        self.query_one("#switches", Line).set(Text(switches))
        key = ("isolate", kind, tuple(sorted(self.cut_layers)))
        found: Setting | None = self.result("isolation", key, lambda s, p: s.isolate(_cut(kind, key[2]), progress=p))
        if found is None:
            self.query_one("#finding", Line).set(self.trouble(key, "isolation"))
        else:
            self._show_setting(found, layer)
        self._show_sweep(kind)

    def _show_setting(self, found: Setting, layer: int) -> None:
        prediction, query = self.state.prediction, self.state.query
        assert prediction is not None
        answers, total = found.answers, len(prediction)
        old, new = (prediction.labels[of[query]] for of in (prediction.predicted, answers.predicted))
        if not found.cut.layers:
            text = "Nothing is cut. Choose a layer with [ and ], cut it with the space bar."
        else:
            stays = f"this one stays {old}" if old == new else f"this one turns from {old} to {new}"
            text = (
                f"Cutting {_KINDS[self.kind][1]} in layers {self._names()} changes {len(answers.flipped)} of {total} "
                f"answers (label loyalty {answers.label_loyalty:.2f}, word loyalty {answers.word_loyalty:.2f}); "
                f"{stays}."
            )
        look = self.state.look
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
        return ", ".join(map(str, sorted(self.cut_layers))) or "none"

    def _set(self, layers: frozenset[int]) -> None:
        self.cut_layers = layers
        self.refresh_panel()

    def _layers(self) -> range:
        return range(self.state.session.model.n_layers if self.state.session else 0)

    def action_cut(self) -> None:
        if self.at_layer is not None:
            self._set(self.cut_layers ^ {self.at_layer})

    def action_first(self) -> None:
        self._set(frozenset(range((self.at_layer or 0) + 1)) if self._layers() else frozenset())

    def action_last(self) -> None:
        self._set(frozenset(self._layers()[self.at_layer or 0 :]))

    def action_invert(self) -> None:
        self._set(frozenset(self._layers()) - self.cut_layers)

    def action_none(self) -> None:
        self._set(frozenset())

    def action_kind(self) -> None:
        self.kind = (self.kind + 1) % len(_KINDS)
        self.refresh_panel()

    def action_sweep(self) -> None:
        self.with_sweep = not self.with_sweep
        self.refresh_panel()


def _cut(kind: CutKind, layers: tuple[int, ...]):  # type: ignore[no-untyped-def]  # noqa: ANN202
    from icldiag.analyses.isolation import Cut

    return Cut.of(kind, layers)
