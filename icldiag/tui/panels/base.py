"""What all panels have in common.

To add one: a file here named after its analysis with a `Panel` subclass, and one line in `panels/__init__.py`. A panel
shows `self.state`; where it lacks a result it calls `self.result(...)`, which asks the app to compute it, and `show` is
called again when it has come.
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
from textual.containers import VerticalScroll
from textual.geometry import Size
from textual.widget import Widget

from icldiag.counting import counted
from icldiag.render.heatmap import heatmap
from icldiag.render.stages import stage_list
from icldiag.tui.keys import with_ids
from icldiag.tui.layers import LayerChart
from icldiag.tui.line import Line as Line
from icldiag.tui.matrix import Matrix
from icldiag.tui.messages import CancelWanted, PanelDrawn, ResultWanted, RoomChanged
from icldiag.tui.state import State
from icldiag.tui.textual_fixes import scroll_bars as scroll_bars  # sets how they look
from icldiag.visible import visible

if TYPE_CHECKING:
    from icldiag.analyses.prediction.compute import Prediction
    from icldiag.analyses.request import Each, Request
    from icldiag.prompt.schema import Prompt
    from icldiag.session import Session

R = TypeVar("R")
Group = Literal["Diagnose", "Look inside", "Fix"]

STAGES = (
    "importing torch and transformers",
    "the model's files",
    "tokenizer",
    "weights",
    "checking the model",
    "demonstrations",
    "queries",
)


def there(value: R | None) -> R:
    """What a panel may rely on while it is drawn, see `Panel.refresh_panel`. Raises LookupError."""
    if value is None:
        raise LookupError("a panel is drawn without what it shows")
    return value


class Panel(VerticalScroll):
    """One question a user asks. `finding` is its answer in a sentence, computed for the selected query."""

    title: ClassVar[str]  # on the tab
    key: ClassVar[str]  # brings it to the front from anywhere; 0 takes interventions off
    group: ClassVar[Group]  # where its tab stands
    analysis: ClassVar[str]  # whose section a report has of it
    purpose: ClassVar[str]  # what will be here, while it is awaited; also in the help
    needs_prediction: ClassVar[bool] = True
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
        super().__init__(id=self.title.lower())
        self.state = state
        self.awaits = False  # a result that was asked for when it was last drawn
        self._drawn_for: Size | None = None  # the room at that time
        self._stage = 0  # of loading

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

    def show(self) -> None:
        """Draw what the state holds; called on every change while the panel is in front."""
        raise NotImplementedError

    def refresh_panel(self) -> None:
        """Draw, or say what is awaited or wrong."""
        self.awaits, self._drawn_for = False, self.room
        waiting = self.query_one(".waiting", Line)
        body = self.query(".body")
        text = self._awaited()
        waiting.set(text)
        for widget in body:
            widget.display = not text.plain
        if not text.plain:
            self.show()
        self.post_message(PanelDrawn())

    def _awaited(self) -> Text:
        state = self.state
        if state.prompt_error is not None:
            cure = "\n\nPress e to edit the file, r to read it again."
            return Text.assemble(("The prompt file is wrong.\n\n", "bold red"), visible(state.prompt_error), cure)
        if not self.needs_prediction or (state.prediction is not None and state.session is not None):
            return Text("")
        purpose = f"{self.purpose}\n\n"
        if state.model_error is not None:
            cure = "\n\nPress e to edit the file, r to try again, q to leave and choose another --model."
            error = visible(state.model_error)
            return Text.assemble(purpose, ("The model cannot be used.\n\n", "bold red"), error, cure)
        return Text.assemble(purpose, self._loading(), self._first_answers())

    def _loading(self) -> Text:
        """The stages of loading, with the one that is under way; none comes back, whatever a file needs again."""
        doing = self.state.doing.get("session", "").removeprefix("loading: ")
        name, _, detail = doing.partition(" ")
        found = [number for number, stage in enumerate(STAGES) if stage in doing or (name and stage.startswith(name))]
        if doing in ("", "loading the model", "answering again"):
            self._stage = stage = STAGES.index("demonstrations") if doing == "answering again" else 0
            detail = ""
        else:
            stage = found[0] if found else STAGES.index("the model's files")
            detail = doing if not found else detail if name in STAGES else ""
        self._stage = max(self._stage, stage)
        return stage_list(STAGES, self._stage, detail if stage == self._stage else doing, self.state.look, 60)

    def _first_answers(self) -> str:
        """How many of those that are there are wrong."""
        come = self.state.first_answers
        if not come:
            return ""
        labelled, wrong, answered = (
            sum(len(part) for part in parts)
            for parts in (
                (first.prediction.labelled for first in come),
                (first.prediction.wrong for first in come),
                (first.queries for first in come),
            )
        )
        judged = f", {wrong} of the {labelled} labelled ones wrong" if labelled else ""
        return f"\n\n{counted(answered, 'query')} answered so far{judged}."

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

    @property
    def room(self) -> Size:
        """What can be drawn on, whether a scroll bar is there or not."""
        return self.scrollable_content_region.size

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
        """The keys in the line of hints, the most wanted first."""
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
        return None

    def peek(self, request: Request[R]) -> R | None:
        """The answer if it is there; it is not asked for."""
        return cast("R | None", self.state.results.get(request))

    def trouble(self, request: Request[Any]) -> Text:
        """What to say in place of an answer: the error, or that it is on its way."""
        if request in self.state.failures:
            return Text.assemble(("Not computed: ", "bold red"), visible(self.state.failures[request]))
        doing = visible(self.state.how_far(request.job))
        return Text(doing.capitalize() if doing.startswith("waiting") else f"Computing: {doing}", style="dim")

    def start(self, request: Request[Any], each: Each | None = None) -> None:
        """Compute anew on the user's request; `each` is told parts of the answer, in the job's thread."""
        self.state.failures.pop(request, None)
        self.post_message(ResultWanted(request, self.state, each))
        self.call_after_refresh(self.refresh_panel)  # a key that was heard shows at once

    def cancel(self, job: str) -> None:
        self.post_message(CancelWanted(job))
