"""The one door for command line, app and notebooks: prompt + model + settings -> answers, computed once."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar, cast

import numpy as np
from numpy.typing import NDArray
from pydantic import SkipValidation

from icldiag.analyses.memory import Memory
from icldiag.analyses.prediction.compute import Predict
from icldiag.analyses.prediction.of_log import of_log
from icldiag.analyses.request import Each, Request, is_stored, keeping_parts
from icldiag.analyses.reweighting.beta import as_beta, naming_beta
from icldiag.analyses.reweighting.beta_file import demonstrations_hash, load_beta, save_beta
from icldiag.analyses.reweighting.step import beta_edits
from icldiag.analyses.reweighting.training import TrainingSettings
from icldiag.arguments import checked
from icldiag.errors import IcldiagError, ModelError
from icldiag.indices import query_index
from icldiag.lazy import torch
from icldiag.model.edits import Edits
from icldiag.model.facts import ModelFacts, facts_of
from icldiag.model.forward import InstrumentedModel, Prefix
from icldiag.model.known import Known, read_with
from icldiag.model.load import load_model
from icldiag.model.memory import memory_errors, shortage_of, work_of
from icldiag.model.readout import Progress, Readout, encode_prefix, silent
from icldiag.model.settings import ModelSettings, Stage
from icldiag.model.sliding import sliding_window_of
from icldiag.model.turns import WAITS, Turns
from icldiag.prompt.encode import encode, query_tokens
from icldiag.prompt.encoded_prompt import EncodedPrompt, Token
from icldiag.prompt.read import read_prompt
from icldiag.prompt.schema import Prompt
from icldiag.quoting import quoted
from icldiag.shortcuts import Shortcuts
from icldiag.store import Store

R = TypeVar("R")
T = TypeVar("T")


class Session(Shortcuts):
    """A prompt on a model. Every result is computed at most once, by whichever thread asks first.

    Args:
        prompt: a `Prompt` or the path of a prompt file.
        model: a loaded model, settings, or a Hugging Face name or folder ('bundled' by default).
        beta: a trained anchor re-weighting, (layer, head, demonstration), in force in every analysis; see `with_beta`.
            Without one, that of the prompt file's field `beta` is.
        store: where results are kept on disk and taken from; see `icldiag.store.open_store`. None keeps none.

    The model loads on first need, or when `load` is called.
    """

    @checked
    def __init__(
        self,
        prompt: Prompt | Path | str,
        model: SkipValidation[InstrumentedModel | ModelSettings | Path | str | None] = None,
        beta: SkipValidation[NDArray[np.float32] | None] = None,
        store: Store | None = None,
    ) -> None:
        self.prompt = prompt if isinstance(prompt, Prompt) else read_prompt(prompt)
        if isinstance(model, str | Path):
            model = ModelSettings(name=str(model))
        if not isinstance(model, InstrumentedModel | ModelSettings | None):
            raise ModelError(f"{quoted(model)} is no model; give a name, a folder, ModelSettings or a loaded model")
        self.settings = model if isinstance(model, ModelSettings) else ModelSettings()
        self._model = model if isinstance(model, InstrumentedModel) else None
        self._beta = None if beta is None else as_beta(beta)
        self.store = store
        self._plain: Session | None = None
        self._known: Known | None = None  # of the session that this one was made from
        self.asked = Memory()
        self._results: dict[Hashable, Any] = {}
        self._turns = self._model.turns if self._model else Turns()  # one computation at a time on a model, whichever
        # of its sessions asks: a session that was changed shares its model with the one it was made from

    def load(self, stage: Stage = lambda text: None) -> InstrumentedModel:
        """Load the model if it is not there yet. Raises ModelError."""
        if self._model is not None:  # never waits: the app asks while something computes
            return self._model
        with self._turns:
            if self._model is None:
                model = load_model(self.settings, stage)
                model.turns = self._turns  # nobody else has it yet
                self._model = model
                if short := self._shortage(model):
                    model.notes.append(short)
                    stage(f"warning: {short}")
                if foreign := self.foreign_calibration:
                    stage(f"warning: {foreign}")
            return self._model

    def _shortage(self, model: InstrumentedModel) -> str | None:
        """What of this prompt will hardly fit into the memory that is left; see `icldiag.model.memory`."""
        try:
            encoded = self.encoded
        except IcldiagError:  # told when it is asked for
            return None
        return shortage_of(self.settings, model, work_of(encoded))

    @property
    def warnings(self) -> tuple[str, ...]:
        """What a user should know about the prompt's encoding and about how results were computed."""
        window = sliding_window_of(self.model.model.config.get_text_config())
        logged = of_log(self.prompt, self.peek(Predict()))
        told = (logged, self.foreign_calibration, None if window is None else window.warning(self.encoded))
        return (*self.encoded.warnings, *(one for one in told if one), *self.model.notes)

    @property
    def foreign_calibration(self) -> str | None:
        """That the prompt's calibration was fitted on another model, if it was."""
        calibration = self.prompt.calibration
        return None if calibration is None else calibration.warning(self.model.name)

    @property
    def model(self) -> InstrumentedModel:
        return self.load()

    @property
    def beta(self) -> NDArray[np.float32] | None:
        """The anchor re-weighting in force. Raises AnalysisError where the prompt file's does not fit."""
        if self._beta is None and self.prompt.beta is not None:
            self._beta = self._read_beta(self.prompt.beta.path)
        return self._beta

    @checked
    def with_prompt(self, prompt: Prompt) -> Session:
        """The same loaded model on another prompt; equal demonstrations are not encoded again, and keep their beta."""
        same = demonstrations_hash(prompt) == demonstrations_hash(self.prompt)
        beta = self.beta if same else None
        changed = Session(prompt, self.model, beta, self.store.of(prompt, beta) if self.store else None)
        changed.asked = self.asked
        if same and "prefix" in self._results:
            changed._results["prefix"] = self._results["prefix"]
        if same and beta is None:
            readout = self._results.get("readout")
            changed._known = self._known if readout is None else Known(self.encoded, readout)
        if same and self._plain is not None:
            changed._plain = self._plain.with_prompt(replace(prompt, beta=None))
        return changed

    @property
    def encoded(self) -> EncodedPrompt:
        """Raises PromptError where the prompt does not fit the model."""
        encoded = self._once("encoded", lambda: encode(self.prompt, *self.model.reader))
        if encoded.prompt is not self.prompt:  # one from the store may have been written elsewhere or named otherwise
            encoded = self._results["encoded"] = replace(encoded, prompt=self.prompt)
        return encoded

    def query_tokens(self, query: int) -> tuple[Token, ...]:
        """The tokens of a query after the shared prefix, for showing. Raises AnalysisError: there is no such query."""
        query = query_index(query, len(self.prompt.queries))
        key = ("tokens", query)
        if key not in self._results:  # without the lock, which may be held for minutes; it takes a millisecond
            found = (self.store.get(key) if self.store else None) or query_tokens(
                self.encoded, self.model.tokenizer, query
            )
            self._results[key] = found
            if self.store:
                self.store.put(key, found)
        return cast(tuple[Token, ...], self._results[key])

    @property
    def facts(self) -> ModelFacts:
        """What is shown of the model."""
        return self._once("facts", lambda: facts_of(self.model))

    # ---- answers ----------------------------------------------------------------------------------------------------

    @checked
    def ask(self, request: Request[R], progress: Progress = silent, each: Each | None = None) -> R:
        """The answer to a request: made before, found on disk, or computed now.

        `each` is told parts of the answer as they come; nothing where it was computed before.

        Raises:
            AnalysisError: it asks for a query or a layer that is not there, or cannot be computed for this prompt.
        """
        if request.without_beta and self.beta is not None:
            return self.without_beta().ask(request, progress, each)
        request.require(self.prompt)
        self._once("facts", lambda: facts_of(self.model), progress)  # kept with every answer, for `StoredSession`
        resolved = request.resolved(self)
        told = keeping_parts(resolved, None if self.store is None else self.store.put, each)
        return self._once(resolved, lambda: resolved.compute(self, progress, told), progress)

    @checked
    def peek(self, request: Request[R]) -> R | None:
        """The answer if it was computed before, by this session or an earlier one; None if not. Never computes."""
        if request.without_beta and self.beta is not None:
            return self.without_beta().peek(request)
        return cast("R | None", self._found(request.resolved(self)))

    # ---- with a beta ------------------------------------------------------------------------------------------------

    def with_beta(self, beta: NDArray[np.float32]) -> Session:
        """The same prompt and model with a trained anchor re-weighting in force in every other analysis.

        Raises:
            AnalysisError: beta has not this model's and prompt's shape, or a number in it is not finite.
        """
        beta = as_beta(beta, self.beta_shape)
        other = self.without_beta()
        changed = Session(other.prompt, self.model, beta, self.store.of(other.prompt, beta) if self.store else None)
        changed._plain, changed.asked = other, self.asked
        changed._results = {key: other._results[key] for key in ("encoded", "prefix") if key in other._results}
        return changed

    @checked
    def with_saved_beta(self, path: Path | str) -> Session:
        """`with_beta` of a file. Raises AnalysisError: no beta, or one for other demonstrations or another model."""
        return self.with_beta(self._read_beta(Path(path)))

    def _read_beta(self, path: Path) -> NDArray[np.float32]:
        return load_beta(path, self.prompt, self.beta_shape, self.model.name, self.model.note)

    @checked
    def save_beta(self, settings: TrainingSettings, path: Path | str) -> None:
        """Write the beta that these settings train; see `reweighting`. Raises AnalysisError where it cannot."""
        save_beta(Path(path), self.reweighting(settings).beta, self.model.name, self.prompt)

    def without_beta(self) -> Session:
        """The session that this one was made from, or the same without the prompt file's beta."""
        if self._plain is None and self.prompt.beta is not None:
            prompt = replace(self.prompt, beta=None)
            self._plain = Session(prompt, self.model, None, self.store.of(prompt) if self.store else None)
            self._plain.asked = self.asked
            self._plain._results = {key: self._results[key] for key in ("prefix",) if key in self._results}
        return self._plain or self

    @property
    def beta_shape(self) -> tuple[int, int, int]:
        return self.model.n_layers, self.model.n_heads, len(self.prompt.demonstrations)

    # ---- what answers are made from ---------------------------------------------------------------------------------

    @property
    def beta_edits(self) -> Edits | None:
        if self.beta is None:
            return None
        return beta_edits(self.encoded, torch.from_numpy(self.beta).to(self.model.device))

    def prefix(self, progress: Progress) -> Prefix:
        """The encoded demonstrations."""
        with self._turns:
            taken_over = self._results.get("prefix")
            if taken_over is not None and taken_over.ids != self.encoded.prefix:  # an empty query moves its end
                del self._results["prefix"]
        return self._once("prefix", lambda: encode_prefix(self.model, self.encoded, progress))

    def readout(self, progress: Progress, each: Callable[[tuple[int, ...], Readout], object] | None = None) -> Readout:
        """What the model answers to every query, with what the target positions have in every layer."""
        return self._once(
            "readout",
            lambda: read_with(
                self._known, self.model, self.encoded, self.prefix(progress), self.beta_edits, progress, each
            ),
        )

    def _once(self, key: Hashable, compute: Callable[[], T], progress: Progress = silent) -> T:
        """The result under a key: made before, found on disk, or computed. An exception leaves nothing behind.

        What is there comes at once, also while something else is computed: the app's event loop asks for it. Who waits
        for another computation is told so by `progress`, which may raise Cancelled.
        """
        if key in self._results:
            return cast(T, self._results[key])
        found = self._found(key)
        if found is not None:
            return cast(T, found)
        with self._turns.taken(lambda: progress(WAITS, 0, 0)):
            if key not in self._results:
                with memory_errors(str(getattr(key, "job", key))), naming_beta(lambda: self._beta):
                    found = compute()
                if self.store and is_stored(key):
                    self.store.put(key, found)
                self._results[key] = found
            return cast(T, self._results[key])  # of who waited, what the other computed

    def _found(self, key: Hashable) -> Any:
        """What was computed before, here or on disk; None if it was not."""
        if key not in self._results and self.store and is_stored(key):
            found = self.store.get(key)
            if found is None:
                return None
            self._results[key] = found
        return self._results.get(key)
