"""Runs changed prompts: the query under explanation, and other texts, asked of variants of one prompt.

Demonstrations are named by their places in the prompt, so that a trained anchor re-weighting can go with them: where
one is in force, every demonstration keeps its own beta wherever it stands, also with another label, and one that is
taken out takes its beta away.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from icldiag.analyses.reweighting.compute import beta_edits
from icldiag.lazy import torch
from icldiag.model.forward import Edits, InstrumentedModel, Prefix, merge_edits
from icldiag.model.readout import FloatArray, Progress, read_queries
from icldiag.prompt.encode import encode
from icldiag.prompt.encoded import EncodedPrompt
from icldiag.prompt.schema import Example, Prompt


class Variants:
    """One loaded model and prompt. Every run counts as one step of the progress, and asks it whether to go on.

    Args:
        beta: (L, H, demonstrations), an anchor re-weighting that is in force.
    """

    def __init__(
        self,
        model: InstrumentedModel,
        encoded: EncodedPrompt,
        prefix: Prefix,
        query: int,
        progress: Progress,
        beta: NDArray[np.float32] | None = None,
    ) -> None:
        self.model, self.encoded, self.prefix = model, encoded, prefix
        self.prompt = encoded.prompt
        self.query = self.prompt.queries[query]
        self._beta = None if beta is None else torch.from_numpy(beta).to(model.device)
        self._progress = progress
        self.steps, self.total = 0, 0

    def expect(self, runs: int) -> None:
        """So many more runs will come."""
        self.total += runs

    def ask(
        self, places: Sequence[int] | None, queries: Sequence[Example], labels: Mapping[int, int] | None = None
    ) -> FloatArray:
        """Label scores (n, C) of queries after the demonstrations at these places, in this order.

        Args:
            places: None for the prompt's own.
            labels: other labels of some demonstrations, by place.

        Raises:
            PromptError: the changed prompt cannot be asked of this model.
        """
        places = range(len(self.prompt.demonstrations)) if places is None else places
        shown = [self.prompt.demonstrations[place] for place in places]
        if labels:
            shown = [replace(old, label=labels.get(place, old.label)) for place, old in zip(places, shown, strict=True)]
        changed = replace(self.prompt, demonstrations=tuple(shown), queries=tuple(queries), beta=None)
        return self._read(changed, places)

    def ask_edited(self, prefix_edits: Edits | None = None, target_edits: Edits | None = None) -> FloatArray:
        """Label scores (C,) of the query with the model's attention edited."""
        one = replace(self.prompt, queries=(self.query,), beta=None)
        places = range(len(self.prompt.demonstrations))
        scores: FloatArray = self._read(one, places, prefix_edits, target_edits)[0]
        return scores

    def reweighted(self, row: int) -> Edits:
        """The re-weighting that is in force, as edits of the row where the target is."""
        edits = self._with_beta({}, self.encoded, range(len(self.prompt.demonstrations)))
        rows = torch.tensor([row], device=self.model.device)
        return {layer: replace(edit, rows=rows) for layer, edit in edits.items()}

    def _with_beta(self, edits: Edits, encoded: EncodedPrompt, places: Sequence[int]) -> Edits:
        """Edits of the target row, and beta with them: factors of both are multiplied."""
        if self._beta is None:
            return edits
        return merge_edits(edits, beta_edits(encoded, self._beta[:, :, list(places)]))

    def _read(
        self,
        prompt: Prompt,
        places: Sequence[int],
        prefix_edits: Edits | None = None,
        target_edits: Edits | None = None,
    ) -> FloatArray:
        self.step()
        encoded = encode(prompt, *self.model.reader)
        same = encoded.prefix == self.prefix.ids
        prefix = self.prefix
        if prefix_edits:
            resume = (min(prefix_edits), self.prefix) if same else None
            prefix = self.model.encode_prefix(
                encoded.prefix, edits=prefix_edits, resume=resume, before_layer=self._between_layers
            )
        elif not same:
            prefix = self.model.encode_prefix(encoded.prefix, before_layer=self._between_layers)
        edits = self._with_beta(target_edits or {}, encoded, places)
        scores = read_queries(
            self.model, encoded, prefix, target_edits=edits, top=1, progress=lambda *_: self._between_layers(0)
        ).label_scores
        self.steps += 1
        return scores

    def step(self) -> None:
        self._progress("explanation", self.steps, max(self.total, self.steps + 1))

    def _between_layers(self, layer: int) -> None:
        self.step()
