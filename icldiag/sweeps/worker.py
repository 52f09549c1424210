"""A worker computes cells one after the other and keeps the model and the prompt that it had last."""

from __future__ import annotations

import time
from dataclasses import dataclass

from icldiag.analyses import ANALYSES
from icldiag.errors import Cancelled, IcldiagError, ModelError
from icldiag.model.forward import InstrumentedModel
from icldiag.model.load import load_model
from icldiag.model.memory import release
from icldiag.model.readout import Progress, silent
from icldiag.model.settings import ModelSettings
from icldiag.report.document import plain
from icldiag.report.identity import commit, environment
from icldiag.session import Session
from icldiag.sweeps.cells import Cell
from icldiag.sweeps.results import Result


@dataclass(frozen=True)
class Failure:
    """Why a cell has no result, in one sentence."""

    reason: str


class Worker:
    """Not for several threads."""

    def __init__(self) -> None:
        self._settings: ModelSettings | None = None
        self._model: InstrumentedModel | ModelError | None = None  # one that does not load is not tried again
        self._session: Session | None = None

    def compute(self, cell: Cell, progress: Progress = silent) -> Result | Failure:
        """What the cell gives. Raises Cancelled where `progress` does."""
        try:
            session = self._session_of(cell, progress)
            begun = time.perf_counter()
            numbers = ANALYSES[cell.analysis].numbers
            assert numbers is not None  # a sweep file names none without
            values = plain(numbers(session, cell.read, cell.seed, progress))
        except Cancelled:
            raise
        except IcldiagError as error:
            return Failure(str(error))
        return Result(values, time.perf_counter() - begun, self._environment(session.model))

    def _session_of(self, cell: Cell, progress: Progress) -> Session:
        model = self._load(cell.model, progress)
        if self._session is None or self._session.prompt.hash != cell.prompt.hash:
            self._session = Session(cell.prompt, model)
        return self._session

    def _load(self, settings: ModelSettings, progress: Progress) -> InstrumentedModel:
        if self._settings != settings or self._model is None:
            self._session = self._model = None
            release()  # before the next one is loaded: two may not fit
            progress(f"loading {settings.name}", 0, 1)
            try:
                self._model = load_model(settings)
            except ModelError as error:
                self._model = error
            self._settings = settings
            progress(f"loading {settings.name}", 1, 1)
        if isinstance(self._model, ModelError):
            raise self._model
        return self._model

    def _environment(self, model: InstrumentedModel) -> dict[str, object]:
        return {
            **environment(),
            "device": str(model.device),
            "dtype": str(model.dtype).removeprefix("torch."),
            "commit": commit(model),
        }
