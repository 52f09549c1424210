"""The one door for command line, app and notebooks: prompt + model + settings -> results, computed once."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable
from pathlib import Path
from typing import Any, TypeVar, cast

from icldiag.analyses.confusion import Confusion, confuse, default_layer
from icldiag.analyses.prediction import Prediction, predict
from icldiag.errors import AnalysisError
from icldiag.model.forward import InstrumentedModel, Prefix
from icldiag.model.load import ModelSettings, Stage, load_model
from icldiag.model.readout import Progress, Readout, read_queries, silent
from icldiag.prompt.encode import EncodedPrompt, encode
from icldiag.prompt.schema import Prompt, read_prompt

T = TypeVar("T")


class Session:
    """A prompt on a model. Every result is computed at most once, by whichever thread asks first.

    Args:
        prompt: a `Prompt` or the path of a prompt file.
        model: a loaded model, settings, or a Hugging Face name or folder ('bundled' by default).

    The model loads on first need, or when `load` is called.
    """

    def __init__(
        self, prompt: Prompt | Path | str, model: InstrumentedModel | ModelSettings | str | None = None
    ) -> None:
        self.prompt = prompt if isinstance(prompt, Prompt) else read_prompt(prompt)
        if isinstance(model, str):
            model = ModelSettings(name=model)
        self.settings = model if isinstance(model, ModelSettings) else ModelSettings()
        self._model = model if isinstance(model, InstrumentedModel) else None
        self._results: dict[Hashable, Any] = {}
        self._lock = threading.RLock()  # one computation at a time: they share the processor and the model

    def load(self, stage: Stage = lambda text: None) -> InstrumentedModel:
        """Load the model if it is not there yet. Raises ModelError."""
        with self._lock:
            if self._model is None:
                self._model = load_model(self.settings, stage)
            return self._model

    @property
    def model(self) -> InstrumentedModel:
        return self.load()

    def with_prompt(self, prompt: Prompt) -> Session:
        """The same loaded model on another prompt."""
        return Session(prompt, self.model)

    @property
    def encoded(self) -> EncodedPrompt:
        """Raises PromptError where the prompt does not fit the model."""
        return self._once("encoded", lambda: encode(self.prompt, self.model.tokenizer, self.model.context_window))

    def prediction(self, progress: Progress = silent) -> Prediction:
        """Label probabilities, predicted labels and top tokens of every query."""
        return self._once("prediction", lambda: predict(self.encoded, self._readout(progress), self.model.tokenizer))

    def confusion(self, layer: int | None = None, progress: Progress = silent) -> Confusion:
        """The similarity of the label anchors in one layer (two thirds up by default) beside the measured separation.

        Raises:
            AnalysisError: there is no such layer.
        """
        count = self.model.n_layers
        layer = default_layer(count) if layer is None else layer
        if not 0 <= layer < count:
            raise AnalysisError(f"there is no layer {layer}; the model has layers 0 to {count - 1}")
        return self._once(("confusion", layer), lambda: self._confusion(layer, progress))

    def _confusion(self, layer: int, progress: Progress) -> Confusion:
        readout, prefix = self._readout(progress), self._prefix(progress)
        assert readout.target_queries is not None  # _readout asks for them
        return confuse(
            self.encoded,
            self.prediction(progress),
            layer,
            self.model.anchor_keys(prefix, self.encoded.anchors, layer),
            readout.target_queries[:, layer],
            prefix.forerunner_queries[layer].numpy(),
        )

    def _prefix(self, progress: Progress) -> Prefix:
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
                self.model, self.encoded, self._prefix(progress), with_target_queries=True, progress=progress
            ),
        )

    def _once(self, key: Hashable, compute: Callable[[], T]) -> T:
        with self._lock:
            if key not in self._results:
                self._results[key] = compute()  # an exception leaves nothing behind
            return cast(T, self._results[key])
