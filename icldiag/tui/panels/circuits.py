"""Panel Heads: which heads carry what the target reads of the demonstrations, over the queries."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from rich.table import Table
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from icldiag.analyses.isolation.cuts import CUT_NAMES, TARGET_CUTS
from icldiag.tui.messages import CutChanged
from icldiag.tui.panels.base import Line
from icldiag.tui.panels.parts import PARTS_KEYS, PartsPanel

if TYPE_CHECKING:
    from icldiag.analyses.circuits.compute import Circuit, RankHeads

_SHOWN = 12  # ranked heads


class CircuitsPanel(PartsPanel):
    """The conclusion, the ranked heads, and the first n together; estimates first, then what was cut."""

    title, key, group = "Heads", "B", "Look inside"
    analysis = "circuits"
    job = "heads"
    FOLLOWED: ClassVar[tuple[str, ...]] = ("kind",)
    purpose = (
        "Heads: what the target reads of label words, forerunners, template or texts is cut in one head after the "
        "other, and the queries are answered again. Which heads carry it?"
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("c", "kind", "kind of cut"),
        Binding("h", "isolate", "cut them in Isolate / not"),
        *PARTS_KEYS,
    ]

    def compose(self) -> ComposeResult:
        yield Line(classes="waiting")
        yield Line(id="finding", classes="body finding")
        yield Line(id="doing", classes="body")
        yield Line(id="kind", classes="body")
        yield Line(id="ranked-title", classes="body title")
        yield Line(id="ranked", classes="body")
        yield Line(id="together-title", classes="body title")
        yield Line(id="together", classes="body")

    def on_mount(self) -> None:
        self.kind = 0  # of TARGET_CUTS

    def request(self) -> RankHeads:
        from icldiag.analyses.circuits.compute import RankHeads

        return RankHeads(TARGET_CUTS[self.kind])

    def show(self) -> None:
        asked = self.request()
        whole, found = self.known(asked)
        look = self.state.look
        self.query_one("#doing", Line).set("" if whole is not None else self.doing(asked))
        beta = "   the re-weighting is left out here" if self.state.beta_on else ""
        cut = f"cut {CUT_NAMES[asked.kind]}{beta}"
        self.query_one("#kind", Line).set(Text(cut, look.chosen))
        for name in ("#finding", "#ranked-title", "#ranked", "#together-title", "#together"):
            self.query_one(name).display = found is not None
        if found is not None:
            self._show(found)

    def _show(self, found: Circuit) -> None:
        from icldiag.analyses.circuits.reading import reading

        look, count = self.state.look, len(found.queries)
        self.query_one("#finding", Line).set(Text(look.sentence(reading(found))))
        title = (
            f"cut in one head: nats of the lead lost (estimated), answers that stay of {count}" if found.ranked else ""
        )
        self.query_one("#ranked-title", Line).set(Text(title, look.muted))
        table = Table.grid(padding=(0, 2))
        for _ in range(4):
            table.add_column(justify="right")
        anchors = set(found.anchor_heads)
        for one in found.ranked[:_SHOWN]:
            style = look.gold if (one.layer, one.head) in anchors else ""
            table.add_row(
                Text(f"{one.layer}.{one.head}", style),
                f"{one.cut.lost:z.2f}",
                f"({one.estimate:z.2f})",
                str(one.cut.stay),
            )
        self.query_one("#ranked", Line).set(table if found.ranked else "")
        title = "the first n together: nats lost, answers that stay; as many other heads of the same layers"
        self.query_one("#together-title", Line).set(Text(title if found.together else "", look.muted))
        steps = Table.grid(padding=(0, 2))
        for _ in range(5):
            steps.add_column(justify="right")
        for step in found.together:
            others = ("-", "-") if step.others is None else (f"{step.others.lost:z.2f}", str(step.others.stay))
            steps.add_row(Text(str(step.heads), look.chosen), f"{step.cut.lost:z.2f}", str(step.cut.stay), *others)
        self.query_one("#together", Line).set(steps if found.together else "")

    # ---- keys -------------------------------------------------------------------------------------------------------

    def action_kind(self) -> None:
        self.kind = (self.kind + 1) % len(TARGET_CUTS)
        self.action_again()

    def action_isolate(self) -> None:
        """Limit the cut of panel Isolate to the anchor heads, or take it off."""
        found, state = self.peek(self.request()), self.state
        if state.cut_heads:
            state.cut_heads, state.cut_layers = (), frozenset()
        elif found is None or not found.anchor_heads:
            self.notify("There are no heads yet that carry half of it.", markup=False)
            return
        else:
            state.cut_kind, state.cut_heads = found.kind, found.anchor_heads
            state.cut_layers = frozenset(layer for layer, _ in found.anchor_heads)
        self.post_message(CutChanged())
        self.refresh_panel()
