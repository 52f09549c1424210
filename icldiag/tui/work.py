"""What is computed, when, and what becomes of it. Nothing here draws: the app does, when `Work` says what changed.

The session is made in a job, so that nothing here imports torch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from icldiag.errors import PromptError
from icldiag.prompt.schema import read_prompt
from icldiag.render.visible import visible
from icldiag.store import open_store
from icldiag.tui.messages import JobFailed, JobFinished, JobProgressed, PredictionFound, Progress, ResultWanted
from icldiag.tui.panels import reweighting
from icldiag.tui.queries import telling_query
from icldiag.tui.state import State

if TYPE_CHECKING:
    from icldiag.analyses.prediction import Prediction
    from icldiag.model.forward import InstrumentedModel
    from icldiag.model.load import ModelSettings
    from icldiag.prompt.schema import Prompt
    from icldiag.session import Session
    from icldiag.tui.app import DiagnosisApp

_PINNED = "pinned: "  # before the name of a job for the pinned state


class Work:
    """The jobs of the present state and of the pinned one."""

    def __init__(self, app: DiagnosisApp, settings: ModelSettings) -> None:
        self.app, self.settings = app, settings
        self.loaded: InstrumentedModel | None = None  # kept when the prompt is read again

    @property
    def state(self) -> State:
        return self.app.state

    # ---- prompt and model -------------------------------------------------------------------------------------------

    def read_prompt(self) -> None:
        """Read the prompt file, and forget all that belonged to what it held before."""
        state = self.state
        state.forget_results()
        state.session, state.beta_on = None, False
        state.undo.clear()
        try:
            state.prompt, state.prompt_error = read_prompt(state.path), None
            state.query = min(state.query, len(state.prompt.queries) - 1)
        except PromptError as error:
            state.prompt, state.prompt_error = None, str(error)
        self.app.show_all()

    def load_model(self) -> None:
        """Make the session and the predictions in one job: without them no panel has much to show."""
        prompt = self.state.prompt
        if prompt is None:
            return
        self.state.model_error = None
        loaded, settings = self.loaded, self.settings

        def work(progress: Progress) -> Any:
            from icldiag.session import Session

            store = open_store(prompt, settings)
            session = Session(prompt, loaded if loaded is not None else settings, store=store)
            if loaded is None and (found := session.stored_prediction()) is not None:
                self.app.post_message(PredictionFound(found))
            session.load(lambda stage: progress(f"loading: {stage}", 0, 0))
            return session, session.prediction(progress)

        self.state.doing["session"] = "loading the model"
        self.app.show_top()
        self.app.jobs.start("session", prompt.hash, work)

    def prediction_found(self, prediction: Prediction) -> None:
        """What an earlier run of icldiag computed can be read while the model loads."""
        prompt = self.state.prompt
        if self.state.session is None and prompt is not None and len(prediction) == len(prompt.queries):
            self.state.prediction = prediction
            self.state.query = telling_query(prediction, self.state.query)
            self.app.show_all()

    def _session_made(self, session: Session, prediction: Prediction) -> None:
        state = self.state
        first = state.session is None
        kept = state.session is not None and session.same_demonstrations(state.session)
        trained = {key: state.results[key] for key in (reweighting.KEY,) if kept and key in state.results}
        state.forget_results()
        state.results.update(trained)
        state.session, state.prediction, state.beta_on = session, prediction, session.beta is not None
        self.loaded = session.model
        if first:
            state.query = telling_query(prediction, state.query)
        self.app.show_all()

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
        session, state = self.state.session, self.state
        state.prompt, state.prediction = prompt, None
        state.query = min(state.query if query is None else query, len(prompt.queries) - 1)
        if session is None:
            self.load_model()
        else:
            self._answer_again(prompt.hash, session.with_prompt(prompt))
        self.app.show_all()

    def use_beta(self, beta: Any) -> None:
        """Put a trained beta in force in the whole session, or (None) out of it."""
        session = self.state.session
        if session is None:
            return
        changed = session.without_beta() if beta is None else session.with_beta(beta)
        self._answer_again(("beta", beta is not None), changed)
        self.app.show_top()

    def _answer_again(self, key: Any, changed: Session) -> None:
        self.app.jobs.cancel_all()
        self.state.doing["session"] = "answering again"
        self.app.jobs.start("session", key, lambda progress: (changed, changed.prediction(progress)))

    # ---- jobs -------------------------------------------------------------------------------------------------------

    def want(self, wanted: ResultWanted) -> None:
        """Compute what a panel lacks, unless it is there or nobody shows that state any more."""
        state, session = wanted.state, wanted.state.session
        if session is None or wanted.key in state.results or state not in (self.state, self.state.pinned):
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
            self._session_made(*message.value)
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
        if message.job == "session" and self.state.session is None:
            self.state.model_error = message.error
        elif message.job == "session" and not message.cancelled:
            self._not_answered(message.error)
        elif not message.cancelled:
            state.failures[message.key] = message.error
        self.app.show_top()
        self.app.show_panel()

    def _not_answered(self, error: str) -> None:
        """A change that the model cannot take, such as two label words with the same first token, is undone."""
        self.app.notify(visible(error), severity="error", markup=False)
        self.undo()
