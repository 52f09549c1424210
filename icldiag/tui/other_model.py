"""The same prompt on another model, pinned beside the present state and asked again whenever the prompt changes."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from icldiag.tui.loading import answer_queries
from icldiag.tui.run import Failure, Run
from icldiag.tui.state import AnsweredSession, State
from icldiag.visible import visible

if TYPE_CHECKING:
    from icldiag.model.forward import InstrumentedModel
    from icldiag.model.readout import Progress
    from icldiag.model.settings import ModelSettings
    from icldiag.prompt.schema import Prompt
    from icldiag.session import Session
    from icldiag.tui.jobs import Jobs
    from icldiag.tui.screen import Screen

JOB = "other model"


class OtherModel:
    """It loads when the first one has answered, into the memory that is left.

    A re-weighting is one model's: this one is asked without.
    """

    def __init__(self, state: State, screen: Screen, jobs: Jobs, settings: ModelSettings, beside: bool = True) -> None:
        self.now, self.screen, self.jobs, self.settings = state, screen, jobs, settings
        self.beside = beside  # key p takes it away and brings it back
        self.model: InstrumentedModel | None = None
        self.state: State | None = None  # what is pinned
        self._asked: Prompt | None = None  # the present state's, of the last answers

    @property
    def session(self) -> Session | None:
        """What is pinned, if it is of the present prompt."""
        pinned = self.state is not None and self.now.pinned is self.state and self._asked == self.now.prompt
        return self.state.session if pinned and self.state is not None else None

    def follow(self) -> None:
        """Have it answer the present prompt, unless it did or does so."""
        prompt = self.now.prompt
        if not self.beside or prompt is None or JOB in self.jobs.running:
            return
        if self.state is not None and self._asked == prompt:
            self._pin(self.state)
            return
        self.now.doing[JOB] = f"{self.settings.name} beside it"
        self.jobs.start(Run(JOB, prompt.hash, self.now), lambda progress: self._answer(prompt, progress))

    def toggle(self) -> None:
        """Take it away, or bring it back."""
        self.beside = not self.beside
        if self.beside:
            self.follow()
        else:
            self.jobs.cancel(JOB)
            self._pin(None)

    def finished(self, found: tuple[Prompt, AnsweredSession]) -> None:
        """Pin what it answered; ask again where the prompt was changed meanwhile."""
        self._asked, answered = found
        self.model = answered.session.model
        if self.state is None:
            self.state = State(path=self.now.path)
        self.state.of_file = self.now.of_file
        self.state.become(answered.session.prompt, answered, query=self.now.query)
        if self.beside:
            self._pin(self.state)
            self.follow()

    def failed(self, run: Run, failure: Failure) -> None:
        """What is pinned of it would be of an earlier prompt."""
        if failure.cancelled and self.beside and not run.dismissed:  # key p took it away and brought it back meanwhile
            self.follow()
            return
        self.beside = False
        self._pin(None)
        if not failure.cancelled:
            text = f"{visible(failure.error)}. The app goes on without it; p tries again."
            self.screen.tell(text, f"Not beside it: {visible(self.settings.name)}", "error", 15)

    def _pin(self, state: State | None) -> None:
        before, self.now.pinned = self.now.pinned, state
        self.screen.show("all" if before is state else "pinned")

    def _answer(self, prompt: Prompt, progress: Progress) -> tuple[Prompt, AnsweredSession]:
        from icldiag.model.room import require_room
        from icldiag.session import Session
        from icldiag.store import open_store

        plain = replace(prompt, beta=None)
        if self.model is None:
            (room,) = require_room([self.settings], plain)
            self.screen.tell(f"Beside it, {visible(room)}.", seconds=10)
        session = Session(plain, self.model or self.settings, store=open_store(plain, self.settings))
        session.load(lambda stage: progress(f"{self.settings.name}: {stage}", 0, 0))
        self.model = session.model  # kept also where this prompt cannot be answered
        return prompt, answer_queries(session, progress)
