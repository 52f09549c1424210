"""Key J: what is being computed, how far it is, and a key that stops it."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from icldiag.model.turns import WAITS
from icldiag.tui.jobs import Jobs
from icldiag.tui.run import Run
from icldiag.visible import visible

_SECONDS = 0.3  # between two looks at how far they are
_KEYS = """\
c stops the marked one   escape closes
Escape in a panel stops what that panel computes, and an export from everywhere."""


class JobsScreen(ModalScreen[None]):
    """All jobs in the order of their start, also those that wait for their turn on the model."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("c,delete", "stop", "stop the marked job"),
        Binding("j", "move(1)", "down"),
        Binding("k", "move(-1)", "up"),
        Binding("escape,q,J", "dismiss", "close"),
    ]

    def __init__(self, jobs: Jobs, stop: Callable[[str], object]) -> None:
        """`stop` is told the name of a job."""
        super().__init__()
        self.jobs, self.stop = jobs, stop
        self._listed: list[str] = []

    def compose(self) -> ComposeResult:
        with Vertical(id="ask"):
            yield Static("What is being computed", classes="title", markup=False)
            yield OptionList(id="jobs", markup=False, compact=True)
            yield Static(_KEYS, markup=False)

    def on_mount(self) -> None:
        self.look()
        self.set_interval(_SECONDS, self.look)
        self.query_one(OptionList).focus()

    def look(self) -> None:
        """List them as they are by now; the marked one stays marked."""
        lines = {job: job_line(run) for job, run in self.jobs.running.items()}
        listing = self.query_one(OptionList)
        if list(lines) == self._listed and lines:
            for job, line in lines.items():
                listing.replace_option_prompt(job, line)
            return
        marked = listing.highlighted
        self._listed = list(lines)
        options = [Option(line, id=job) for job, line in lines.items()]
        listing.set_options(options or [Option("Nothing is being computed.", disabled=True)])
        if options:
            listing.highlighted = min(marked or 0, len(options) - 1)

    def action_move(self, step: int) -> None:
        listing = self.query_one(OptionList)
        listing.action_cursor_down() if step > 0 else listing.action_cursor_up()

    def action_stop(self) -> None:
        at = self.query_one(OptionList).highlighted
        if at is not None and at < len(self._listed):
            self.stop(self._listed[at])
            self.look()


def job_line(run: Run) -> str:
    """What it is and how far; a job that was stopped ends between two layers or batches."""
    name = "loading and answering" if run.job == "session" else run.job
    job = run.job.removeprefix("pinned: ")
    doing = WAITS if run.state is None else run.state.how_far(job)
    how = "stopping" if run.stopped else doing.removeprefix("loading: ") if run.begun else WAITS
    return visible(how if how.startswith(name) else f"{name}   {how}")
