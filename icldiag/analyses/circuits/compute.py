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
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from icldiag.analyses.circuits.estimates import head_estimates
from icldiag.analyses.contest import contest_of
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
AT_ONCE = 12  # queries under all cuts of a step: a query's tokens before the target are then run once for them
HALF = 0.5
LEAST = 0.1  # nats: what the cut in all heads takes at least, for heads to be called its carriers

Head = tuple[int, int]


@dataclass(frozen=True)
class Effect:
    """What a cut does: over the asked queries."""

    stay: int  # answers
    lost: float  # nats of the lead, mean
    error: float  # its standard error over the queries; nan of one query


def effect_of(stay: int, lost: Sequence[float]) -> Effect:
    """Of the nats that each query's lead loses."""
    error = float(np.std(lost, ddof=1)) / len(lost) ** 0.5 if len(lost) > 1 else float("nan")
    return Effect(stay, float(np.mean(lost)), error)


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
    queries: tuple[int, ...]  # that were asked; the first of them while others are asked
    estimated: int  # queries
    estimates: FloatArray  # (L, H) nats of the lead, mean
    everywhere: Effect | None  # in all heads of all layers; None until it is asked
    ranked: tuple[RankedHead, ...]  # the one that changes most answers first, then the one that takes most
    together: tuple[Together, ...]  # empty until all queries are asked under every cut alone

    def loyalty(self, effect: Effect) -> float:
        """The share of answers that stay."""
        return effect.stay / len(self.queries)

    @property
    def carried(self) -> bool:
        """Whether the target reads something there at all: the cut in all heads takes something from the lead."""
        return self.everywhere is not None and self.everywhere.lost >= LEAST

    @property
    def sure(self) -> bool:
        """Whether what the cut in all heads takes is twice its standard error or more."""
        return self.everywhere is not None and self.everywhere.lost >= 2 * self.everywhere.error

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
        self.prediction = bench.ask(Predict(), progress)
        self.order = list(range(len(bench.prompt.queries)))
        random.Random(request.seed).shuffle(self.order)
        self.asked = self.order[: request.asked]
        self.lab = Lab(self.model, bench.encoded, bench.prefix(progress))

    def circuit(self) -> Circuit:
        layers, heads = self.model.n_layers, self.model.n_heads
        found = self._estimated()
        order = np.argsort(-np.abs(found.estimates), axis=None, kind="stable")[: self.request.measured]
        chosen = [divmod(int(place), heads) for place in order]
        everywhere = [(layer, head) for layer in range(layers) for head in range(heads)]
        for queries, effects in self._effects([everywhere, *([one] for one in chosen)], 0):
            ranked = [
                RankedHead(*one, float(found.estimates[one]), cut) for one, cut in zip(chosen, effects[1:], strict=True)
            ]
            ranked.sort(key=lambda one: (one.cut.stay, -one.cut.lost))
            found = replace(found, queries=queries, everywhere=effects[0], ranked=tuple(ranked))
            self.tell(found)
        names = [(one.layer, one.head) for one in found.ranked]
        steps = [count for count in TOGETHER if count <= len(names)]
        others = [self._others(names[:count], names) for count in steps]
        cuts = [names[:count] for count in steps] + [one for one in others if one is not None]
        for _, effects in self._effects(cuts, len(self.asked)):
            beside = iter(effects[len(steps) :])
            together = [
                Together(count, cut, None if other is None else next(beside))
                for count, cut, other in zip(steps, effects, others, strict=False)
            ]
        return replace(found, together=tuple(together))

    def _estimated(self) -> Circuit:
        """The estimates of all heads, told after each query."""
        total = np.zeros((self.model.n_layers, self.model.n_heads))
        prefix, kind = self.bench.prefix(self.progress), self.request.kind
        sample = self.order[:ESTIMATED]
        for done, query in enumerate(sample):
            step = step_of(self.progress, "heads, estimated", done, len(sample))
            contest = contest_of(self.prediction, query)
            total += head_estimates(self.model, self.bench.encoded, prefix, contest, kind, step)
            found = Circuit(kind, (), done + 1, total / (done + 1), None, (), ())
            self.tell(found)
        return found

    def _effects(self, cuts: Sequence[Sequence[Head]], before: int) -> Iterator[tuple[tuple[int, ...], list[Effect]]]:
        """What each cut does to the first queries, to the first of them and more, until all are asked.

        before: queries that were asked under other cuts, of twice as many in all.
        """
        encoded, kind = self.bench.encoded, self.request.kind
        edits = [target_edits(encoded, Cut.of_heads(kind, heads), self.model.n_heads) for heads in cuts]
        stay = np.zeros(len(cuts), np.int64)
        lost: list[list[float]] = [[] for _ in cuts]
        for start in range(0, len(self.asked), AT_ONCE):
            step = step_of(self.progress, "cuts", before + start, 2 * len(self.asked))
            queries = self.asked[start : start + AT_ONCE]
            texts = [self.bench.prompt.queries[query] for query in queries]
            contests = [contest_of(self.prediction, query) for query in queries]
            answers = self.lab.ask([self.lab.question(texts, target_edits=edit) for edit in edits], step)
            for cut, scores in enumerate(answers):
                for row, contest in zip(scores, contests, strict=True):
                    stay[cut] += int(row.argmax()) == contest.answer
                    lost[cut].append(contest.lead - contest.lead_in(row))
            asked = self.asked[: start + AT_ONCE]
            effects = [effect_of(int(count), nats) for count, nats in zip(stay, lost, strict=True)]
            yield tuple(sorted(asked)), effects
        self.progress("cuts", before + len(self.asked), 2 * len(self.asked))

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
