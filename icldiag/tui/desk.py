"""What is computed, when, and what becomes of it. Nothing here draws or imports Textual: a `Screen` does.

The session is made in a job, so that nothing here imports torch.
"""

from __future__ import annotations

from collections.abc import Hashable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from icldiag.errors import PromptError
from icldiag.prompt.read import read_prompt
from icldiag.session_file import SavedState
from icldiag.tui.changes import Applied, Before, WithoutRepair
from icldiag.tui.kept import Kept
from icldiag.tui.loading import SessionJob, answer_queries, on_prompt
from icldiag.tui.other_model import JOB as OTHER
from icldiag.tui.other_model import OtherModel
from icldiag.tui.query_order import telling_query
from icldiag.tui.run import Failure, Run
from icldiag.tui.screen import Screen
from icldiag.tui.state import AnsweredSession, State
from icldiag.visible import visible

if TYPE_CHECKING:
    from icldiag.analyses.request import Each, Request
    from icldiag.model.forward import InstrumentedModel
    from icldiag.model.settings import ModelSettings
    from icldiag.prompt.schema import Prompt
    from icldiag.tui.jobs import Jobs

_PINNED = "pinned: "  # before the name of a job for the pinned state


class Desk:
    """The present state and the pinned one, and their jobs."""

    def __init__(
        self, screen: Screen, jobs: Jobs, path: Path, settings: ModelSettings, against: ModelSettings | None = None
    ) -> None:
        self.screen, self.jobs, self.settings = screen, jobs, settings
        self.state = State(path=path)
        self.loaded: InstrumentedModel | None = None  # kept when the prompt is read again
        self.answered: AnsweredSession | None = None  # the last: what a change that cannot be answered goes back to
        self.kept = Kept()
        self.other = None if against is None else OtherModel(self.state, screen, jobs, against)
        self.unpinned: SavedState | None = None  # of a resumed session, to be pinned when the model is there
        self._not_stored: set[Hashable] = set()  # what waits for the model

    # ---- prompt and model -------------------------------------------------------------------------------------------

    def read_prompt(self) -> None:
        """Read the prompt file for the first time."""
        state = self.state
        try:
            prompt = read_prompt(state.path)
        except PromptError as error:
            state.become(None, error=str(error))
        else:
            state.of_file = prompt.hash
            state.become(prompt)
        self.screen.show("all")

    def load_model(self) -> None:
        """Make the session and the predictions in one job: without them no panel has much to show."""
        if (prompt := self.state.prompt) is None:
            return
        self.state.model_error = None
        state = self.state
        job = SessionJob(
            prompt, self.settings, self.loaded, state.beta_wanted, self.unpinned, state.trained_on, state.applied
        )
        self.state.doing["session"] = "loading the model"
        self.screen.show("top")
        run = self._run("session", prompt.hash)
        part = partial(self.jobs.give_part, run)
        self.jobs.start(run, lambda progress: job.run(progress, part, lambda first: part((prompt, first))))

    def _run(self, job: str, key: Hashable, state: State | None = None) -> Run:
        state = state or self.state
        return Run(job if state is self.state else _PINNED + job, key, state, state.session)

    def took_part(self, run: Run, part: Any) -> None:
        """Show what a run of the job `session` has so far: what is on disk, or a prompt and first answers to it."""
        if isinstance(part, AnsweredSession):
            self._show_stored(part)
        elif self.jobs.running.get(run.job) is run and part[0] is self.state.prompt and self.state.prediction is None:
            self.state.first_answers.append(part[1])
            self.screen.show("all")

    def _show_stored(self, answered: AnsweredSession) -> None:
        """What an earlier run of icldiag computed is shown while the model loads."""
        if self.state.session is None and self.answered is None and self.state.prompt is answered.session.prompt:
            self._not_stored.clear()
            self._take(answered, stored=True)

    def _session_made(self, answered: AnsweredSession) -> None:
        self.loaded, self.answered = answered.session.model, answered
        prompt = self.state.prompt
        if prompt is None:  # the file was read again, and was wrong
            return
        if prompt is not answered.session.prompt:  # changed while the model was loading
            self.answer(prompt, beta=self.beta_for(prompt, answered))
            return
        self.state.beta_wanted = None
        self._take(answered)
        if foreign := answered.session.foreign_calibration:
            self.screen.tell(visible(foreign), severity="warning", seconds=10)
        if answered.pinned is not None and self.unpinned is not None:
            self.state.pinned = State.of_saved(self.state.path, self.unpinned, answered.pinned)
            if any(one.has_beta for one in self.unpinned.repairs):  # weights of a search, which settings do not train
                text = "The pinned state comes back without its re-weighting; apply it again and pin that."
                self.screen.tell(text, severity="warning", seconds=10)
            self.unpinned = None
            self.screen.show("pinned")
        if self.other is not None:
            self.other.follow()

    def _take(self, answered: AnsweredSession, stored: bool = False) -> None:
        """Show another session; what was trained for the same demonstrations is good for it too."""
        state = self.state
        first = not state.query_chosen and state.prediction is None
        query = telling_query(answered.prediction, state.query) if first else None
        kept, applied = self._trained_results(answered.session.prompt), state.applied
        state.become(state.prompt, answered, query=query, beta=answered.trained_beta, results=kept, stored=stored)
        if applied is not None and answered.without is not None:
            self._know_of(applied, answered.without)
        self.screen.show("all")

    def _know_of(self, applied: Applied, without: WithoutRepair) -> None:
        """Of a repair whose beta is lost nothing stays on: its calibration was fitted with the beta in force."""
        state = self.state
        if not applied.awaited or without.beta is not None:
            state.know_of(applied, without)
            return
        state.ask_first()
        self.answer(state.undo.pop().prompt)
        text = f"{visible(applied.name)} is off: its weights are no longer on disk. A search in Repair finds it again."
        self.screen.tell(text, severity="warning", seconds=10)

    def _trained_results(self, prompt: Prompt) -> dict[Hashable, Any]:
        """Of the present results those that are good for a changed prompt."""
        if self.state.prompt is None or not self.state.results:
            return {}
        from icldiag.tui.carried import carried

        return carried(self.state.results, self.state.prompt, prompt)

    def beta_for(self, prompt: Prompt, answered: AnsweredSession | None = None) -> Any:
        """The trained beta that is in force, where it is good for another prompt too."""
        from icldiag.tui.carried import same_demonstrations

        before = self.state.prompt if answered is None else answered.session.prompt
        beta = self.state.beta if answered is None else answered.trained_beta
        good = before is not None and prompt.beta is None and same_demonstrations(prompt, before)
        return beta if good else None

    def answer(self, prompt: Prompt, query: int | None = None, beta: Any = None) -> None:
        """Show another prompt, and have it answered with the loaded model, or the one that is loading.

        One that was answered before is shown with its answers at once; the state's prompt is then that one.
        """
        state, before = self.state, self.answered
        trained = self._trained_results(prompt)
        state.query_chosen = state.query_chosen or state.prompt is not None
        self.kept.put(state)
        known = self.kept.get(prompt, beta)
        state.become(prompt if known is None else known.session.prompt, known, query=query, beta=beta, results=trained)
        if before is None:
            if "session" not in self.jobs.running:  # else the model is loading, and will answer this prompt
                self.load_model()
        else:
            self.jobs.cancel_all("export", OTHER)
            state.model_error = None
            state.doing = {name: text for name, text in state.doing.items() if name in ("export", OTHER)}
            if known is None:
                self._answer_again(before, prompt, beta)
            else:
                self.answered = known
                if self.other is not None:
                    self.other.follow()
        self.screen.show("all")

    def _answer_again(self, before: AnsweredSession, prompt: Prompt, beta: Any) -> None:
        self.state.doing["session"] = "answering again"
        run = self._run("session", object())  # each time another key: what was stopped may be asked for again
        part = partial(self.jobs.give_part, run)
        self.jobs.start(
            run,
            lambda progress: answer_queries(
                on_prompt(before.session, prompt, beta), progress, each=lambda first: part((prompt, first))
            ),
        )

    # ---- jobs -------------------------------------------------------------------------------------------------------

    def want(self, request: Request[Any], state: State, each: Each | None = None) -> None:
        """Compute what a state lacks, unless it is there, failed or was stopped, or nobody shows that state any more.

        While the model loads, what earlier runs computed comes from disk; the rest is asked for again when it is there.
        """
        session = state.session
        there = request in state.results or request in state.failures
        if session is None or there or state not in (self.state, self.state.pinned):
            return
        if state.stored and request in self._not_stored:
            return
        state.doing.setdefault(request.job, request.job)
        run = self._run(request.job, request, state)
        self.jobs.start(run, lambda progress: session.ask(request, progress, each))
        self.screen.show("top")

    def dismiss(self, job: str) -> None:
        """Stop it for the user. Said at once: a panel that is drawn before it has ended must not ask for it again."""
        run = self.jobs.running.get(job)
        if run is None:
            return
        run.dismissed = True
        if run.state is not None and run.job not in ("session", "export", OTHER):
            run.state.failures[run.key] = "stopped; r computes it"
        self.jobs.cancel(job)

    def progressed(self, run: Run, text: str) -> None:
        """How far a job is, in words."""
        if self.jobs.running.get(run.job) is run and run.state is not None:
            run.state.doing[_name(run)] = text
            self.screen.show("top")
            self.screen.show("progress")

    def finished(self, run: Run, value: Any) -> None:
        """Take what a run computed."""
        if run.job == "session":
            self._session_made(value)
        elif run.job == OTHER and self.other is not None:
            self.other.finished(value)
        elif run.state is not None and run.session is run.state.session:  # else the prompt was changed meanwhile
            run.state.results[run.key] = value
        self.screen.show("top")
        self.screen.show("panel")

    def failed(self, run: Run, failure: Failure) -> None:
        """Show why there is no answer, or go back to the last one."""
        if run.job == "session" and (run.dismissed or not failure.cancelled):
            self._not_answered(failure.error)
        elif run.job == OTHER and self.other is not None:
            self.other.failed(run, failure)
        elif failure.not_stored:
            self._not_stored.add(run.key)
        elif not failure.cancelled and run.state is not None and run.session is run.state.session:
            run.state.failures[run.key] = failure.error
        self.screen.show("top")
        self.screen.show("panel")

    def ended(self, run: Run) -> bool:
        """Whether a run's end is of interest: no other one, which has its name in `doing`, took its place or prompt."""
        ended = self.jobs.ended(run)
        if ended and run.state is not None:
            run.state.doing.pop(_name(run), None)
        return ended and (run.job != "session" or run.dismissed or not run.stopped)

    def _not_answered(self, error: str) -> None:
        """A change that the model cannot take, such as two label words with the same first token, is taken back."""
        state, answered = self.state, self.answered
        back = None if state.prompt is None else Before(state.prompt, state.query)
        if answered is not None and answered.session.prompt is not state.prompt:
            back = state.undo.pop() if state.undo else None
        if answered is None or back is None:
            state.model_error = error
            if state.stored:  # the panels show earlier results and have no room for it
                self.screen.tell(visible(error), "The model cannot be used", "error")
            return
        self.screen.tell(visible(error), severity="error")
        self.screen.refused(state.prompt)
        same = answered.session.prompt is back.prompt
        self.answer(back.prompt, back.query, answered.trained_beta if same else back.beta)


def _name(run: Run) -> str:
    """Of a run's job, in its state."""
    return run.job.removeprefix(_PINNED)
