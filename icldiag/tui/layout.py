"""What is where on the screen, and what is drawn anew when something changed. Nothing here computes."""

from __future__ import annotations

from typing import Any

from rich.text import Text
from textual import events
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.widgets import ContentSwitcher, Input

from icldiag.render.bars import folded
from icldiag.render.hints import Hints
from icldiag.render.look import DARK, LIGHT, PLAIN, SIXTEEN, Look
from icldiag.render.tokens import DETAILS
from icldiag.tui.comparison import difference
from icldiag.tui.footer import KeyLine, footer_keys
from icldiag.tui.keys import Keymap, hint_list, in_force
from icldiag.tui.panels import PANELS
from icldiag.tui.panels.base import Line, Panel
from icldiag.tui.pinned_column import PinnedColumn
from icldiag.tui.queries import Queries
from icldiag.tui.screen import Choices, Part, Severity
from icldiag.tui.state import State
from icldiag.tui.tabs import PanelTabs
from icldiag.tui.textual_fixes import line_ends as line_ends  # a quoted token stays whole
from icldiag.tui.textual_fixes import line_input as line_input  # a line holds every text whole
from icldiag.tui.textual_fixes import option_list as option_list  # lists without room have no pages
from icldiag.tui.textual_fixes import paste as paste  # a pasted text is no keys
from icldiag.tui.textual_fixes.frame_diff import FrameDiffApp
from icldiag.tui.textual_fixes.guard import GuardedApp
from icldiag.tui.textual_fixes.key_order import OrderedKeysApp
from icldiag.tui.textual_fixes.no_color import NoColorApp
from icldiag.tui.top import top_line
from icldiag.visible import visible

NARROW = 100  # columns under which the queries fold away
WIDE = 150  # columns from which the pinned panel is beside the one in front
TALL = 36  # rows from which it is under it where there are fewer columns


class Layout(OrderedKeysApp, FrameDiffApp, GuardedApp, NoColorApp):
    """The app's widgets. What they show is `state`."""

    state: State
    keys: Keymap
    ascii_only: bool
    first: str  # the panel in front when the app opens

    def compose(self) -> ComposeResult:
        yield Line(id="top")
        yield PanelTabs(self.first)
        with Horizontal(id="main"):
            yield Queries(self.state, id="left")
            with Vertical(id="right"):
                yield Line(id="folded")
                yield Line(id="difference")
                with Horizontal(id="columns"):
                    with ContentSwitcher(initial=self.first, id="panels"):
                        for panel in PANELS:
                            yield panel(self.state)
                    yield PinnedColumn(id="pinned-column")
                yield Line(id="hints")
        yield KeyLine()

    def _theme_changed(self, theme: Any) -> None:
        self.state.look = self._look()
        self.show_all()

    def _look(self) -> Look:
        """Styles that this terminal and theme can show."""
        look = LIGHT if not self.current_theme.dark else DARK
        if self.no_color:
            look = PLAIN
        elif self.console.color_system in ("standard", None) and not self.is_headless:
            look, self.ansi_color = SIXTEEN, True  # or its names would be what is nearest to Textual's shades of them
        return look.in_ascii() if self.ascii_only else look

    def on_resize(self, event: events.Resize) -> None:
        self.set_class(event.size.width < NARROW, "-narrow")
        self.set_class(event.size.width < WIDE, "-one-column")
        self.set_class(event.size.height >= TALL, "-tall")
        self.call_after_refresh(self.show_all)

    def on_room_changed(self) -> None:
        """The hints of the panel before had another height, say."""
        if not self.closing:
            self.show_panel()

    def on_panel_drawn(self) -> None:
        """Whatever had it drawn."""
        if not self.closing:
            self.show_hints()

    @property
    def closing(self) -> bool:
        """Whether the widgets have gone; jobs may still report."""
        return not self.query("#top")

    @property
    def panels(self) -> list[Panel]:
        """Those of the present state."""
        return list(self.query("#panels Panel").results(Panel))

    @property
    def panel(self) -> Panel:
        """The panel in front."""
        switcher = self.query_one("#panels", ContentSwitcher)
        return switcher.get_child_by_id(str(switcher.current), Panel)

    # ---- what is shown ----------------------------------------------------------------------------------------------

    def show_all(self) -> None:
        self.query_one(Queries).fill()
        self.show_top()
        self.show_query()

    def show_query(self) -> None:
        self.query_one(Queries).show_query()
        state = self.state
        answer = state.answer_to(state.query)
        if answer is not None:
            prediction, row = answer
            chances, gold = prediction.probabilities[row].tolist(), prediction.gold[row]
            width = max(20, self.size.width - 2)
            predicted = int(prediction.predicted[row])
            self.query_one("#folded", Line).update(
                folded(
                    prediction.texts[row],
                    prediction.labels,
                    chances,
                    predicted,
                    gold,
                    state.look,
                    width,
                ),
                layout=False,
            )
        self.show_panel()

    def show_panel(self) -> None:
        self.panel.refresh_panel()
        self.query_one(PanelTabs).set(str(self.panel.id), self.state.look)
        self.query_one("#difference", Line).set(Text(visible(difference(self.state))))
        self.query_one(PinnedColumn).show(self.state, self.panel)

    def show_hints(self) -> None:
        """Of the panel in front, and under it of the app."""
        self.query_one("#hints", Line).set(Hints(hint_list(self.panel.hinted(), self.keys), self.state.look))
        listing = self.has_class("-picking") and self.has_class("-narrow")
        room = self.size.width - (0 if self.has_class("-narrow") else 2)
        keys = footer_keys(in_force(self.BINDINGS, self.keys), listing, room)
        self.query_one(KeyLine).set(keys, self.state.look)

    def show_top(self) -> None:
        self.query_one("#top", Line).set(top_line(self.state, self.size.width - 2))

    async def show_pinned_state(self) -> None:
        """Open the column for another pinned state, or close it."""
        if self.state.pinned is None:
            self.remove_class("-swapped")
        self.set_class(self.state.pinned is not None, "-pinned")
        await self.query_one(PinnedColumn).fill(self.state.pinned, str(self.panel.id))
        self.show_all()

    # ---- the desk's screen ------------------------------------------------------------------------------------------

    def show(self, part: Part) -> None:
        if part == "all":
            self.show_all()
        elif part == "top":
            self.show_top()
        elif part == "panel":
            self.show_panel()
        elif part == "progress":
            self.show_top()
            self.panel.progressed()
            self.show_hints()
        else:
            self.run_worker(self.show_pinned_state())

    def tell(
        self, text: str, title: str = "", severity: Severity = "information", seconds: float | None = None
    ) -> None:
        self.notify(text, title=title, severity=severity, timeout=seconds, markup=False)

    def choices(self) -> Choices | None:
        box = next(iter(self.query("#filter").results(Input)), None)
        if box is None:
            return None
        return Choices(str(self.panel.id), {str(panel.id): panel.views() for panel in self.panels}, box.value)

    def choose(self, choices: Choices) -> None:
        self.call_after_refresh(self._choose, choices)  # when the panels have set themselves up

    def _choose(self, choices: Choices) -> None:
        if not all(panel.is_mounted for panel in self.panels):
            self.call_after_refresh(self._choose, choices)
            return
        for panel in self.panels:
            views = choices.views.get(str(panel.id), {})
            panel.restore({name: value for name, value in views.items() if name != "detail" or value in DETAILS})
        if choices.filter:
            box = self.query_one("#filter", Input)
            box.value, box.display = choices.filter, True
        self.show_panel()
