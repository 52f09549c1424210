"""The column at the right in which every panel shows the pinned state, beside the panel in front."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.widgets import ContentSwitcher

from icldiag.tui.comparison import other_model, same_query
from icldiag.tui.panels import PANELS
from icldiag.tui.panels.base import Line, Panel
from icldiag.tui.state import State
from icldiag.tui.top import interventions
from icldiag.visible import visible


class PinnedColumn(Vertical):
    """Panels of the state that is set aside, if one is."""

    def compose(self) -> ComposeResult:
        yield Line(id="pinned-title", classes="title")

    async def fill(self, pinned: State | None, current: str) -> None:
        """Panels for another pinned state, or none."""
        await self.query("#pinned-panels").remove()
        if pinned is None:
            return
        panels = [panel(pinned) for panel in PANELS]
        for panel in panels:
            panel.can_focus = False  # keys are for the panel in front
        await self.mount(ContentSwitcher(*panels, initial=current, id="pinned-panels"))

    def show(self, state: State, front: Panel) -> None:
        """The same panel of the pinned state as the one in front, differences marked in both."""
        pinned, switcher = state.pinned, self.query("#pinned-panels")
        if pinned is None or not switcher:
            return
        other = switcher.first(ContentSwitcher)
        if not other.is_mounted:  # a job has finished before the new panels are composed
            front.app.call_after_refresh(self.show, state, front)
            return
        other.current = front.id
        beside = other.get_child_by_id(str(front.id), Panel)
        if not beside.is_mounted:
            front.app.call_after_refresh(self.show, state, front)
            return
        query = same_query(state, pinned)
        model = other_model(state)
        name = "PINNED" if model is None else f"OTHER MODEL {visible(model, state.look.ascii_only)}"
        found = name if query is not None else f"{name}, without this query"
        self.query_one("#pinned-title", Line).set(f"{found}   {', '.join(interventions(pinned)) or 'no intervention'}")
        pinned.look, pinned.query = state.look, pinned.query if query is None else query
        beside.follow(front)
        beside.mark(front)
        front.mark(beside)
