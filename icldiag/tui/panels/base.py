"""What all panels have in common.

To add one: a file here named after its analysis with a `Panel` subclass, and one line in `panels/__init__.py`. A panel
shows `self.state`; where it lacks a result it calls `self.result(...)`, which asks the app to compute it, and `show` is
called again when it has come. After a change of the prompt that call may end `show`: what is drawn stays, dimmed, but
for lines of the class `now`, which are set before it.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping
from dataclasses import replace
from itertools import takewhile
from typing import TYPE_CHECKING, Any, ClassVar, Literal, TypeVar, cast

from rich.console import Console
from rich.text import Text
from textual.binding import Binding
from textual.widget import Widget

from icldiag.render.heatmap import heatmap
from icldiag.tui.keys import with_ids
from icldiag.tui.layers import LayerChart
from icldiag.tui.line import Finding as Finding
from icldiag.tui.line import Line as Line
from icldiag.tui.matrix import Matrix
from icldiag.tui.messages import CancelWanted, ResultWanted, RoomChanged
from icldiag.tui.panels.awaiting import AwaitingPanel
from icldiag.tui.state import State
from icldiag.tui.textual_fixes import scroll_bars as scroll_bars  # sets how they look

if TYPE_CHECKING:
    from icldiag.analyses.prediction.compute import Prediction
    from icldiag.analyses.request import Each, Request
    from icldiag.prompt.schema import Prompt
    from icldiag.session import Session

R = TypeVar("R")
Group = Literal["Diagnose", "Look inside", "Fix"]


def there(value: R | None) -> R:
    """What a panel may rely on while it is drawn, see `Panel.refresh_panel`. Raises LookupError."""
    if value is None:
        raise LookupError("a panel is drawn without what it shows")
    return value


class Panel(AwaitingPanel):
    """One question a user asks. `finding` is its answer in a sentence, computed for the selected query."""

    title: ClassVar[str]  # on the tab
    key: ClassVar[str]  # brings it to the front from anywhere; 0 takes interventions off
    group: ClassVar[Group]  # where its tab stands
    analysis: ClassVar[str]  # whose section a report has of it
    example: ClassVar[str] = ""  # of its widgets, what is shown of the sample until a key begins the computation

    def __init_subclass__(cls, **arguments: Any) -> None:
        if "title" in cls.__dict__:  # the line of hints shows the panel's keys, so the footer need not
            cls.BINDINGS = [
                replace(binding, show=False)
                for binding in with_ids(cls.title.lower(), cls.BINDINGS)
                if isinstance(binding, Binding)
            ]
        super().__init_subclass__(**arguments)

    FOLLOWED: ClassVar[tuple[str, ...]] = ()  # what the panel of the pinned state takes over from the one in front
    can_focus = True

    def __init__(self, state: State) -> None:
        super().__init__(state, id=self.title.lower())

    @property
    def session(self) -> Session:
        return there(self.state.session)

    @property
    def prediction(self) -> Prediction:
        return there(self.state.prediction)

    @property
    def prompt(self) -> Prompt:
        return there(self.state.prompt)

    def follow(self, other: Panel) -> None:
        """Show the same of this panel's state as the other shows of its own."""
        for name in self.FOLLOWED:
            setattr(self, name, self.taken_over(name, other))
        if other.query(Line):
            self.refresh_panel()

    def taken_over(self, name: str, other: Panel) -> Any:
        """What FOLLOWED names, as the other panel has it."""
        return getattr(other, name)

    def views(self) -> dict[str, Any]:
        """What is shown of the state, such as the chosen layer, to be brought back by `restore`."""
        values = {name: getattr(self, name, None) for name in self.FOLLOWED}
        return {name: value for name, value in values.items() if isinstance(value, int | str)}

    def restore(self, views: Mapping[str, Any]) -> None:
        for name, value in views.items():
            if name in self.FOLLOWED and type(value) is type(getattr(self, name, None) or value):
                setattr(self, name, value)

    def mark(self, other: Panel) -> None:
        """Show where this panel differs from the other, line by line and cell by cell."""
        for line in self.query(Line):
            found = other.query(f"#{line.id}") if line.id else None
            if found:
                line.mark(found.first(Line))
        for matrix in self.query(Matrix):
            matrix.mark(other.query_one(f"#{matrix.id}", Matrix))

    def plain_text(self, width: int = 100, only: str = "Line, Matrix, LayerChart") -> str:
        """All that the panel shows, scrolled out of view or not, to be copied; or `only` these of its widgets."""
        written = io.StringIO()
        console = Console(file=written, width=width, color_system=None)
        for widget in self.query(only):
            if not widget.display or widget.id == "example":
                continue
            if isinstance(widget, Line):
                console.print(widget.shown, markup=False, highlight=False)
            elif isinstance(widget, Matrix) and widget.heatmap is not None:
                console.print(heatmap(widget.heatmap, widget.look), soft_wrap=True)
            elif isinstance(widget, LayerChart):
                console.print(widget.drawing(width), soft_wrap=True)
        return "\n".join(line.rstrip() for line in written.getvalue().splitlines()).strip("\n") + "\n"

    def two_sentences(self, first: str, second: str = "") -> Text:
        """The finding for this query, and under it in plain weight what holds for all."""
        look = self.state.look
        said = Text(look.sentence(first))
        return said.append(f"\n{look.sentence(second)}", f"not bold {look.muted}") if second else said

    def room_under(self, widget: Widget) -> int:
        """Rows that what stands above it leaves in the panel, as it is set now."""
        above = takewhile(lambda other: other is not widget, self.children)
        return self.room.height - self.rows_of(above) - widget.styles.gutter.height

    def fits(self) -> bool:
        """Whether all of it, as it is set now, is in view."""
        return self.rows_of(self.children) <= self.room.height

    def rows_of(self, widgets: Iterable[Widget]) -> int:
        room, rows = self.room, 0
        for widget in widgets:
            if widget.display:
                gutter = widget.styles.gutter
                rows += gutter.height + widget.get_content_height(room, self.app.size, room.width - gutter.width)
        return rows

    def on_resize(self) -> None:
        """A line that came or went beside the panel leaves another room than it was drawn for."""
        if self._drawn_for not in (None, self.room):
            self.post_message(RoomChanged())

    def stepped(self, place: int, step: int, first: int, last: int) -> int:
        """The place in a list after a key; at the list's ends the key scrolls the panel."""
        if first <= place + step <= last:
            return place + step
        self.scroll_relative(y=step, animate=False)
        return max(first, min(place, last))

    def hinted(self) -> list[Binding]:
        """The keys in the line of hints, the most wanted first; none while there is nothing to use them on."""
        if self.bare:
            return []
        idle = self.idle()
        return [one for one in self.BINDINGS if isinstance(one, Binding) and one.action not in idle]

    def idle(self) -> set[str]:
        """The actions that would do nothing now."""
        return set()

    def left(self) -> None:
        """Another panel comes to the front."""

    def query_changed(self) -> None:
        """Another query was selected; forget what belonged to the last one."""

    def progressed(self) -> None:
        """Some job went on: draw again only where the panel is waiting, to repaint little."""
        if not self.settled():
            self.refresh_panel()

    def settled(self) -> bool:
        """Whether all that the panel wants to show is there."""
        return self.state.prediction is not None and self.state.session is not None and not self.awaits

    def result(self, request: Request[R]) -> R | None:
        """The answer to a request, or None while it is computed or where it failed (see `trouble`)."""
        if request in self.state.results:
            return cast("R", self.state.results[request])
        if request not in self.state.failures:
            self.awaits = True
            self.post_message(ResultWanted(request, self.state))
        self.lack(request)
        return None

    def peek(self, request: Request[R]) -> R | None:
        """The answer if it is there; it is not asked for."""
        return cast("R | None", self.state.results.get(request))

    def start(self, request: Request[Any], each: Each | None = None) -> None:
        """Compute anew on the user's request; `each` is told parts of the answer, in the job's thread."""
        self.state.failures.pop(request, None)
        self.post_message(ResultWanted(request, self.state, each))
        self.call_after_refresh(self.refresh_panel)  # a key that was heard shows at once

    def cancel(self, job: str) -> None:
        self.post_message(CancelWanted(job))
