"""The answers under every scoring: do they hang on how label words of several tokens are scored?

Whole words, their means over tokens and bytes, and their gain over the words alone (`pmi`) are read in one pass; first
tokens and terminated words take a pass each where they can differ. A calibration of the prompt is left out, since it
was fitted to one scoring.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from typing import ClassVar, get_args

import numpy as np

from icldiag.analyses.prediction.compute import Predict
from icldiag.analyses.request import Each, Request, Workbench
from icldiag.analyses.result import AnalysisResult
from icldiag.errors import PromptError
from icldiag.model.label_words import label_words, lengths
from icldiag.model.readout import FloatArray, IntArray, Progress, read_queries
from icldiag.prompt.encode import encode
from icldiag.prompt.encoded_prompt import EncodedPrompt
from icldiag.prompt.fields import Scoring

SCORINGS: tuple[Scoring, ...] = get_args(Scoring)


@dataclass(frozen=True)
class Way:
    """One scoring: the label indices that it answers with (n,), or why it cannot be asked."""

    scoring: Scoring
    predicted: IntArray | None
    missing: str | None = None


@dataclass(frozen=True, repr=False)
class Scorings(AnalysisResult):
    """The n queries' answers under each scoring, the prompt's own among them."""

    labels: tuple[str, ...]
    gold: tuple[int | None, ...]
    own: Scoring  # of the prompt
    calibrated: bool  # whether the prompt has a calibration, which is left out here
    ways: tuple[Way, ...]

    def of(self, scoring: Scoring) -> Way:
        return next(way for way in self.ways if way.scoring == scoring)

    def changed(self, way: Way) -> int | None:
        """How many answers would be others."""
        own = self.of(self.own).predicted
        return None if way.predicted is None or own is None else int((way.predicted != own).sum())

    def right(self, way: Way) -> tuple[bool, ...] | None:
        """Of each query with a gold label, whether it is answered right."""
        if way.predicted is None:
            return None
        known = zip(self.gold, way.predicted, strict=True)
        return tuple(gold == answer for gold, answer in known if gold is not None)

    def accuracy(self, way: Way) -> float | None:
        """None where no gold label is known, or the scoring cannot be asked."""
        right = self.right(way)
        return float(np.mean(right)) if right else None

    def effect(self, way: Way) -> tuple[int, int] | None:
        """Queries mended and broken against the prompt's own scoring."""
        before, after = self.right(self.of(self.own)), self.right(way)
        if not before or not after:
            return None
        pairs = list(zip(before, after, strict=True))
        return pairs.count((False, True)), pairs.count((True, False))


@dataclass(frozen=True)
class Rescore(Request[Scorings]):
    """The answers to every query under every scoring."""

    job: ClassVar[str] = "scorings"

    def compute(self, bench: Workbench, progress: Progress, each: Each | None) -> Scorings:
        prompt = replace(bench.prompt, calibration=None)
        model = bench.model

        def encoded(scoring: Scoring) -> EncodedPrompt:
            return encode(replace(prompt, scoring=scoring), *model.reader)

        def scores(scoring: Scoring) -> FloatArray:
            if scoring == bench.prompt.scoring and bench.prompt.calibration is None:
                return bench.ask(Predict(), progress).scores
            prefix, asked = bench.prefix(progress), encoded(scoring)
            what = f"queries, scored {NAMES[scoring]}"
            edits = bench.beta_edits
            found = read_queries(model, asked, prefix, target_edits=edits, top=1, progress=progress, what=what)
            return found.label_scores

        @cache
        def whole() -> FloatArray:
            return scores("whole")

        single = all(len(tokens) == 1 for tokens in bench.encoded.label_tokens)

        def less_alone() -> FloatArray:
            return np.asarray(whole() - np.array(label_words(encoded("pmi"), model).unconditional))

        def by_length(scoring: Scoring) -> Callable[[], FloatArray]:
            return lambda: np.asarray(whole() / np.array(lengths(encoded(scoring))))

        made: dict[Scoring, Callable[[], FloatArray]] = {
            "first": lambda: whole() if single else scores("first"),  # of one token the order is the same
            "whole": whole,
            "terminated": lambda: scores("terminated"),
            "per_token": by_length("per_token"),
            "per_byte": by_length("per_byte"),
            "pmi": less_alone,
        }
        return Scorings(
            labels=prompt.label_names,
            gold=tuple(query.label for query in prompt.queries),
            own=prompt.scoring,
            calibrated=bench.prompt.calibration is not None,
            ways=tuple(_way(scoring, make) for scoring, make in made.items()),
        )


#: How a sentence names them: "scored ...".
NAMES: dict[Scoring, str] = {
    "first": "by first tokens",
    "whole": "by whole words",
    "terminated": "by whole words and what ends them",
    "per_token": "per token",
    "per_byte": "per byte",
    "pmi": "against the words alone",
}


def _way(scoring: Scoring, make: Callable[[], FloatArray]) -> Way:
    try:
        return Way(scoring, make().argmax(axis=1))
    except PromptError as error:
        return Way(scoring, None, error.message)
