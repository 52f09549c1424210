"""Context compression: how much of the answers survives when only the anchors of the demonstrations are kept.

Wang et al. 2023, section 3.2 (arXiv 2305.14160). Of the demonstrations' keys and values in all layers, keep only some
positions and run the queries on that cache:

    hidden_anchor      the label words and the template's own tokens (the "formatting")
    text_anchor        a new prompt made of those tokens alone
    hidden_random      in place of each label word, a random word between the previous label word and it
    hidden_random_top  the draw of hidden_random with the best label loyalty

A beta in force scales the target's attention to those label words that a cache still holds.

A query keeps the positions that it has in the full prompt. The released code does so for GPT-J only; for GPT-2 its
queries begin again at position 0, which `positions="restart"` repeats.
"""

from __future__ import annotations

import random
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from icldiag.analyses.compression.caches import cache_at, cache_bytes, edits_at
from icldiag.analyses.compression.speed import SpeedUp, measure_speed_up
from icldiag.analyses.loyalty import TOP, Answers, compare
from icldiag.analyses.request import Each, Request, Workbench
from icldiag.analyses.result import AnalysisResult
from icldiag.arguments import Count, Seed
from icldiag.errors import AnalysisError
from icldiag.model.edits import Edits
from icldiag.model.forward import InstrumentedModel, Prefix
from icldiag.model.heads import KeyValues
from icldiag.model.readout import Progress, Readout, read_queries, silent, step_of
from icldiag.prompt.encoded_prompt import EncodedPrompt

Positions = Literal["kept", "restart"]
DRAWS = 20  # as many as the paper's Hidden_random-top


@dataclass(frozen=True)
class Method:
    """One way of compressing: its answers and the positions of the demonstrations that it keeps."""

    answers: Answers
    kept_positions: tuple[int, ...]


@dataclass(frozen=True)
class Spread:
    """Mean and standard deviation over random draws."""

    label_loyalty: tuple[float, float]
    word_loyalty: tuple[float, float]
    accuracy: tuple[float, float] | None
    draws: int


@dataclass(frozen=True, repr=False)
class Compression(AnalysisResult):
    """All methods against the full prompt."""

    full: Answers
    hidden_anchor: Method
    text_anchor: Method
    hidden_random_top: Method
    hidden_random: Spread
    random_draws: tuple[Method, ...]
    demonstration_tokens: int
    mean_query_tokens: float
    cache_bytes: tuple[int, int]  # keys and values of the demonstrations before and after
    speed_up: SpeedUp | None
    top: int  # k of the word loyalty

    @property
    def missing(self) -> tuple[str, ...]:
        """What is undefined, and why."""
        untimed = () if self.speed_up else ("no speed-up: it was not measured",)
        return (*self.full.missing, *untimed)


def kept_positions(encoded: EncodedPrompt) -> tuple[int, ...]:
    """Positions of the label words and of all that is not a demonstration's text, in order."""
    return tuple(position for position, token in enumerate(encoded.tokens) if token.role != "text")


def random_candidates(encoded: EncodedPrompt) -> list[list[int]]:
    """For each demonstration, the text positions between the previous label word and its own."""
    kept = set(kept_positions(encoded))
    found, start = [], 0
    for demonstration in encoded.demonstrations:
        found.append([p for p in range(start, demonstration.label[0]) if p not in kept])
        start = demonstration.label[1]
    return found


def draw_positions(encoded: EncodedPrompt, generator: random.Random) -> tuple[int, ...]:
    """`kept_positions` with every label word replaced by as many random positions before it.

    Raises:
        AnalysisError: a demonstration's text has fewer tokens than its label word.
    """
    kept = set(kept_positions(encoded))
    for number, (demonstration, candidates) in enumerate(
        zip(encoded.demonstrations, random_candidates(encoded), strict=True), start=1
    ):
        label = range(*demonstration.label)
        if len(candidates) < len(label):
            raise AnalysisError(
                f"the text of demonstration {number} has {len(candidates)} tokens, too few to draw a random word from"
            )
        kept.difference_update(label)
        kept.update(generator.sample(candidates, len(label)))
    return tuple(sorted(kept))


@dataclass(frozen=True)
class Compress(Request[Compression]):
    """Answer on a cache of the anchors and the template alone, and with the paper's baselines.

    `each` is told each way as it is measured.
    """

    positions: Positions = "kept"
    draws: Count = DRAWS
    seed: Seed = 42
    top: Count = TOP
    timed: bool = True
    job: ClassVar[str] = "compression"
    of_demonstrations: ClassVar[bool] = True

    def compute(self, bench: Workbench, progress: Progress, each: Each | None) -> Compression:
        return compress(
            bench.model,
            bench.encoded,
            bench.prefix(progress),
            bench.readout(progress),
            positions=self.positions,
            draws=self.draws,
            seed=self.seed,
            top=self.top,
            beta=bench.beta_edits,
            timed=self.timed,
            progress=progress,
            each_method=each or silent_method,
        )


def silent_method(method: Method) -> None:
    """For callers that do not watch."""


def compress(
    model: InstrumentedModel,
    encoded: EncodedPrompt,
    prefix: Prefix,
    full: Readout,
    *,
    positions: Positions = "kept",
    draws: int = DRAWS,
    seed: int = 42,
    top: int = TOP,
    beta: Edits | None = None,
    timed: bool = True,
    progress: Progress = silent,
    each_method: Callable[[Method], object] = silent_method,
) -> Compression:
    """Run all methods on all queries and, where `timed`, measure the speed-up in the same run.

    Args:
        full: the queries' answers on the whole cache, with `beta` if there is one.
        positions: 'kept' gives a query its positions in the full prompt, 'restart' begins again at 0.
        draws, seed: of the random words.
        beta: edits of the target row that stay in force (a trained anchor re-weighting).
        each_method: called with Hidden_anchor, Text_anchor and then every random draw as it is done.
    """
    total = draws + 3
    start = len(encoded.prefix) if positions == "kept" else 0
    gold = tuple(query.label for query in encoded.prompt.queries)

    def answer(kept: tuple[int, ...], context: Sequence[KeyValues], start: int, done: int) -> Method:
        progress("compression", done, total)
        after = read_queries(
            model,
            encoded,
            prefix,
            context=context,
            target_edits=edits_at(beta, kept),
            start=start,
            top=max(10, top),
            progress=step_of(progress, "compression", done, total),
        )
        method = Method(compare(full, after, gold, top), kept)
        each_method(method)
        return method

    kept = kept_positions(encoded)
    hidden = answer(kept, cache_at(prefix, kept), start, 0)
    text_prefix = model.encode_prefix(
        [encoded.prefix[position] for position in kept], before_layer=lambda layer: progress("compression", 1, total)
    )
    text = answer(kept, text_prefix.key_values, len(kept), 1)
    generator = random.Random(seed)
    chosen = [draw_positions(encoded, generator) for _ in range(draws)]
    randoms = tuple(answer(places, cache_at(prefix, places), start, 2 + done) for done, places in enumerate(chosen))
    progress("compression", total - 1, total)
    speed_up = measure_speed_up(model, encoded, prefix, kept, start, beta, progress) if timed else None
    progress("compression", total, total)
    return Compression(
        full=compare(full, full, gold, top),
        hidden_anchor=hidden,
        text_anchor=text,
        hidden_random_top=max(randoms, key=lambda method: method.answers.label_loyalty),
        hidden_random=_spread(randoms),
        random_draws=randoms,
        demonstration_tokens=len(encoded.prefix),
        mean_query_tokens=float(np.mean([len(query.ids) for query in encoded.queries])),
        cache_bytes=(cache_bytes(prefix.key_values), cache_bytes(cache_at(prefix, kept))),
        speed_up=speed_up,
        top=top,
    )


def _spread(methods: Sequence[Method]) -> Spread:
    def over(values: list[float]) -> tuple[float, float]:
        return statistics.fmean(values), statistics.pstdev(values)

    accuracies = [method.answers.accuracy for method in methods if method.answers.accuracy is not None]
    return Spread(
        over([method.answers.label_loyalty for method in methods]),
        over([method.answers.word_loyalty for method in methods]),
        over(accuracies) if accuracies else None,
        len(methods),
    )
