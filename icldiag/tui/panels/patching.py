"""Panel Patch: through which places, layers and heads a changed prompt takes this answer's lead."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from rich.table import Table
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from icldiag.render.curves import Chart, Curve
from icldiag.render.patch_map import LEGEND, patch_map
from icldiag.tui.comparison import same_query
from icldiag.tui.layers import LayerChart
from icldiag.tui.panels.base import Finding, Line, Panel
from icldiag.tui.panels.layered import LAYER_KEYS, LayeredPanel
from icldiag.tui.panels.parts import PARTS_KEYS, PartsPanel
from icldiag.visible import visible

if TYPE_CHECKING:
    from icldiag.analyses.patching.answer import Patching
    from icldiag.analyses.patching.compute import Patch
    from icldiag.model.readout import FloatArray
    from icldiag.tui.state import State

_PUT_HERE = "the other prompt's states put here"
_PARTS = ("#compared", "#chart-title", "#chart", "#map-title", "#map", "#heads-title", "#heads", "#notes")


class PatchingPanel(PartsPanel, LayeredPanel):
    """The conclusion, curves and a map of shares by layer, and the heads; estimates first, then what was run."""

    title, key, group = "Patch", "T", "Look inside"
    analysis = "patching"
    job = "patching"
    FOLLOWED: ClassVar[tuple[str, ...]] = ("at_layer", "shown")
    purpose = (
        "Patch: where a change of the prompt works, such as from the pinned state to this one. Each place's states are "
        "taken from the other prompt, layer by layer: how much of the change in the answer's lead comes with them?"
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        *LAYER_KEYS,
        Binding("v", "next_map", "run / back / estimated"),
        Binding("c", "counterpart", "pinned / chosen"),
        Binding("l", "every", "all cells"),
        *PARTS_KEYS,
    ]

    def compose(self) -> ComposeResult:
        yield Line(classes="waiting")
        yield Finding(id="finding", classes="body finding")
        yield Line(id="doing", classes="body")
        yield Line(id="compared", classes="body")
        yield Line(id="chart-title", classes="body title")
        yield LayerChart(id="chart", classes="body")
        yield Line(id="map-title", classes="body title")
        yield Line(id="map", classes="body")
        yield Line(id="heads-title", classes="body title")
        yield Line(id="heads", classes="body")
        yield Line(id="notes", classes="body gap")

    def on_mount(self) -> None:
        self.shown = 0  # of the maps
        self.every = False  # every cell, not the sites with the largest estimates
        self.own_choice = False  # not the pinned state
        self.other: State | None = None  # for the pinned state's panel: the present one
        self.shown_layer: int | None = None

    def follow(self, other: Panel) -> None:
        """The pinned state's panel compares it with the present one."""
        self.other = other.state
        if isinstance(other, PatchingPanel):
            self.own_choice = other.own_choice
        super().follow(other)

    def request(self) -> Patch:
        """Compared with the pinned state where its prompt has this query and another text; else with one chosen."""
        from icldiag.analyses.patching.compute import CELLS, Patch

        state, other = self.state, self.other or self.state.pinned
        cells = None if self.every else CELLS
        if other is None or other.prompt is None or self.own_choice or not self.comparable:
            return Patch(state.query, cells=cells)
        asked = Patch(state.query, other.prompt, same_query(state, other), cells)
        return asked.resolved(self.session)

    @property
    def comparable(self) -> bool:
        """Whether the pinned state has this query after other demonstrations or in another template."""
        state, other = self.state, self.other or self.state.pinned
        if other is None or other.prompt is None or state.prompt is None or same_query(state, other) is None:
            return False
        return _read(state.prompt) != _read(other.prompt)

    def show(self) -> None:
        asked = self.request()
        whole, found = self.known(asked)
        self.query_one("#doing", Line).set(Text("") if whole is not None else self.doing(asked))
        for name in _PARTS:
            self.query_one(name).display = found is not None
        finding = self.query_one("#finding", Line)
        if found is None:
            finding.set("")
        else:
            self._show(found)

    def _show(self, found: Patching) -> None:
        from icldiag.analyses.patching.reading import agreement, compared, conclusion

        look = self.state.look
        self.query_one("#finding", Line).set(Text(self._visible(conclusion(found))))
        beta = " The re-weighting is left out here." if self.state.beta_on else ""
        self.query_one("#compared", Line).set(Text(self._visible(compared(found) + beta)))
        for name in ("#chart-title", "#chart", "#map-title", "#map"):
            self.query_one(name).display = found.defined
        if found.defined:
            layer = self.chosen(found)
            self._show_chart(found, layer)
            self._show_map(found, layer)
        self._show_heads(found)
        told = [agreement(found)] if found.whole else []
        told += [f"Not aligned: {'; '.join(found.unaligned)}."] if found.unaligned else []
        if found.same:
            names = ", ".join(found.sites[place].name for place in found.same)
            told.append(f"The same in both, up to the first token that differs: {names}.")
        self.query_one("#notes", Line).set(Text(self._visible(" ".join(one for one in told if one)), look.muted))

    def chosen(self, found: Patching) -> int:
        """The layer that is read out: at first the last one in which something else than the target holds it."""
        carriers, last = found.carriers, found.estimates.shape[1] - 1
        default = carriers[0].layers[-1] if carriers else found.arrival or last
        if not found.whole:
            default = (found.likeliest or (default, 0))[0]
        self.shown_layer = min(default if self.at_layer is None else self.at_layer, last)
        self.query_one(LayerChart).set(last + 1, self.shown_layer, self.state.look)
        return self.shown_layer

    def action_layer(self, step: int) -> None:
        """From the layer that is shown, where none was chosen: what comes later may make it another one."""
        self.at_layer = self.shown_layer
        super().action_layer(step)

    def _show_chart(self, found: Patching, layer: int) -> None:
        """The target, and what carries the change to it."""
        look, (nats, how) = self.state.look, self._map(found)
        shares = found.shares(nats)
        place = found.strongest if found.whole else found.likeliest
        title = f"share of the change, by the layer whose input is patched ({how})"
        self.query_one("#chart-title", Line).set(Text(title, look.muted))
        (target,) = (place for place, site in enumerate(found.sites) if site.kind == "target")
        others = [one.site for one in found.carriers if found.whole] or ([place[1]] if place else [])
        signs = (("x", look.gold), (".", look.muted))
        curves = [Curve("target", "o", shares[:, target].tolist(), look.chosen)]
        for other, (sign, style) in zip(dict.fromkeys(others), signs, strict=False):
            curves.append(Curve(self._visible(found.sites[other].name), sign, shares[:, other].tolist(), style))
        self.draw_chart(self.query_one(LayerChart), Chart(tuple(curves)), 9)

    def _map(self, found: Patching) -> tuple[FloatArray, str]:
        """Chart and map show the same: what `v` chose, and before anything is run the estimates."""
        maps = ((found.moved[0], "run"), (found.moved[1], "run back"), (found.estimates[0], "estimated, first order"))
        return maps[2 if not found.whole and self.shown == 0 else self.shown]

    def _show_map(self, found: Patching, layer: int) -> None:
        from icldiag.analyses.patching.reading import input_of

        nats, how = self._map(found)
        title = f"{how}: {'these states put into the other prompt' if self.shown == 1 else _PUT_HERE}"
        moving = [place for place in range(len(found.sites)) if place not in found.same]
        shares = found.shares(nats)
        rows = [shares[:, place].tolist() for place in moving]
        names = [found.sites[place].name for place in moving]
        look = self.state.look
        self.query_one("#map-title", Line).set(Text(f"{title}; at the right {input_of(layer)}", look.muted))
        drawn = patch_map(names, rows, layer, self.room.width, look)
        drawn.append(f"\n{LEGEND}", look.muted)
        if any(found.sites[place].only_here for place in moving):
            drawn.append("\nWhat the other prompt has not is hidden instead, from a layer on to the last.", look.muted)
        self.query_one("#map", Line).set(drawn)

    def _show_heads(self, found: Patching) -> None:
        look = self.state.look
        title = self.query_one("#heads-title", Line)
        if not found.heads or not found.defined:
            title.set("")
            self.query_one("#heads", Line).set("")
            return
        read = found.carriers
        of = f"; by what it reads at {self._visible(found.sites[read[0].site].name)}" if read else ""
        title.set(Text(f"heads, their output at the target alone: run, run back{of}", look.muted))
        table = Table.grid(padding=(0, 2))
        for _ in range(4):
            table.add_column(justify="right")
        for head in found.heads[:6]:
            nats = head.denoised, head.noised, head.read
            numbers = ["-" if one is None else f"{found.share(one):z.2f}" for one in nats]
            table.add_row(Text(f"{head.layer}.{head.head}", look.chosen), *numbers)
        self.query_one("#heads", Line).set(table)

    def _visible(self, text: str) -> str:
        return visible(text, self.state.look.ascii_only)

    # ---- keys -------------------------------------------------------------------------------------------------------

    def action_next_map(self) -> None:
        self.shown = (self.shown + 1) % 3
        self.refresh_panel()

    def action_every(self) -> None:
        """Every cell, or those of the largest estimates again."""
        self.every = not self.every
        self.action_again()

    def action_counterpart(self) -> None:
        """Compare with the pinned state, or with what icldiag chooses."""
        if not self.comparable:
            self.notify("No state is pinned that has this query in another prompt; p pins one.", markup=False)
            return
        self.own_choice = not self.own_choice
        self.action_again()


def _read(prompt: object) -> tuple[object, ...]:
    """What the model reads of a prompt, and which words are scored."""
    names = ("demonstrations", "template", "separator", "instruction", "labels", "chat", "retrieval")
    return tuple(getattr(prompt, name) for name in names)
