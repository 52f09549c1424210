"""What each part writes of the lead directly, on average over the queries that are answered right, and wrong.

Of one query a share may be anything; what a part does for answers in general is its mean. The lead is the answer's over
its rival: of a right answer the gold label's over the runner-up, of a wrong one the wrong label's over the gold one.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from itertools import chain, zip_longest
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from icldiag.analyses.depth.compute import ReadDepth
from icldiag.analyses.prediction.compute import Predict
from icldiag.analyses.request import Each, Request, Workbench
from icldiag.analyses.result import AnalysisResult
from icldiag.arguments import Count, Seed
from icldiag.model.direct import DirectParts
from icldiag.model.readout import Progress, step_of

QUERIES = 24


@dataclass(frozen=True, repr=False)
class MeanShares(AnalysisResult):
    """n queries that have direct shares, of those that were asked so far."""

    queries: tuple[int, ...]
    parts: tuple[DirectParts, ...]  # (n,)
    right: NDArray[np.bool_]  # (n,) whether the answer is the gold label
    wrong: NDArray[np.bool_]  # (n,) whether a gold label is known and is not the answer
    of: int  # queries that are to be asked
    missing: str  # why the last one without shares has none

    @property
    def groups(self) -> dict[str, NDArray[np.bool_]]:
        """Right and wrong ones, as far as there are any; where no gold label is known, all."""
        found = {"right": self.right, "wrong": self.wrong, "unlabelled": ~(self.right | self.wrong)}
        return {name: chosen for name, chosen in found.items() if chosen.any()}

    def mean(self, chosen: NDArray[np.bool_]) -> DirectParts:
        """Over these queries; at least one."""
        parts = [self.parts[place] for place in np.flatnonzero(chosen).tolist()]

        def over(name: str) -> NDArray[np.float64]:
            return np.asarray(np.mean([getattr(one, name) for one in parts], axis=0))

        return DirectParts(
            difference=float(over("difference")),
            capped=any(one.capped for one in parts),
            embedding=float(over("embedding")),
            attention=over("attention"),
            heads=over("heads"),
            mlp=over("mlp"),
            bias=float(over("bias")),
        )


@dataclass(frozen=True)
class ShareDepths(Request[MeanShares]):
    """The direct shares of a sample of queries, right and wrong ones in turn; `each` is told those so far.

    Args:
        queries: of the sample; None for all.
        seed: draws it.
    """

    queries: Count | None = QUERIES
    seed: Seed = 0
    job: ClassVar[str] = "shares"

    def compute(self, bench: Workbench, progress: Progress, each: Each | None) -> MeanShares:
        prediction = bench.ask(Predict(), progress)
        order = list(range(len(prediction)))
        random.Random(self.seed).shuffle(order)
        wrong = set(prediction.wrong)
        turns = zip_longest([at for at in order if at not in wrong], [at for at in order if at in wrong])
        sample = [at for at in chain.from_iterable(turns) if at is not None][: self.queries]
        found: dict[int, DirectParts] = {}
        missing = ""
        shares = _mean(found, prediction.gold, prediction.predicted.tolist(), len(sample), missing)
        for done, query in enumerate(sample):
            one = bench.ask(ReadDepth(query), step_of(progress, "direct shares", done, len(sample)))
            if one.parts is None:
                missing = one.missing
            else:
                found[query] = one.parts
            shares = _mean(found, prediction.gold, prediction.predicted.tolist(), len(sample), missing)
            if each is not None and found:
                each(shares)
        return shares


def _mean(
    found: dict[int, DirectParts], gold: tuple[int | None, ...], answers: list[int], of: int, missing: str
) -> MeanShares:
    queries = tuple(sorted(found))
    right = np.array([gold[query] == answers[query] for query in queries], dtype=bool)
    known = np.array([gold[query] is not None for query in queries], dtype=bool)
    return MeanShares(queries, tuple(found[query] for query in queries), right, known & ~right, of, missing)
