"""The job that makes the session: what is on disk first, then the model, the answers and what is to be brought back."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Hashable
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from icldiag.collector import paused_collector
from icldiag.errors import NotStored
from icldiag.store import open_store
from icldiag.tui import requests
from icldiag.tui.changes import Applied, WithoutRepair
from icldiag.tui.state import AnsweredSession

if TYPE_CHECKING:
    from icldiag.analyses.request import Each
    from icldiag.model.forward import InstrumentedModel
    from icldiag.model.readout import Progress
    from icldiag.model.settings import ModelSettings
    from icldiag.prompt.schema import Prompt
    from icldiag.session import Session
    from icldiag.session_file import SavedState
    from icldiag.stored_session import StoredSession

Beta = dict[str, Any]  # the fields of `TrainingSettings`


@dataclass(frozen=True)
class SessionJob:
    """Everything that the job needs to know; it runs in a thread.

    Args:
        loaded: the model, if it is there already.
        beta, pinned: what a resumed session had in force and set aside.
        trained_on: the earlier prompt that it trained a re-weighting on, in force or not.
        applied: the repair that is on.
    """

    prompt: Prompt
    settings: ModelSettings
    loaded: InstrumentedModel | None = None
    beta: Beta | None = None
    pinned: SavedState | None = None
    trained_on: Prompt | None = None
    applied: Applied | None = None

    def run(
        self, progress: Progress, found: Callable[[AnsweredSession], None], each: Each | None = None
    ) -> AnsweredSession:
        """Calls `found` with what is on disk, before torch is imported, and `each` with the first answers.

        Raises what loading and answering raise.
        """
        with paused_collector():
            from icldiag.session import Session

            without = self.without_repair()
            awaits = self.applied is not None and self.applied.awaited
            if self.loaded is None and self.beta is None and not awaits and (stored := self.stored()) is not None:
                found(replace(stored, without=without))
                # What is drawn of it needs this, in another thread: imported beside a half-imported torch it fails.
                importlib.import_module("scipy.stats")
            session = Session(self.prompt, self.loaded or self.settings, store=open_store(self.prompt, self.settings))
            session.load(lambda stage: progress(f"loading: {stage}", 0, 0))
        pinned = None
        if self.pinned is not None:
            pinned = answer_queries(session.with_prompt(self.pinned.prompt), progress, self.pinned.beta)
        if without is not None and without.beta is not None:
            session = session.with_beta(without.beta)
        answered = answer_queries(session, progress, self.beta, pinned, each)
        if self.trained_on is not None:
            from icldiag.tui.carried import on_disk

            earlier = on_disk(session.store, self.trained_on, self.prompt)
            answered.results.update({one: found for one, found in earlier.items() if one not in answered.results})
        return replace(answered, without=without)

    def without_repair(self) -> WithoutRepair | None:
        """What is on disk of the prompt without the repair that is on, if the session was resumed with one."""
        if self.applied is None or self.applied.prediction is not None:
            return None
        from icldiag.analyses.repairs import FindRepairs, TryCalibrations
        from icldiag.stored_session import StoredSession

        applied, prompt = self.applied, self.applied.before.prompt
        searches = (FindRepairs(applied.searched), FindRepairs(), TryCalibrations())
        with suppress(NotStored):
            session = StoredSession(prompt, self.settings, open_store(prompt, self.settings))
            for table in (session.peek_so_far(search) for search in searches):
                trials = () if table is None else table.trials
                trial = next((one for one in trials if one.repair.name == applied.name), None)
                if trial is not None:
                    beta = trial.repair.beta if applied.awaited else None
                    return WithoutRepair(session.prediction(), table, beta)
            return WithoutRepair(session.prediction())
        return WithoutRepair()

    def stored(self) -> AnsweredSession | None:
        """What earlier runs left on disk for this prompt and model."""
        from icldiag.stored_session import StoredSession

        with suppress(NotStored):
            session = StoredSession(self.prompt, self.settings, open_store(self.prompt, self.settings))
            return AnsweredSession(session, session.prediction(), on_request(session))
        return None


def answer_queries(
    session: Session,
    progress: Progress,
    beta: Beta | None = None,
    pinned: AnsweredSession | None = None,
    each: Each | None = None,
) -> AnsweredSession:
    """Answer the queries, with the beta that these settings train in force; raises what that raises.

    `each` is told `FirstAnswers` as they come.
    """
    from icldiag.analyses.prediction.compute import Predict
    from icldiag.stored_session import StoredSession

    results: dict[Hashable, Any] = {}
    if beta is not None:
        from icldiag.analyses.reweighting.training import TrainingSettings

        settings = TrainingSettings(**beta)
        trained = session.reweighting(settings, progress=progress)
        results[requests.reweighting(anchor_heads=settings.heads == "anchor")] = trained
        session = session.with_beta(trained.beta)
    prediction = session.ask(Predict(), progress, each)
    _ = session.encoded  # panels ask for it in the event loop, which must never wait for its turn
    if session.beta is None:
        with suppress(NotStored):
            results = on_request(StoredSession(session.prompt, session.settings, session.store))
    return AnsweredSession(session, prediction, results, pinned)


def on_prompt(before: Session, prompt: Prompt, beta: Any) -> Session:
    """Another prompt on the same model; runs in a job, since it may read a file."""
    changed = before.without_beta().with_prompt(prompt)
    return changed if beta is None else changed.with_beta(beta)


def on_request(session: StoredSession) -> dict[Hashable, Any]:
    """Answers of the analyses that run only when asked for, and the overview, as far as they are on disk."""
    from icldiag.analyses.request import SoFar

    wanted = (*requests.reweightings(), requests.compression(), requests.repairs(), requests.overview())
    there: dict[Hashable, Any] = {request: found for request in wanted if (found := session.peek(request)) is not None}
    stopped = SoFar(requests.repairs().resolved(session))
    part = None if stopped.request in there else session.peek_so_far(stopped.request)
    return there if part is None else {**there, stopped: part}
