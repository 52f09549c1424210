"""Panel Heads: which heads carry what the target reads of the demonstrations, over the queries."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from rich.table import Table
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from icldiag.analyses.isolation.cuts import CUT_NAMES, TARGET_CUTS
from icldiag.counting import counted
from icldiag.render.columns import in_columns, side_by_side, width_of
from icldiag.render.heads import MAP_SIGNS, head_map, heads_together, ranked_heads
from icldiag.tui.messages import CutChanged
from icldiag.tui.panels.base import Finding, Line
from icldiag.tui.panels.parts import PARTS_KEYS, PartsPanel

if TYPE_CHECKING:
    from icldiag.analyses.circuits.compute import Circuit, RankHeads

_PARTS = ("finding", "ranked-title", "ranked", "together-title", "together", "map-title", "map", "sides-title", "sides")


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
        Binding("d", "sides", "heads from all sides"),
        Binding("h", "isolate", "cut them in Isolate / not"),
        *PARTS_KEYS,
    ]

    def compose(self) -> ComposeResult:
        yield Line(classes="waiting")
        yield Finding(id="finding", classes="body finding")
        yield Line(id="doing", classes="body")
        yield Line(id="kind", classes="body")
        yield Line(id="ranked-title", classes="body title")
        yield Line(id="ranked", classes="body")
        yield Line(id="together-title", classes="body title")
        yield Line(id="together", classes="body")
        yield Line(id="map-title", classes="body title")
        yield Line(id="map", classes="body")
        yield Line(id="sides-title", classes="body title")
        yield Line(id="sides", classes="body")

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
        for line in (self.query_one(f"#{name}") for name in _PARTS):
            line.display = found is not None
        if found is not None:
            self._show(found)

    def _show(self, found: Circuit) -> None:
        from icldiag.analyses.circuits.reading import reading

        look = self.state.look
        self.query_one("#finding", Line).set(Text(look.sentence(reading(found))))
        self._show_cuts(found)
        heads = found.estimates.size
        title = f"all {counted(heads, 'head')}, estimated: {MAP_SIGNS}; in reverse what was cut alone"
        self.query_one("#map-title", Line).set(Text(title, look.muted))
        measured = {(one.layer, one.head) for one in found.ranked}
        self.query_one("#map", Line).set(head_map(found.estimates, measured, look))
        self._show_sides(found)

    def _show_cuts(self, found: Circuit) -> None:
        """What was cut alone and together, beside each other where there is room."""
        look, ranked, together = self.state.look, self.query_one("#ranked", Line), self.query_one("#together", Line)
        titles = [self.query_one(name, Line) for name in ("#ranked-title", "#together-title")]
        for line in (ranked, together, *titles):
            line.set("")
        if not found.ranked:
            return
        of, some = counted(found.estimates.size, "head"), len(found.ranked) < found.estimates.size
        which = f"{len(found.ranked)} of {of} cut alone, those of the largest estimates" if some else "heads cut alone"
        anchors = " (* the anchor heads)" if found.anchor_heads else ""
        title = f"{which}{anchors}: nats of the lead lost (estimated), answers that stay of {len(found.queries)}"
        titles[0].set(Text(title, look.muted))
        alone, steps = ranked_heads(found, look), heads_together(found, look)
        if found.together and width_of([alone, steps]) <= self.room.width:
            ranked.set(side_by_side([alone, steps]))
            return
        left = self.room_under(ranked) - (len(steps) + 2 if found.together else 0)
        ranked.set(in_columns(alone[0], alone[1:], self.room.width, max(6, left)))
        if found.together:
            titles[1].set(Text("the first n cut together, and as many other heads of the same layers", look.muted))
            together.set(Text("\n", no_wrap=True).join(steps))

    def _show_sides(self, found: Circuit) -> None:
        """What each ranked head reads, writes and is worth, or what to press."""
        from icldiag.analyses.circuits.reading import what_is_read
        from icldiag.analyses.circuits.sides import LookAtHeads

        request, look = LookAtHeads(found.kind), self.state.look
        sides = self.peek(request)
        title, lines = self.query_one("#sides-title", Line), self.query_one("#sides", Line)
        title.set("")
        if sides is None:
            going = request in self.state.failures or request.job in self.state.doing
            offer = (
                "Press d for what each head cut alone reads, writes, and is worth zeroed or averaged."
                if found.together
                else ""
            )
            lines.set(self.trouble(request) if going else offer)
            return
        read, count = what_is_read(found.kind), len(sides.queries)
        title.set(
            Text(f"{count} queries: attention on {read}, nats written directly; lost cut, zeroed, averaged", look.muted)
        )
        table = Table.grid(padding=(0, 2))
        for _ in range(6):
            table.add_column(justify="right")
        for one in sides.heads:
            numbers = (one.writes, one.cut.lost, one.zeroed.lost, None if one.averaged is None else one.averaged.lost)
            cells = ("-" if nats is None else f"{nats:z.2f}" for nats in numbers)
            table.add_row(f"{one.layer}.{one.head}", f"{one.reads:.0%}", *cells)
        lines.set(table)

    def settled(self) -> bool:
        return super().settled() and "head sides" not in self.state.doing

    # ---- keys -------------------------------------------------------------------------------------------------------

    def action_kind(self) -> None:
        self.kind = (self.kind + 1) % len(TARGET_CUTS)
        self.action_again()

    def action_sides(self) -> None:
        from icldiag.analyses.circuits.sides import LookAtHeads

        found = self.peek(self.request())
        if found is not None:
            self.start(LookAtHeads(found.kind))

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
