"""Going from query to query and from panel to panel."""

from __future__ import annotations

from textual import events
from textual.widgets import ContentSwitcher, Input

from icldiag.tui.keys import in_force, key_text, matches
from icldiag.tui.layout import Layout
from icldiag.tui.messages import (
    CellWanted,
    QueryChosen,
    QueryWanted,
    RepairWanted,
)
from icldiag.tui.panels import PANELS
from icldiag.tui.panels.base import Panel
from icldiag.tui.panels.repairs import RepairPanel
from icldiag.tui.queries import Queries, QueryList
from icldiag.tui.tabs import PanelTabs


class Navigation(Layout):
    """Keys that choose what is in front."""

    # ---- queries ----------------------------------------------------------------------------------------------------

    def on_query_chosen(self, message: QueryChosen) -> None:
        self._choose_query(message.query)

    def _choose_query(self, query: int | None) -> None:
        listed = range(len(self.state.prompt.queries) if self.state.prompt else 0)  # by now
        if query is not None and query in listed and query != self.state.query:
            self.state.query, self.state.query_chosen = query, True
            for panel in self.query(Panel):
                panel.query_changed()
            self.show_query()

    def on_query_wanted(self, message: QueryWanted) -> None:
        self.query_one(Queries).select(message.query)

    def on_cell_wanted(self, message: CellWanted) -> None:
        self.query_one(Queries).show_only(message.cell)
        if self.has_class("-narrow"):
            self._pick(message.cell is not None)
            (self.panel if message.cell is None else self.query_one(QueryList)).focus()

    def action_mark(self) -> None:
        self.query_one(Queries).mark()

    def action_mark_listed(self) -> None:
        self.query_one(Queries).mark_listed()

    def action_sort(self) -> None:
        self.query_one(Queries).sort_next()

    def on_option_list_option_selected(self) -> None:
        self._pick(False)
        self.panel.focus()

    def action_step(self, step: int) -> None:
        listing = self.query_one(QueryList)
        listing.action_cursor_down() if step > 0 else listing.action_cursor_up()

    def action_wrong(self, step: int) -> None:
        if not self.query_one(Queries).step_wrong(step):
            there = self.state.prediction is not None
            self.notify("No wrong query in the list." if there else "The queries are not answered yet.", markup=False)

    def action_filter(self) -> None:
        self._pick(True)
        self.query_one(Queries).open_filter()

    def action_pick(self) -> None:
        self._pick(not self.has_class("-picking"))
        picking = self.has_class("-picking") or not self.has_class("-narrow")
        (self.query_one(QueryList) if picking else self.panel).focus()

    def _pick(self, picking: bool) -> None:
        """On a narrow terminal the queries stand over the panel, which has no width meanwhile to be drawn in."""
        self.set_class(picking, "-picking")
        self.call_after_refresh(self.show_panel)

    # ---- panels -----------------------------------------------------------------------------------------------------

    def on_panel_tabs_chosen(self, message: PanelTabs.Chosen) -> None:
        self.action_panel(message.panel)

    def action_panel(self, title: str) -> None:
        self._bring(title)  # at once: keys typed ahead are for this panel
        self.query_one(PanelTabs).set(title)
        self.call_after_refresh(self.show_panel)
        self.refresh_bindings()
        self.remove_class("-picking")
        self.call_after_refresh(lambda: self.panel.focus())

    def _bring(self, title: str) -> None:
        before = self.panel
        self.query_one("#panels", ContentSwitcher).current = title
        if self.panel is not before:
            before.left()
            if self.focused is not None and before in self.focused.ancestors_with_self:
                self.screen.set_focus(None)  # or the next key would still act in the panel that was left

    async def on_key(self, event: events.Key) -> None:
        """Keys of the panel in front work from anywhere, unless what has the focus takes them."""
        self._choose_query(self.query_one(Queries).under_cursor)  # its message may be behind this key
        if self.focused is not None and self.panel in self.focused.ancestors_with_self:
            return  # the key has found its binding by itself
        if isinstance(self.focused, Input):
            return  # it is for the line: enter ends it, and asks nothing of the panel
        if event.key == "enter" and self.has_class("-picking") and isinstance(self.focused, QueryList):
            return  # it chooses the query, and nothing in the panel beneath
        for binding in in_force(self.panel.BINDINGS, self.keys):
            if matches(binding, event.key) and len(self.screen_stack) == 1:
                event.stop()
                await self.run_action(binding.action, self.panel)

    def action_scroll_panel(self, step: int) -> None:
        """From anywhere: page down and the arrows belong to the list of queries while it has the focus."""
        for panel in self.query(f"#columns #{self.panel.id}").results(Panel):  # the pinned one goes along
            panel.scroll_relative(y=step * max(1, panel.size.height // 2), animate=False)

    def on_repair_wanted(self, message: RepairWanted) -> None:
        """To panel Repair, which begins to search."""
        before, repair = self.panel, self.query_one(RepairPanel)
        self.action_panel(str(repair.id))
        repair.search(message.query)
        what = "the prompt" if message.query is None else f"query {message.query + 1}"
        told = f"Panel Repair: what fixes {what}; escape stops it."
        if before is not repair:
            back = next(key_text(one) for one in in_force(self.BINDINGS, self.keys) if one.id == f"app.{before.title}")
            told += f" {back} goes back to {before.title}."
        self.notify(told, markup=False)

    def action_next_panel(self, step: int) -> None:
        titles = [panel.title.lower() for panel in PANELS]
        here = titles.index(str(self.panel.id))
        self.action_panel(titles[(here + step) % len(titles)])
