"""The one door for command line, app and notebooks: prompt + model + settings -> results, computed once."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar, cast

import numpy as np
from numpy.typing import NDArray

from icldiag.analyses.compression import DRAWS, Compression, Method, Positions, compress, silent_method
from icldiag.analyses.confusion import Confusion, confuse, default_layer
from icldiag.analyses.explanation import Explanation, explain
from icldiag.analyses.extraction import Against, Extraction, extract
from icldiag.analyses.isolation import Cut, CutKind, Isolation, Setting, isolate, sweep
from icldiag.analyses.loyalty import TOP
from icldiag.analyses.prediction import Prediction, predict
from icldiag.analyses.repairs import BUDGET, Repairs, find_repairs, mendable
from icldiag.analyses.reweighting import (
    Reweighting,
    TrainingSettings,
    beta_edits,
    reweight,
    silent_epoch,
)
from icldiag.analyses.saliency import HeadSum, LossTarget, QueryFlow, Saliency, saliency
from icldiag.analyses.saved_beta import demonstrations_hash, load_beta, save_beta
from icldiag.errors import AnalysisError, IcldiagError
from icldiag.indices import layer_index, query_index
from icldiag.lazy import torch
from icldiag.model.facts import ModelFacts, facts_of
from icldiag.model.forward import Edits, InstrumentedModel, Prefix
from icldiag.model.load import ModelSettings, Stage, load_model
from icldiag.model.memory import shortage_of, told, work_of
from icldiag.model.readout import Progress, Readout, read_queries, silent, step_of
from icldiag.model.turns import Turns
from icldiag.prompt.encode import EncodedPrompt, Token, encode, query_tokens
from icldiag.prompt.schema import Prompt, read_prompt
from icldiag.store import Store

T = TypeVar("T")

_NEVER_STORED = ("prefix", "readout")  # large or quick to make, and what the others are made from


class Session:
    """A prompt on a model. Every result is computed at most once, by whichever thread asks first.

    Args:
        prompt: a `Prompt` or the path of a prompt file.
        model: a loaded model, settings, or a Hugging Face name or folder ('bundled' by default).
        beta: a trained anchor re-weighting, (layer, head, demonstration), in force in every analysis; see `with_beta`.
            Without one, that of the prompt file's field `beta` is.
        store: where results are kept on disk and taken from; see `icldiag.store.open_store`. None keeps none.

    The model loads on first need, or when `load` is called.
    """

    def __init__(
        self,
        prompt: Prompt | Path | str,
        model: InstrumentedModel | ModelSettings | str | None = None,
        beta: NDArray[np.float32] | None = None,
        store: Store | None = None,
    ) -> None:
        self.prompt = prompt if isinstance(prompt, Prompt) else read_prompt(prompt)
        if isinstance(model, str):
            model = ModelSettings(name=model)
        self.settings = model if isinstance(model, ModelSettings) else ModelSettings()
        self._model = model if isinstance(model, InstrumentedModel) else None
        self._beta = beta
        self.store = store
        self._plain: Session | None = None
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
                if short := self._shortage():
                    self._model.notes.append(short)
                    stage(f"warning: {short}")
            return self._model

    def _shortage(self) -> str | None:
        """What of this prompt will hardly fit into the memory that is left; see `icldiag.model.memory`."""
        assert self._model is not None
        try:
            encoded = self.encoded
        except IcldiagError:  # told when it is asked for
            return None
        return shortage_of(self.settings, self._model, work_of(encoded))

    @property
    def warnings(self) -> tuple[str, ...]:
        """What a user should know about the prompt's encoding and about how results were computed."""
        return (*self.encoded.warnings, *self.model.notes)

    @property
    def model(self) -> InstrumentedModel:
        return self.load()

    @property
    def beta(self) -> NDArray[np.float32] | None:
        """The anchor re-weighting in force. Raises AnalysisError where the prompt file's does not fit."""
        if self._beta is None and self.prompt.beta is not None:
            self._beta = self._read_beta(self.prompt.beta.path)
        return self._beta

    def with_prompt(self, prompt: Prompt) -> Session:
        """The same loaded model on another prompt; equal demonstrations are not encoded again, and keep their beta."""
        same = demonstrations_hash(prompt) == demonstrations_hash(self.prompt)
        beta = self.beta if same else None
        changed = Session(prompt, self.model, beta, self.store.of(prompt, beta) if self.store else None)
        if same and "prefix" in self._results:
            changed._results["prefix"] = self._results["prefix"]
        if same and self._plain is not None:
            changed._plain = self._plain.with_prompt(replace(prompt, beta=None))
        return changed

    def same_demonstrations(self, other: Session) -> bool:
        """Whether a beta of the one is good for the other."""
        return demonstrations_hash(self.prompt) == demonstrations_hash(other.prompt)

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

    def prediction(self, progress: Progress = silent) -> Prediction:
        """Label probabilities, predicted labels and top tokens of every query."""
        assert self.facts.n_layers  # kept with it, for `StoredSession`
        return self._once("prediction", lambda: predict(self.encoded, self._readout(progress), self.model.tokenizer))

    def confusion(self, layer: int | None = None, progress: Progress = silent) -> Confusion:
        """The similarity of the label anchors in one layer (two thirds up by default) beside the measured separation.

        Raises:
            AnalysisError: there is no such layer.
        """
        count = self.model.n_layers
        layer = default_layer(count) if layer is None else layer_index(layer, count)
        return self._once(("confusion", layer), lambda: self._confusion(layer, progress))

    def _confusion(self, layer: int, progress: Progress) -> Confusion:
        readout, prefix = self._readout(progress), self._prefix(progress)
        assert readout.target_queries is not None  # _readout asks for them
        return confuse(
            self.encoded,
            self.prediction(progress),
            layer,
            self.model.anchor_keys(prefix, self.encoded.all_anchors, layer),
            readout.target_queries[layer],
            prefix.forerunner_queries[layer].numpy(),
        )

    def flow(
        self, query: int, loss_target: LossTarget = "gold", progress: Progress = silent, *, heads: HeadSum = "signed"
    ) -> QueryFlow:
        """Saliency of one query: the three flows per layer, and the token view. Raises AnalysisError."""
        query = query_index(query, len(self.prompt.queries))
        self.query_tokens(query)  # kept with it: the one is shown over the other
        return self._once(
            ("flow", query, loss_target, heads),
            lambda: self._saliency([query], loss_target, heads, progress).queries[0],
        )

    def explanation(self, query: int, *, seed: int = 0, progress: Progress = silent) -> Explanation:
        """Why one query got its answer: evidence of all kinds, and the causes that an intervention confirms.

        Raises:
            AnalysisError: there is no such query.
        """
        query = query_index(query, len(self.prompt.queries))
        layers = self.model.n_layers
        return self._once(
            ("explanation", query, seed),
            lambda: explain(
                self.model,
                self.encoded,
                self._prefix(progress),
                self.prediction(progress),
                query,
                [self.confusion(layer, progress) for layer in range(layers // 2, layers)],
                lambda: self.flow(query, progress=progress),
                beta=self.beta,
                seed=seed,
                progress=progress,
            ),
        )

    def saliency(
        self, loss_target: LossTarget = "gold", progress: Progress = silent, *, heads: HeadSum = "signed"
    ) -> Saliency:
        """Saliency of every query and their mean; takes one forward and backward pass per query."""

        def compute() -> Saliency:
            count = len(self.prompt.queries)
            steps = [step_of(progress, "saliency", query, count) for query in range(count)]
            flows = tuple(self.flow(query, loss_target, step, heads=heads) for query, step in enumerate(steps))
            progress("saliency", count, count)
            return Saliency(flows)

        return self._once(("saliency", loss_target, heads), compute)

    def isolation(
        self,
        kind: CutKind = "text_to_label",
        *,
        seed: int = 0,
        renormalise: bool = True,
        top: int = TOP,
        progress: Progress = silent,
    ) -> Isolation:
        """Isolate the first n and the last n layers, for every n."""
        return self._once(
            ("isolation", kind, seed, renormalise, top),
            lambda: sweep(
                self.model,
                self.encoded,
                self._prefix(progress),
                self._readout(progress),
                kind,
                seed=seed,
                renormalise=renormalise,
                top=top,
                beta=self._beta_edits,
                progress=progress,
            ),
        )

    def isolate(self, cut: Cut, *, top: int = TOP, progress: Progress = silent) -> Setting:
        """One cut in any set of layers. Raises AnalysisError for a kind or a layer that is not there."""
        cut = cut.within(self.model.n_layers)
        return self._once(
            ("isolate", cut, top),
            lambda: isolate(
                self.model,
                self.encoded,
                self._prefix(progress),
                self._readout(progress),
                cut,
                top=top,
                beta=self._beta_edits,
                progress=progress,
            ),
        )

    def extraction(self, progress: Progress = silent, *, against: Against = "predicted") -> Extraction:
        """Attention from the target to the label words, and how well it foretells the prediction, per layer."""
        return self._once(
            ("extraction", against),
            lambda: extract(
                self.model,
                self.encoded,
                self._prefix(progress),
                self.prediction(progress),
                against=against,
                target_edits=self._beta_edits,
                progress=progress,
            ),
        )

    def reweighting(
        self,
        settings: TrainingSettings | None = None,
        *,
        progress: Progress = silent,
        each_epoch: Callable[[float], object] = silent_epoch,
    ) -> Reweighting:
        """Train beta on the prompt's examples; always from zero and against the model without any beta.

        `each_epoch` is told the mean loss of every epoch; nothing where the result was computed before.

        Raises:
            AnalysisError: the prompt's field `examples` has too few of a class.
        """
        settings = settings or TrainingSettings()
        if self.beta is not None:
            return self.without_beta().reweighting(settings, progress=progress, each_epoch=each_epoch)
        return self._once(
            ("reweighting", settings),
            lambda: reweight(
                self.model,
                self.encoded,
                self._prefix(progress),
                self._readout(progress),
                settings,
                progress=progress,
                each_epoch=each_epoch,
            ),
        )

    def compression(
        self,
        *,
        positions: Positions = "kept",
        draws: int = DRAWS,
        seed: int = 42,
        top: int = TOP,
        timed: bool = True,
        progress: Progress = silent,
        each_method: Callable[[Method], object] = silent_method,
    ) -> Compression:
        """Answer on a cache of the anchors and the template alone, and with the paper's baselines.

        `each_method` is told each way as it is measured; nothing where the result was computed before.

        Raises:
            AnalysisError: a demonstration's text is too short to draw random words from.
        """
        return self._once(
            ("compression", positions, draws, seed, top, timed),
            lambda: compress(
                self.model,
                self.encoded,
                self._prefix(progress),
                self._readout(progress),
                positions=positions,
                draws=draws,
                seed=seed,
                top=top,
                beta=self._beta_edits,
                timed=timed,
                progress=progress,
                each_method=each_method,
            ),
        )

    def repairs(
        self, query: int | None = None, budget: int = BUDGET, *, seed: int = 0, progress: Progress = silent
    ) -> Repairs:
        """Changes that would mend the prompt, or one query of it, tried on examples that they were not made from.

        Args:
            query: the wrong query to mend; None for the prompt as a whole.
            budget: how many candidates are tried, calibrations and re-weightings among them.
            seed: cuts the examples in parts and draws what is random in the candidates.

        Raises:
            AnalysisError: too few labelled examples, or the query is not there or not wrong.
        """
        query = None if query is None else mendable(self.prompt, query)
        return self._once(
            ("repairs", query, budget, seed),
            lambda: find_repairs(
                self.model,
                self.encoded,
                self._prefix(progress),
                beta=self.beta,
                query=query,
                budget=budget,
                seed=seed,
                progress=progress,
            ),
        )

    def with_beta(self, beta: NDArray[np.float32]) -> Session:
        """The same prompt and model with a trained anchor re-weighting in force in every other analysis.

        Raises:
            AnalysisError: beta has not this model's and prompt's shape.
        """
        shape = self.beta_shape
        if beta.shape != shape:
            raise AnalysisError(f"beta has shape {beta.shape}, this model and prompt need {shape}")
        other = self.without_beta()
        changed = Session(other.prompt, self.model, beta, self.store.of(other.prompt, beta) if self.store else None)
        changed._plain = other
        changed._results = {key: other._results[key] for key in ("encoded", "prefix") if key in other._results}
        return changed

    def with_saved_beta(self, path: Path) -> Session:
        """`with_beta` of a file. Raises AnalysisError: no beta, or one for other demonstrations or another model."""
        return self.with_beta(self._read_beta(path))

    def _read_beta(self, path: Path) -> NDArray[np.float32]:
        def note(text: str) -> None:
            if text not in self.model.notes:
                self.model.notes.append(text)

        return load_beta(path, self.prompt, self.beta_shape, self.model.name, note)

    def save_beta(self, settings: TrainingSettings, path: Path) -> None:
        """Write the beta that these settings train; see `reweighting`. Raises AnalysisError where it cannot."""
        save_beta(path, self.reweighting(settings).beta, self.model.name, self.prompt)

    def without_beta(self) -> Session:
        """The session that this one was made from, or the same without the prompt file's beta."""
        if self._plain is None and self.prompt.beta is not None:
            prompt = replace(self.prompt, beta=None)
            self._plain = Session(prompt, self.model, None, self.store.of(prompt) if self.store else None)
            self._plain._results = {key: self._results[key] for key in ("prefix",) if key in self._results}
        return self._plain or self

    @property
    def beta_shape(self) -> tuple[int, int, int]:
        return self.model.n_layers, self.model.n_heads, len(self.prompt.demonstrations)

    def _saliency(
        self, queries: Sequence[int], loss_target: LossTarget, heads: HeadSum, progress: Progress
    ) -> Saliency:
        return saliency(
            self.model,
            self.encoded,
            self.prediction(progress).predicted.tolist(),
            queries,
            loss_target=loss_target,
            heads=heads,
            target_edits=self._beta_edits,
            progress=progress,
        )

    @property
    def _beta_edits(self) -> Edits | None:
        if self.beta is None:
            return None
        return beta_edits(self.encoded, torch.from_numpy(self.beta).to(self.model.device))

    def _prefix(self, progress: Progress) -> Prefix:
        with self._turns:
            taken_over = self._results.get("prefix")
            if taken_over is not None and taken_over.ids != self.encoded.prefix:  # an empty query moves its end
                del self._results["prefix"]
        return self._once("prefix", lambda: self._encode_prefix(progress))

    def _encode_prefix(self, progress: Progress) -> Prefix:
        forerunners = [demonstration.forerunner for demonstration in self.encoded.demonstrations]
        return self.model.encode_prefix(
            self.encoded.prefix,
            forerunners=forerunners,
            before_layer=lambda layer: progress("demonstrations", layer, self.model.n_layers),
        )

    def _readout(self, progress: Progress) -> Readout:
        return self._once(
            "readout",
            lambda: read_queries(
                self.model,
                self.encoded,
                self._prefix(progress),
                target_edits=self._beta_edits,
                with_target_queries=True,
                progress=progress,
            ),
        )

    def _once(self, key: Hashable, compute: Callable[[], T]) -> T:
        """The result under a key: made before, found on disk, or computed. An exception leaves nothing behind.

        What is there comes at once, also while something else is computed: the app's event loop asks for it.
        """
        if key in self._results:
            return cast(T, self._results[key])
        store = None if key in _NEVER_STORED else self.store
        if store and (found := store.get(key)) is not None:
            return cast(T, self._results.setdefault(key, found))
        with self._turns:
            if key not in self._results:
                with told(str(key[0] if isinstance(key, tuple) else key)):
                    found = compute()
                if store:
                    store.put(key, found)
                self._results[key] = found
            return cast(T, self._results[key])
