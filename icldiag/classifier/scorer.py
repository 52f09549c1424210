"""Label scores of new texts, in batches on the demonstrations' keys and values, which are encoded once."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from icldiag.analyses.compression.caches import cache_at, edits_at
from icldiag.analyses.compression.compute import kept_positions
from icldiag.analyses.reweighting.beta import naming_beta
from icldiag.errors import AnalysisError, PromptError
from icldiag.model.heads import KeyValues
from icldiag.model.memory import memory_errors
from icldiag.model.readout import FloatArray, Progress, read_queries, silent
from icldiag.prompt.schema import Example, Prompt
from icldiag.session import Session

CHUNK = 256  # texts that are tokenized at a time; how many run at once follows from the memory


class LongText(AnalysisError):
    """A text that cannot be asked, such as one that is longer than the model's context window."""

    def __init__(self, place: int, reason: str) -> None:
        super().__init__(f"text {place + 1} (index {place}): {reason}")
        self.place, self.reason = place, reason


class LabelScorer:
    """A prompt on a model, asked of any texts. What is in force in the session, calibration and beta, is so here.

    Args:
        session: of the prompt; its own queries are not asked.
        anchors_only: ask on the keys and values of label words and template alone (Hidden_anchor of arXiv 2305.14160,
            section 3.2). This is quicker, and some answers differ.

    Raises:
        AnalysisError: the prompt has no demonstrations that all texts share, or none at all for `anchors_only`.
    """

    def __init__(self, session: Session, *, anchors_only: bool = False) -> None:
        if session.prompt.per_query:
            reason = "each query of this prompt has demonstrations of its own, and a new text has none"
            raise AnalysisError(f"{reason}; write 'demonstrations' that all share")
        if anchors_only and not session.prompt.demonstrations:
            raise AnalysisError("this prompt has no demonstrations whose label words could be read alone; ask it whole")
        self.session, self.anchors_only = session, anchors_only
        self._anchors: tuple[tuple[int, ...], list[KeyValues]] | None = None  # of the prefix with these ids

    @property
    def prompt(self) -> Prompt:
        return self.session.prompt

    def scores(self, texts: Sequence[Example], progress: Progress = silent) -> FloatArray:
        """(n, C) calibrated label scores; labels in the prompt's order.

        Raises:
            LongText: one of the texts cannot be asked.
        """
        found = [np.empty((0, len(self.prompt.labels)))]
        for start in range(0, len(texts), CHUNK):

            def asked(what: str, done: int, total: int, start: int = start) -> None:
                if what == "queries":
                    what, done, total = "texts", start + done, len(texts)
                progress(what, done, total)

            try:
                found.append(self._chunk(texts[start : start + CHUNK], asked))
            except PromptError as error:
                place = re.fullmatch(r"queries\[(\d+)\]", error.field or "")
                if place is None:
                    raise
                reason = error.message.removeprefix(f"query {int(place[1]) + 1} ")
                raise LongText(start + int(place[1]), reason) from None
        progress("texts", len(texts), len(texts))
        return np.concatenate(found)

    def _chunk(self, texts: Sequence[Example], progress: Progress) -> FloatArray:
        self.session.prefix(progress)  # which the session below takes over
        asked = self.session.with_prompt(self.prompt.with_queries(texts))
        prefix, encoded, edits = asked.prefix(progress), asked.encoded, asked.beta_edits
        context = None
        if self.anchors_only:
            kept = kept_positions(encoded)
            if self._anchors is None or self._anchors[0] != prefix.ids:
                self._anchors = prefix.ids, cache_at(prefix, kept)
            context, edits = self._anchors[1], edits_at(edits, kept)
        with memory_errors("prediction"), naming_beta(lambda: asked.beta):
            return read_queries(
                asked.model, encoded, prefix, context=context, target_edits=edits, top=1, progress=progress
            ).label_scores
