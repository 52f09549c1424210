"""What a panel shows until it has what it asks: how far the model is, why there is none, or what it showed before."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from rich.text import Text
from textual.containers import VerticalScroll
from textual.geometry import Size
from textual.widget import Widget

from icldiag.counting import counted
from icldiag.render.stages import stage_list
from icldiag.tui.line import Finding, Line
from icldiag.tui.messages import PanelDrawn
from icldiag.tui.panels.before import NothingYet, Shown, said
from icldiag.tui.state import State
from icldiag.visible import visible

if TYPE_CHECKING:
    from icldiag.analyses.request import Request

STAGES = (
    "importing torch and transformers",
    "the model's files",
    "tokenizer",
    "weights",
    "checking the model",
    "demonstrations",
    "queries",
)


class AwaitingPanel(VerticalScroll):
    """Its line of the class `waiting` says what is awaited; widgets of the class `body` are what it waits for."""

    purpose: ClassVar[str]  # what will be here, while it is awaited; also in the help
    needs_prediction: ClassVar[bool] = True

    def __init__(self, state: State, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.state = state
        self.bare = True  # it shows nothing yet that its keys could be used on
        self.awaits = False  # a result that was asked for when it was last drawn
        self._lacks = False  # when it was last drawn there was nothing of what it shows
        self._drawn_of: Shown | None = None  # what is drawn, if something is
        self._drawing = False
        self._drawn_for: Size | None = None  # the room at that time
        self._stage = 0  # of loading
        self._began: tuple[Shown, str] | None = None  # what was shown last, and how the panel began
        self.changed_here = False  # the next other prompt is made by this panel's keys, of what is in view

    @property
    def room(self) -> Size:
        """What can be drawn on, whether a scroll bar is there or not."""
        return self.scrollable_content_region.size

    def show(self) -> None:
        """Draw what the state holds; called on every change while the panel is in front."""
        raise NotImplementedError

    def refresh_panel(self) -> None:
        """Draw, or say what is awaited or wrong; what was drawn of the prompt before a change stays until then."""
        self.awaits, self._lacks, self._drawn_for = False, False, self.room
        waiting, body, text = self.query_one(".waiting", Line), list(self.query(".body")), self._awaited()
        self.bare = bool(text.plain) and not self.dimmed
        if not text.plain:
            text = self._show_if_there(waiting, body)
        elif self.dimmed:
            text = said(Text(f"Answering the changed prompt. {self._first_answers()}".rstrip()), self.state.look.muted)
        else:
            self._drawn_of = None
            for widget in body:
                widget.display = False
        waiting.set(text)
        drawn = self.state.prediction is not None
        for widget in (waiting, *body):
            widget.set_class(self.dimmed and not (drawn and widget.has_class("now")), "-before")
        self.post_message(PanelDrawn())

    def _show_if_there(self, waiting: Line, body: list[Widget]) -> Text:
        """Draw, or leave what is there and return what is awaited."""
        displayed = [widget.display for widget in body]
        waiting.set("")
        for widget in body:
            widget.display = True
        self._drawing = True
        try:
            self.show()
        except NothingYet as nothing:
            for widget, was in zip(body, displayed, strict=True):
                if not widget.has_class("now"):
                    widget.display = was
            return said(nothing.awaited, self.state.look.muted)
        finally:
            self._drawing = False
        self._drawn_of = None if self._lacks else Shown.of(self.state)
        self._show_beginning()
        return Text("")

    def _show_beginning(self) -> None:
        """Of another query or prompt, where the panel begins otherwise: what it says of it must not be out of view."""
        now, last = Shown.of(self.state), self._began
        lines = list(self.query(Line))
        finding = next((place for place, line in enumerate(lines) if isinstance(line, Finding)), 0)
        begins = "\n".join(line.text.plain for line in lines[: finding + 1])
        self._began = None if now is None else (now, begins)
        if now is None or last is None or now.same(last[0]):
            return
        if begins != last[1] and not self.changed_here:
            self.scroll_home(animate=False)
        self.changed_here = False

    @property
    def dimmed(self) -> bool:
        """Whether what is drawn, but for what has the class `now`, is of the prompt before a change."""
        return self.needs_prediction and self._drawn_of is not None and self._drawn_of.is_before(self.state)

    def lack(self, request: Request[Any]) -> None:
        """There is nothing of an answer that `show` needs. Raises NothingYet."""
        self._lacks = True
        if self._drawing and self.awaits and self.dimmed:
            raise NothingYet(self.trouble(request))

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
        come = self._first_answers()
        return Text.assemble(purpose, self._loading(), f"\n\n{come}" if come else "")

    def _loading(self) -> Text:
        """The stages of loading, with the one that is under way; none comes back, whatever a file needs again."""
        doing = self.state.doing.get("session", "").removeprefix("loading: ")
        name, _, detail = doing.replace(":", "", 1).partition(" ")
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
        return f"{counted(answered, 'query')} answered so far{judged}."

    def trouble(self, request: Request[Any]) -> Text:
        """What to say in place of an answer: the error, or that it is on its way."""
        if request in self.state.failures:
            return Text.assemble(("Not computed: ", "bold red"), visible(self.state.failures[request]))
        doing = visible(self.state.how_far(request.job))
        return Text(f"W{doing[1:]}" if doing.startswith("waiting") else f"Computing: {doing}", style="dim not bold")
