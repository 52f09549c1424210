"""What is computed, when, and what becomes of it. Nothing here draws: the app does, when `Work` says what changed.

The session is made in a job, so that nothing here imports torch.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import TYPE_CHECKING, Any

from icldiag.errors import PromptError
from icldiag.prompt.read import read_prompt
from icldiag.tui.autosave import put_back
from icldiag.tui.jobs import Run
from icldiag.tui.loading import AnsweredSession, SessionJob, answer_queries
from icldiag.tui.messages import JobFailed, JobFinished, JobProgressed, ResultWanted, StoredFound
from icldiag.tui.panels import reweighting
from icldiag.tui.queries import telling_query
from icldiag.tui.state import Left, State
from icldiag.visible import visible

if TYPE_CHECKING:
    from icldiag.model.forward import InstrumentedModel
    from icldiag.model.settings import ModelSettings
    from icldiag.prompt.schema import Prompt
    from icldiag.session import Session
    from icldiag.session_file import SavedState
    from icldiag.tui.app import DiagnosisApp

_PINNED = "pinned: "  # before the name of a job for the pinned state


class Work:
    """The jobs of the present state and of the pinned one."""

    def __init__(self, app: DiagnosisApp, settings: ModelSettings) -> None:
        self.app, self.settings = app, settings
        self.loaded: InstrumentedModel | None = None  # kept when the prompt is read again
        self.answered: AnsweredSession | None = (
            None  # the last answer: what a change that cannot be answered goes back to
        )
        self.unpinned: SavedState | None = None  # of a resumed session, to be pinned when the model is there
        self._not_stored: set[Hashable] = set()  # what waits for the model

    @property
    def state(self) -> State:
        return self.app.state

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
        self.app.show_all()

    def load_model(self) -> None:
        """Make the session and the predictions in one job: without them no panel has much to show."""
        prompt = self.state.prompt
        if prompt is None:
            return
        self.state.model_error = None
        job = SessionJob(prompt, self.settings, self.loaded, self.state.beta_wanted, self.unpinned)
        self.state.doing["session"] = "loading the model"
        self.app.show_top()
        self.app.jobs.start(self._run("session", prompt.hash), lambda progress: job.run(progress, self._found_stored))

    def _run(self, job: str, key: Hashable, state: State | None = None) -> Run:
        state = state or self.state
        return Run(job if state is self.state else _PINNED + job, key, state, state.session)

    def _found_stored(self, answered: AnsweredSession) -> None:
        """Called in the job's thread."""
        self.app.post_message(StoredFound(answered))

    def stored_found(self, answered: AnsweredSession) -> None:
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
        if answered.pinned is not None and self.unpinned is not None:
            pinned = State(path=self.state.path)
            put_back(pinned, self.unpinned)
            query = pinned.query
            assert pinned.prompt is not None
            pinned.become(pinned.prompt, answered.pinned, query=query, beta=_trained(answered.pinned))
            pinned.beta_wanted = None
            self.state.pinned, self.unpinned = pinned, None
            self.app.run_worker(self.app.show_pinned_state())

    def _take(self, answered: AnsweredSession, stored: bool = False) -> None:
        """Show another session; what was trained for the same demonstrations is good for it too."""
        state = self.state
        first = not state.query_chosen and state.prediction is None
        query = telling_query(answered.prediction, state.query) if first else None
        kept = self._trained_results(answered.session.prompt)
        state.become(state.prompt, answered, query=query, beta=_trained(answered), results=kept, stored=stored)
        self.app.show_all()

    def _trained_results(self, prompt: Prompt) -> dict[Hashable, Any]:
        """Of the present results those that are good for a changed prompt."""
        before = self.state.prompt
        if (
            reweighting.request() not in self.state.results
            or before is None
            or not _same_demonstrations(prompt, before)
        ):
            return {}
        return {reweighting.request(): self.state.results[reweighting.request()]}

    def beta_for(self, prompt: Prompt, answered: AnsweredSession | None = None) -> Any:
        """The trained beta that is in force, where it is good for another prompt too."""
        before = self.state.prompt if answered is None else answered.session.prompt
        beta = self.state.beta if answered is None else _trained(answered)
        good = before is not None and prompt.beta is None and _same_demonstrations(prompt, before)
        return beta if good else None

    def answer(self, prompt: Prompt, query: int | None = None, beta: Any = None) -> None:
        """Show another prompt, and have it answered with the loaded model, or the one that is loading."""
        state, before = self.state, self.answered
        kept = self._trained_results(prompt)
        state.query_chosen = state.query_chosen or state.prompt is not None
        state.become(prompt, query=query, beta=beta, results=kept)
        if before is None:
            if "session" not in self.app.jobs.running:  # else the model is loading, and will answer this prompt
                self.load_model()
        else:
            self.app.jobs.cancel_all("export")
            state.model_error = None
            state.doing = {name: text for name, text in state.doing.items() if name == "export"}
            state.doing["session"] = "answering again"
            key = object()  # each time another: what was stopped may be asked for again
            self.app.jobs.start(
                self._run("session", key),
                lambda progress: answer_queries(_changed(before.session, prompt, beta), progress),
            )
        self.app.show_all()

    # ---- jobs -------------------------------------------------------------------------------------------------------

    def want(self, wanted: ResultWanted) -> None:
        """Compute what a panel lacks, unless it is there or nobody shows that state any more.

        While the model loads, what earlier runs computed comes from disk; the rest is asked for again when it is there.
        """
        state, session = wanted.state, wanted.state.session
        request = wanted.request
        if session is None or request in state.results or state not in (self.state, self.state.pinned):
            return
        if state.stored and request in self._not_stored:
            return
        state.doing.setdefault(request.job, request.job)
        run = self._run(request.job, request, state)
        self.app.jobs.start(run, lambda progress: session.ask(request, progress, wanted.each))
        self.app.show_top()

    def progressed(self, message: JobProgressed) -> None:
        run = message.run
        if self.app.jobs.running.get(run.job) is run and run.state is not None:
            run.state.doing[_name(run)] = message.text
            self.app.show_top()
            self.app.panel.progressed()

    def finished(self, message: JobFinished) -> None:
        run = message.run
        if not self._ended(run):
            return
        if run.job == "session":
            self._session_made(message.value)
        elif run.job == "export":
            self.app.export.finished()
        elif run.state is not None and run.session is run.state.session:  # else the prompt was changed meanwhile
            run.state.results[run.key] = message.value
        self.app.show_top()
        self.app.show_panel()

    def failed(self, message: JobFailed) -> None:
        run, error = message.run, message.error
        if not self._ended(run):
            return
        if run.job == "export":
            self.app.export.failed(None if message.cancelled else error)
        elif run.job == "session" and not message.cancelled:
            self._not_answered(error)
        elif message.not_stored:
            self._not_stored.add(run.key)
        elif not message.cancelled and run.state is not None and run.session is run.state.session:
            run.state.failures[run.key] = error
        self.app.show_top()
        self.app.show_panel()

    def _ended(self, run: Run) -> bool:
        """Whether a run's end is of interest: not where another one took its place, and has its name in `doing`."""
        ended = self.app.jobs.ended(run)
        if ended and run.state is not None:
            run.state.doing.pop(_name(run), None)
        return ended

    def _not_answered(self, error: str) -> None:
        """A change that the model cannot take, such as two label words with the same first token, is taken back."""
        state, answered = self.state, self.answered
        back = state.prompt
        if answered is not None and answered.session.prompt is not state.prompt:
            back = state.undo.pop() if state.undo else None
        if answered is None or back is None:
            state.model_error = error
            if state.stored:  # the panels show earlier results and have no room for it
                self.app.notify(visible(error), title="The model cannot be used", severity="error", markup=False)
            return
        self.app.notify(visible(error), severity="error", markup=False)
        self.app.editor.refused(state.prompt)
        query, beta = state.left.get(back.hash) or Left(state.query, None)
        if answered.session.prompt is back:
            state.become(back, answered, query=query, beta=_trained(answered), results=self._trained_results(back))
            self.app.show_all()
        else:
            self.answer(back, query, beta)


def _name(run: Run) -> str:
    """Of a run's job, in its state."""
    return run.job.removeprefix(_PINNED)


def _trained(answered: AnsweredSession) -> Any:
    """The beta in force, if it is not the prompt file's."""
    return answered.session.beta if answered.session.prompt.beta is None else None


def _changed(before: Session, prompt: Prompt, beta: Any) -> Session:
    """Another prompt on the same model; runs in a job, since it may read a file."""
    changed = before.without_beta().with_prompt(prompt)
    return changed if beta is None else changed.with_beta(beta)


def _same_demonstrations(one: Prompt, other: Prompt) -> bool:
    from icldiag.analyses.reweighting.beta_file import demonstrations_hash

    return demonstrations_hash(one) == demonstrations_hash(other)
