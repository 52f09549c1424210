"""What is computed, when, and what becomes of it. Nothing here draws: the app does, when `Work` says what changed.

The session is made in a job, so that nothing here imports torch.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from icldiag.errors import PromptError
from icldiag.prompt.schema import read_prompt
from icldiag.tui.keeper import put_back
from icldiag.tui.loading import Made, SessionJob, made
from icldiag.tui.messages import JobFailed, JobFinished, JobProgressed, ResultWanted, StoredFound
from icldiag.tui.panels import reweighting
from icldiag.tui.queries import telling_query
from icldiag.tui.state import State
from icldiag.visible import visible

if TYPE_CHECKING:
    from icldiag.model.forward import InstrumentedModel
    from icldiag.model.load import ModelSettings
    from icldiag.prompt.schema import Prompt
    from icldiag.saved import SavedState
    from icldiag.session import Session
    from icldiag.tui.app import DiagnosisApp

_PINNED = "pinned: "  # before the name of a job for the pinned state


class Work:
    """The jobs of the present state and of the pinned one."""

    def __init__(self, app: DiagnosisApp, settings: ModelSettings) -> None:
        self.app, self.settings = app, settings
        self.loaded: InstrumentedModel | None = None  # kept when the prompt is read again
        self.unpinned: SavedState | None = None  # of a resumed session, to be pinned when the model is there
        self._not_stored: set[Hashable] = set()  # what waits for the model
        self._before: Session | None = None  # from which a prompt that is read again takes what did not change

    @property
    def state(self) -> State:
        return self.app.state

    # ---- prompt and model -------------------------------------------------------------------------------------------

    def read_prompt(self) -> None:
        """Read the prompt file, and forget all that belonged to what it held before."""
        state, before = self.state, None if self.state.stored else self.state.session
        state.forget_results()
        state.session, state.stored, state.beta_on = None, False, False
        state.beta_wanted = self.unpinned = None
        state.undo.clear()
        try:
            state.prompt, state.prompt_error = read_prompt(state.path), None
            state.query = min(state.query, len(state.prompt.queries) - 1)
        except PromptError as error:
            state.prompt, state.prompt_error = None, str(error)
        self._before = before
        self.app.show_all()

    def load_model(self) -> None:
        """Make the session and the predictions in one job: without them no panel has much to show."""
        prompt = self.state.prompt
        if prompt is None:
            return
        self.state.model_error = None
        job = SessionJob(prompt, self.settings, self.loaded, self._before, self.state.beta_wanted, self.unpinned)
        self.state.doing["session"] = "loading the model"
        self.app.show_top()
        self.app.jobs.start("session", prompt.hash, lambda progress: job.run(progress, self._found_stored))

    def _found_stored(self, made: Made) -> None:
        """Called in the job's thread."""
        self.app.post_message(StoredFound(made))

    def stored_found(self, made: Made) -> None:
        """What an earlier run of icldiag computed is shown while the model loads."""
        state = self.state
        if state.session is None and state.prompt is made.session.prompt:
            self._not_stored.clear()
            self._take(made)
            state.stored = True

    def _session_made(self, made: Made) -> None:
        self.loaded = made.session.model
        prompt = self.state.prompt
        if prompt is not None and prompt is not made.session.prompt:  # changed while the model was loading
            self._answer_again(prompt.hash, made.session.with_prompt(prompt))
            return
        self.state.beta_wanted = None
        self._take(made)
        if made.pinned is not None and self.unpinned is not None:
            pinned = State(path=self.state.path)
            put_back(pinned, self.unpinned)
            pinned.session, pinned.prediction = made.pinned.session, made.pinned.prediction
            pinned.beta_on, pinned.beta_wanted = made.pinned.session.beta is not None, None
            pinned.results.update(made.pinned.results)
            self.state.pinned, self.unpinned = pinned, None
            self.app.run_worker(self.app.show_pinned_state(), exit_on_error=False)

    def _take(self, made: Made) -> None:
        """Show another session; what was trained for the same demonstrations is good for it too."""
        state, session = self.state, made.session
        kept = state.session is not None and session.same_demonstrations(state.session)
        trained = {key: state.results[key] for key in (reweighting.KEY,) if kept and key in state.results}
        first = not state.query_chosen and state.prediction is None
        state.forget_results()
        state.results.update(trained | made.results)
        state.session, state.prediction, state.stored = session, made.prediction, False
        state.beta_on = session.beta is not None
        if first:
            state.query = telling_query(made.prediction, state.query)
        self.app.show_all()

    def reload(self) -> None:
        """Read the prompt file again; a model that is loading goes on loading and will answer it."""
        loading = self.loaded is None and "session" in self.app.jobs.running
        self.app.jobs.cancel_all(but="session" if loading else None)
        self.read_prompt()
        if not loading:
            self.load_model()

    # ---- changes ----------------------------------------------------------------------------------------------------

    def edit(self, prompt: Prompt, query: int | None) -> None:
        """Take a changed prompt; `query` is to be selected, where not the same as before."""
        if self.state.prompt is not None:
            self.state.undo.append(self.state.prompt)
            self._use_prompt(prompt, query)

    def undo(self) -> bool:
        """Take the prompt as it was before the last change; False where nothing was changed."""
        if not self.state.undo:
            return False
        self._use_prompt(self.state.undo.pop(), None)
        return True

    def _use_prompt(self, prompt: Prompt, query: int | None) -> None:
        """Answer a changed prompt with the loaded model; what was computed for the old one is forgotten."""
        state = self.state
        session = None if state.stored else state.session
        state.prompt, state.prediction = prompt, None
        state.query, state.query_chosen = min(state.query if query is None else query, len(prompt.queries) - 1), True
        if session is None:
            state.session, state.stored = None, False
            if "session" not in self.app.jobs.running:  # else the model is loading, and will answer this prompt
                self.load_model()
        else:
            self._answer_again(prompt.hash, session.with_prompt(prompt))
        self.app.show_all()

    def use_beta(self, beta: Any) -> None:
        """Put a trained beta in force in the whole session, or (None) out of it."""
        prompt = self.state.prompt
        if prompt is not None and prompt.beta is not None:  # of its file; one at a time
            prompt = replace(prompt, beta=None)
        if prompt is None or not self.put_in_force(prompt, beta):
            self.app.notify("The model is not loaded yet.", markup=False)

    def put_in_force(self, prompt: Prompt, beta: Any) -> bool:
        """Answer with the prompt's own calibration and beta, or with a trained beta instead of its own.

        `prompt` has the texts of the present one; another than that is a change to undo. False without a model.
        """
        state, session = self.state, self.state.session
        if session is None or state.stored or state.prompt is None:
            return False
        changed = session.without_beta().with_prompt(prompt)
        if prompt is not state.prompt:
            state.undo.append(state.prompt)
            state.prompt = prompt
        key = ("in force", prompt.hash, beta is not None)
        self._answer_again(key, changed if beta is None else changed.with_beta(beta))
        self.app.show_top()
        return True

    def _answer_again(self, key: Any, changed: Session) -> None:
        self.app.jobs.cancel_all()
        self.state.doing["session"] = "answering again"
        self.app.jobs.start("session", key, lambda progress: made(changed, progress))

    # ---- jobs -------------------------------------------------------------------------------------------------------

    def want(self, wanted: ResultWanted) -> None:
        """Compute what a panel lacks, unless it is there or nobody shows that state any more.

        While the model loads, what earlier runs computed comes from disk; the rest is asked for again when it is there.
        """
        state, session = wanted.state, wanted.state.session
        if session is None or wanted.key in state.results or state not in (self.state, self.state.pinned):
            return
        if state.stored and wanted.key in self._not_stored:
            return
        state.doing.setdefault(wanted.job, wanted.job)
        job = wanted.job if state is self.state else _PINNED + wanted.job
        self.app.jobs.start(job, wanted.key, lambda progress: wanted.compute(session, progress))
        self.app.show_top()

    def _state_of(self, job: str) -> State:
        """The state that a job computes for."""
        pinned = self.state.pinned if job.startswith(_PINNED) else None
        return self.state if pinned is None else pinned

    def progressed(self, message: JobProgressed) -> None:
        if message.job in self.app.jobs.running:
            self._state_of(message.job).doing[message.job.removeprefix(_PINNED)] = message.text
            self.app.show_top()
            self.app.panel.progressed()

    def finished(self, message: JobFinished) -> None:
        self.app.jobs.ended(message.job, message.key)
        state = self._state_of(message.job)
        state.doing.pop(message.job.removeprefix(_PINNED), None)
        if message.job == "session":
            self._session_made(message.value)
            return
        state.results[message.key] = message.value
        self.app.show_top()
        self.app.show_panel()

    def failed(self, message: JobFailed) -> None:
        running = self.app.jobs.running
        if message.cancelled and message.job in running and running[message.job][0] != message.key:
            return  # a newer one of the same job runs on
        self.app.jobs.ended(message.job, message.key)
        state = self._state_of(message.job)
        state.doing.pop(message.job.removeprefix(_PINNED), None)
        if message.job == "session" and (self.state.session is None or self.state.stored):
            self.state.model_error = message.error
            if self.state.stored:  # the panels show earlier results and have no room for it
                self.app.notify(
                    visible(message.error), title="The model cannot be used", severity="error", markup=False
                )
        elif message.job == "session" and not message.cancelled:
            self._not_answered(message.error)
        elif message.not_stored:
            self._not_stored.add(message.key)
        elif message.job == "export" and not message.cancelled:  # no panel shows it
            self.app.notify(visible(message.error), title="Not written", severity="error", markup=False)
        elif not message.cancelled:
            state.failures[message.key] = message.error
        self.app.show_top()
        self.app.show_panel()

    def _not_answered(self, error: str) -> None:
        """A change that the model cannot take, such as two label words with the same first token, is undone."""
        self.app.notify(visible(error), severity="error", markup=False)
        self.undo()
