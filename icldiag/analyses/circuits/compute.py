"""Heads ranked by what cutting each does to the answers, over the queries; the list that carries half of it.

The target may not attend to the label words (or their forerunners, the template, the texts; see `isolation`) in one
head, and the queries are answered again: label loyalty is the share of answers that stay, and the lead lost is what the
answer's lead over its rival loses, in nats, mean over the queries. All heads are estimated first, to first order,

    sum_j a_j v_j . d lead / d o

over the columns j that would be cut, from one gradient a query; the heads of the largest estimates are then cut alone,
and the first n of them together, beside as many other heads of the same layers. The anchor heads are the first n that
take half of what the same cut in all heads takes from the lead. Induction and function-vector heads are found in the
same way (Yin and Steinhardt 2025, arXiv 2502.14010), by what is lost without them.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from icldiag.analyses.circuits.estimates import head_estimates
from icldiag.analyses.explanation.contest import Contest, contest_of
from icldiag.analyses.isolation.cuts import CUT_NAMES, TARGET_CUTS, Cut, CutKind
from icldiag.analyses.isolation.edits import target_edits
from icldiag.analyses.lab import Lab
from icldiag.analyses.prediction.compute import Predict
from icldiag.analyses.request import Each, Request, Workbench
from icldiag.analyses.result import AnalysisResult
from icldiag.arguments import Count, Seed
from icldiag.errors import AnalysisError
from icldiag.model.readout import FloatArray, Progress, step_of

if TYPE_CHECKING:
    from icldiag.prompt.schema import Prompt

ESTIMATED = 12  # queries
ASKED = 60  # queries that are answered again under each cut
MEASURED = 16  # heads that are cut alone
TOGETHER = (1, 2, 3, 4, 6, 8, 12, 16)
HALF = 0.5
LEAST = 0.1  # nats: what the cut in all heads takes at least, for heads to be called its carriers

Head = tuple[int, int]


@dataclass(frozen=True)
class Effect:
    """What a cut does: over the asked queries."""

    stay: int  # answers
    lost: float  # nats of the lead, mean


@dataclass(frozen=True)
class RankedHead:
    layer: int
    head: int
    estimate: float  # nats of the lead that the cut takes, mean over the estimated queries
    cut: Effect


@dataclass(frozen=True)
class Together:
    """The first n ranked heads cut together, and as many others of the same layers."""

    heads: int
    cut: Effect
    others: Effect | None  # None where the layers have not so many


@dataclass(frozen=True, repr=False)
class Circuit(AnalysisResult):
    """What the target reads of one part of the demonstrations, head by head."""

    kind: CutKind
    queries: tuple[int, ...]  # that were asked
    estimated: int  # queries
    estimates: FloatArray  # (L, H) nats of the lead, mean
    everywhere: Effect | None  # in all heads of all layers; None until it is asked
    ranked: tuple[RankedHead, ...]  # the one that changes most answers first, then the one that takes most
    together: tuple[Together, ...]

    def loyalty(self, effect: Effect) -> float:
        """The share of answers that stay."""
        return effect.stay / len(self.queries)

    @property
    def carried(self) -> bool:
        """Whether the target reads something there at all: the cut in all heads takes something from the lead."""
        return self.everywhere is not None and self.everywhere.lost >= LEAST

    @property
    def half(self) -> Together | None:
        """The fewest heads that take half of what the cut in all heads takes; None where no number asked does."""
        if not self.carried or self.everywhere is None:
            return None
        enough = HALF * self.everywhere.lost
        return next((step for step in self.together if step.cut.lost >= enough), None)

    @property
    def anchor_heads(self) -> tuple[Head, ...]:
        """Those heads, (layer, head), the strongest first; none where `half` is None."""
        count = self.half.heads if self.half is not None else 0
        return tuple((one.layer, one.head) for one in self.ranked[:count])


@dataclass(frozen=True)
class RankHeads(Request[Circuit]):
    """Heads by what they read of one part of the demonstrations at the target.

    Args:
        kind: a cut of what the target reads.
        asked: how many queries are answered under each cut, drawn by the seed; None for all.
        measured: how many heads are cut alone.
    """

    kind: CutKind = "label_to_target"
    asked: Count | None = ASKED
    measured: Count = MEASURED
    seed: Seed = 0
    job: ClassVar[str] = "heads"
    of_demonstrations: ClassVar[bool] = True
    without_beta: ClassVar[bool] = True

    def require(self, prompt: Prompt) -> None:
        super().require(prompt)
        if self.kind not in TARGET_CUTS:
            names = ", ".join(TARGET_CUTS)
            raise AnalysisError(f"{CUT_NAMES[self.kind]} is no cut of what the target reads; choose from {names}")

    def compute(self, bench: Workbench, progress: Progress, each: Each | None) -> Circuit:
        return _Ranking(self, bench, progress, each).circuit()


class _Ranking:
    def __init__(self, request: RankHeads, bench: Workbench, progress: Progress, each: Each | None) -> None:
        self.request, self.bench, self.progress = request, bench, progress
        self.tell: Each = each or (lambda part: None)
        self.model = bench.model
        prediction = bench.ask(Predict(), progress)
        order = list(range(len(bench.prompt.queries)))
        random.Random(request.seed).shuffle(order)
        self.queries = sorted(order[: request.asked])
        self.sample = sorted(order[:ESTIMATED])
        self.contests = [contest_of(prediction, query) for query in self.queries]
        self.of_sample = [contest_of(prediction, query) for query in self.sample]
        self.lab = Lab(self.model, bench.encoded, bench.prefix(progress))
        self.asked = [bench.prompt.queries[query] for query in self.queries]

    def circuit(self) -> Circuit:
        kind = self.request.kind
        estimates = self._estimates(self.of_sample)
        found = Circuit(kind, tuple(self.queries), len(self.sample), estimates, None, (), ())
        self.tell(found)
        order = np.argsort(-np.abs(estimates), axis=None, kind="stable")[: self.request.measured]
        heads = [divmod(int(place), self.model.n_heads) for place in order]
        steps = [count for count in TOGETHER if count <= len(heads)]
        total = 1 + len(heads) + 2 * len(steps)
        everywhere = [(layer, head) for layer in range(self.model.n_layers) for head in range(self.model.n_heads)]
        found = replace(found, everywhere=self._effect(everywhere, 0, total))
        ranked: list[RankedHead] = []
        for done, (layer, head) in enumerate(heads, start=1):
            cut = self._effect([(layer, head)], done, total)
            ranked.append(RankedHead(layer, head, float(estimates[layer, head]), cut))
            ranked.sort(key=lambda one: (one.cut.stay, -one.cut.lost))
            found = replace(found, ranked=tuple(ranked))
            self.tell(found)
        names = [(one.layer, one.head) for one in ranked]
        for count in steps:
            done = 1 + len(heads) + 2 * len(found.together)
            cut = self._effect(names[:count], done, total)
            others = self._others(names[:count], names)
            other = None if others is None else self._effect(others, done + 1, total)
            found = replace(found, together=(*found.together, Together(count, cut, other)))
            self.tell(found)
        self.progress("cuts", total, total)
        return found

    def _estimates(self, contests: Sequence[Contest]) -> FloatArray:
        found = np.zeros((self.model.n_layers, self.model.n_heads))
        prefix = self.bench.prefix(self.progress)
        for done, contest in enumerate(contests):
            step = step_of(self.progress, "heads, estimated", done, len(contests))
            found += head_estimates(self.model, self.bench.encoded, prefix, contest, self.request.kind, step)
        return found / len(contests)

    def _effect(self, heads: Sequence[Head], done: int, total: int) -> Effect:
        """Answer the queries with these heads cut."""
        step = step_of(self.progress, "cuts", done, total)
        edits = target_edits(self.bench.encoded, Cut.of_heads(self.request.kind, heads), self.model.n_heads)
        (scores,) = self.lab.ask([self.lab.question(self.asked, target_edits=edits)], step)
        stay = sum(int(row.argmax()) == contest.answer for row, contest in zip(scores, self.contests, strict=True))
        lost = [contest.lead - contest.lead_in(row) for row, contest in zip(scores, self.contests, strict=True)]
        return Effect(stay, float(np.mean(lost)))

    def _others(self, heads: Sequence[Head], taken: Sequence[Head]) -> list[Head] | None:
        """As many heads of each layer that are not among the ranked ones, drawn by the seed."""
        drawn = random.Random(self.request.seed)
        found: list[Head] = []
        for layer in sorted({layer for layer, _ in heads}):
            wanted = sum(at == layer for at, _ in heads)
            free = [(layer, head) for head in range(self.model.n_heads) if (layer, head) not in taken]
            if len(free) < wanted:
                return None
            found += drawn.sample(free, wanted)
        return found
