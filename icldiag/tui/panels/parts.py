"""A panel whose result comes in parts: each is shown until the next, or the whole, is there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from rich.text import Text
from textual.binding import Binding, BindingType

from icldiag.tui.messages import ResultWanted
from icldiag.tui.panels.base import Panel

if TYPE_CHECKING:
    from icldiag.analyses.request import Request
    from icldiag.session import Session
    from icldiag.tui.state import State

PARTS_KEYS: tuple[BindingType, ...] = (Binding("s", "again", "again"), Binding("escape", "stop", "stop"))


class PartsPanel(Panel):
    """Asks for `request()` while it is in front, unless the user has stopped it or it failed."""

    job: ClassVar[str]  # that computes it

    def __init__(self, state: State) -> None:
        super().__init__(state)
        self.stopped_at: tuple[Request[Any], Session] | None = None  # by the user
        self.parts: list[Any] = []  # of the run that goes on; its thread appends
        self.parts_of: tuple[Request[Any], Session] | None = None

    def request(self) -> Request[Any]:
        """What the panel shows the answer to."""
        raise NotImplementedError

    @property
    def stopped(self) -> bool:
        """Whether the user has stopped what is asked for now; of another prompt or query nothing was."""
        return self.stopped_at is not None and self.stopped_at == (self.request(), self.state.session)

    def idle(self) -> set[str]:
        """The actions that would do nothing now."""
        failures = self.state.failures  # without one nothing is imported for this, which would hold up the first paint
        ended = self.stopped or (bool(failures) and self.request() in failures)
        works = {"again": ended, "stop": self.job in self.state.doing}
        return super().idle() | {name for name, does in works.items() if not does}

    def settled(self) -> bool:
        return super().settled() and self.job not in self.state.doing

    def latest(self, asked: Request[Any]) -> Any:
        """The answer, or as much as there is of it; None where there is nothing."""
        whole = self.peek(asked)
        if whole is not None:
            return whole
        return self.parts[-1] if self.parts and self.parts_of == (asked, self.state.session) else None

    def known(self, asked: Request[Any]) -> tuple[Any, Any]:
        """The whole answer or None, and the `latest`; asks for it where it must be."""
        whole = self.peek(asked)
        if whole is None and not self.stopped and asked not in self.state.failures:
            self._begin(asked)
        latest = self.latest(asked)
        if latest is None:
            self.lack(asked)
        return whole, latest

    def _begin(self, asked: Request[Any]) -> None:
        """Ask, and be told the parts; the list stays the same, since the first of equal requests runs."""
        self.awaits = True
        if self.state.stored and self.parts and self.parts_of == (asked, self.session):  # the rest needs the model
            return
        if self.parts_of != (asked, self.session):  # the thread of another run may still append to its own
            known = asked.so_far(self.session)
            self.parts, self.parts_of = [] if known is None else [known], (asked, self.session)
        if self.job not in self.state.doing:
            del self.parts[:-1]  # the last is shown until this run has one
        self.post_message(ResultWanted(asked, self.state, self.parts.append))

    def doing(self, asked: Request[Any], cure: str = "s continues") -> Text:
        """How far it is, that it was stopped, or why it failed."""
        return Text(f"Stopped; {cure}.", self.state.look.muted) if self.stopped else self.trouble(asked)

    def left(self) -> None:
        """Another panel is in front: its questions come first. What is computed by then is kept."""
        if self.job in self.state.doing:
            self.cancel(self.job)

    def action_stop(self) -> None:
        if self.job in self.state.doing:
            self.stopped_at = (self.request(), self.session)
        self.cancel(self.job)

    def action_again(self) -> None:
        """Go on with what was stopped, or failed."""
        self.stopped_at = None
        self.state.failures.pop(self.request(), None)
        self.refresh_panel()
