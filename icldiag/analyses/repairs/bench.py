"""Where repairs are tried: one model and prompt, and the answers of every changed prompt read at most once."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray

from icldiag.analyses.calibration import calibrated
from icldiag.analyses.repairs.parts import Parts
from icldiag.analyses.repairs.repair import Repair, as_it_is
from icldiag.analyses.reweighting.compute import beta_edits
from icldiag.model.forward import InstrumentedModel, Prefix
from icldiag.model.readout import FloatArray, Progress, Readout, read_queries, silent
from icldiag.prompt.encode import encode
from icldiag.prompt.encoded import EncodedPrompt
from icldiag.prompt.schema import Example, Prompt


class Bench:
    """Reads label scores. Repairs with the prompt's own demonstrations use its `prefix`, which is encoded already."""

    def __init__(
        self,
        model: InstrumentedModel,
        encoded: EncodedPrompt,
        prefix: Prefix,
        parts: Parts,
        *,
        beta: NDArray[np.float32] | None = None,
        query: int | None = None,
        seed: int = 0,
    ) -> None:
        self.model, self.encoded, self.prefix, self.parts = model, encoded, prefix, parts
        self.query, self.seed = query, seed
        self.prompt: Prompt = encoded.prompt
        self.start = as_it_is(self.prompt, beta)
        self.progress: Progress = silent  # asked between layers whether to go on
        self._raw: dict[Hashable, FloatArray] = {}

    def texts_to_fit_on(self) -> tuple[str, ...]:
        """Texts of the task, whatever their label."""
        return (*(example.text for example in self.parts.fitting), *self.parts.unlabelled)

    def scores(self, repair: Repair, *groups: Sequence[Example]) -> list[FloatArray]:
        """Label scores, (n, C) per group of texts, with the repair's calibration in force.

        Raises:
            PromptError: the changed prompt cannot be asked of this model.
        """
        return [calibrated(raw, repair.calibration) for raw in self.raw(repair, *groups)]

    def raw(self, repair: Repair, *groups: Sequence[Example]) -> list[FloatArray]:
        """The same before any calibration. Groups that are asked for together are read on one encoding."""
        changed = (repair.demonstrations, repair.labels, None if repair.beta is None else repair.beta.tobytes())
        keys = [(changed, tuple(group)) for group in groups]
        missing = [key for key in keys if key not in self._raw]
        if missing:
            everything = [example for _, group in missing for example in group]
            found = self.read(repair, everything).label_scores
            ends = np.cumsum([len(group) for _, group in missing])
            self._raw.update(zip(missing, np.split(found, ends[:-1]), strict=True))
        return [self._raw[key] for key in keys]

    def read(self, repair: Repair, examples: Sequence[Example], top: int = 1, vectors: bool = False) -> Readout:
        """Ask the changed prompt, uncalibrated, for the label of every text."""
        encoded = self.encode(repair, examples)
        return read_queries(
            self.model,
            encoded,
            self.prefix_of(encoded),
            target_edits=None
            if repair.beta is None
            else beta_edits(encoded, torch.from_numpy(repair.beta).to(self.model.device)),
            top=top,
            with_target_queries=vectors,
            progress=self.progress,
        )

    def encode(self, repair: Repair, examples: Sequence[Example]) -> EncodedPrompt:
        """The changed prompt with these texts as its queries, uncalibrated."""
        changed = replace(repair.apply(self.prompt), queries=tuple(examples), calibration=None)
        return encode(changed, *self.model.reader)

    def tokens(self, repair: Repair) -> int:
        """How many tokens the changed prompt has before the query."""
        return len(self.encode(repair, self.prompt.queries[:1]).prefix)

    def prefix_of(self, encoded: EncodedPrompt) -> Prefix:
        if encoded.prefix == self.prefix.ids:
            return self.prefix
        forerunners = [demonstration.forerunner for demonstration in encoded.demonstrations]
        return self.model.encode_prefix(
            encoded.prefix,
            forerunners=forerunners,
            before_layer=lambda layer: self.progress("demonstrations", layer, self.model.n_layers),
        )
