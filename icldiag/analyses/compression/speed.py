"""How much faster a query is answered from the anchors alone."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from icldiag.analyses.compression.caches import cache_at, edits_at
from icldiag.lazy import no_grad
from icldiag.model.edits import Edits, on_rows
from icldiag.model.forward import InstrumentedModel, Prefix
from icldiag.model.heads import KeyValues
from icldiag.model.padding import batch_of
from icldiag.model.readout import Progress, silent
from icldiag.prompt.encoded_prompt import EncodedPrompt

Positions = Literal["kept", "restart"]

_TIMED_QUERIES = 8
_TIMED_ROUNDS = 5


@dataclass(frozen=True)
class SpeedUp:
    """How many times faster a query is answered on the compressed cache, median of alternating rounds."""

    against_full_prompt: float  # the whole prompt encoded again for each query, as in the paper
    against_full_cache: float  # the demonstrations' full cache reused
    queries: int
    rounds: int


@no_grad
def measure_speed_up(
    model: InstrumentedModel,
    encoded: EncodedPrompt,
    prefix: Prefix,
    kept: Sequence[int],
    start: int,
    beta: Edits | None = None,
    progress: Progress = silent,
) -> SpeedUp:
    """Answer the same queries one by one in three ways, taking turns, so that a busy machine slows all alike."""

    def ask() -> None:
        progress("compression: timing", len(seconds[-1]), _TIMED_ROUNDS + 1)

    def answer(
        rows: Sequence[Sequence[int]], start: int, context: Sequence[KeyValues] | None, edits: Edits | None
    ) -> None:
        for row in rows:
            ask()
            batch = batch_of([row], start, model.device)
            run = model.run(batch, context=context, edits=on_rows(edits, [len(row) - 1], model.device))
            run.logits[:, -1].argmax(-1).tolist()  # waits for the device

    queries = encoded.queries[:_TIMED_QUERIES]
    compressed = cache_at(prefix, kept)
    alone, short_edits = [query.ids for query in queries], edits_at(beta, kept)
    ways: list[Callable[[], None]] = [
        lambda: answer([[*encoded.prefix, *ids] for ids in alone], 0, None, beta),
        lambda: answer(alone, len(encoded.prefix), prefix.key_values, beta),
        lambda: answer(alone, start, compressed, short_edits),
    ]
    seconds: list[list[float]] = [[], [], []]
    for _ in range(_TIMED_ROUNDS + 1):
        for way, taken in zip(ways, seconds, strict=True):
            begun = time.perf_counter()
            way()
            taken.append(time.perf_counter() - begun)
    whole, cached, short = (np.array(taken[1:]) for taken in seconds)  # the first round warms up
    return SpeedUp(float(np.median(whole / short)), float(np.median(cached / short)), len(queries), _TIMED_ROUNDS)
