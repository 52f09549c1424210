"""Runs changed prompts: the query under explanation, and other texts, asked of variants of one prompt."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from icldiag.model.forward import Edits, InstrumentedModel, Prefix
from icldiag.model.readout import FloatArray, Progress, read_queries
from icldiag.prompt.encode import EncodedPrompt, encode
from icldiag.prompt.schema import Example, Prompt


class Variants:
    """One loaded model and prompt. Every run counts as one step of the progress, and asks it whether to go on."""

    def __init__(
        self, model: InstrumentedModel, encoded: EncodedPrompt, prefix: Prefix, query: int, progress: Progress
    ) -> None:
        self.model, self.encoded, self.prefix = model, encoded, prefix
        self.prompt = encoded.prompt
        self.query = self.prompt.queries[query]
        self._progress = progress
        self.steps, self.total = 0, 0

    def expect(self, runs: int) -> None:
        """So many more runs will come."""
        self.total += runs

    def ask(self, demonstrations: Sequence[Example] | None, queries: Sequence[Example]) -> FloatArray:
        """Label scores (n, C) of queries after other demonstrations, or after the prompt's own.

        Raises:
            PromptError: the changed prompt cannot be asked of this model.
        """
        changed = replace(self.prompt, queries=tuple(queries), beta=None)
        if demonstrations is not None:
            changed = replace(changed, demonstrations=tuple(demonstrations))
        return self._read(changed)

    def ask_edited(self, prefix_edits: Edits | None = None, target_edits: Edits | None = None) -> FloatArray:
        """Label scores (C,) of the query with the model's attention edited."""
        one = replace(self.prompt, queries=(self.query,), beta=None)
        scores: FloatArray = self._read(one, prefix_edits, target_edits)[0]
        return scores

    def _read(self, prompt: Prompt, prefix_edits: Edits | None = None, target_edits: Edits | None = None) -> FloatArray:
        self.step()
        encoded = encode(prompt, self.model.tokenizer, self.model.context_window)
        same = encoded.prefix == self.prefix.ids
        prefix = self.prefix
        if prefix_edits:
            resume = (min(prefix_edits), self.prefix) if same else None
            prefix = self.model.encode_prefix(
                encoded.prefix, edits=prefix_edits, resume=resume, before_layer=self._between_layers
            )
        elif not same:
            prefix = self.model.encode_prefix(encoded.prefix, before_layer=self._between_layers)
        scores = read_queries(
            self.model, encoded, prefix, target_edits=target_edits, top=1, progress=lambda *_: self._between_layers(0)
        ).label_scores
        self.steps += 1
        return scores

    def step(self) -> None:
        self._progress("explanation", self.steps, max(self.total, self.steps + 1))

    def _between_layers(self, layer: int) -> None:
        self.step()
