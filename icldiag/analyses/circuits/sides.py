"""The ranked heads from all sides: what each reads at the target, writes directly, and is worth by three ablations.

Over the queries of the estimates, mean:

    reads       the share of its attention at the target that is on the tokens of the cut
    writes      nats of the lead that its output adds directly (`icldiag.model.direct`)
    cut         nats that the lead loses where it may not attend to these tokens (the ranking's own, over its queries)
    zeroed      where its output at the target is 0
    averaged    where its output at the target is its mean over these queries

An output of 0 is one that the head may never have, and what is lost by it may come from that; its mean keeps what is
the same for all queries, so that only what it says of this query is lost.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from icldiag.analyses.circuits.compute import ESTIMATED, Effect, Head, RankHeads, effect_of
from icldiag.analyses.contest import contest_of
from icldiag.analyses.isolation.cuts import CutKind
from icldiag.analyses.isolation.edits import cut_columns
from icldiag.analyses.patching.states import Runner
from icldiag.analyses.prediction.compute import Predict
from icldiag.analyses.request import Each, Request, Workbench
from icldiag.analyses.result import AnalysisResult
from icldiag.arguments import Seed
from icldiag.errors import AnalysisError
from icldiag.lazy import torch
from icldiag.model.direct import direct_parts
from icldiag.model.heads import Heads
from icldiag.model.label_words import label_words
from icldiag.model.padding import batch_of
from icldiag.model.readout import FloatArray, Progress

if TYPE_CHECKING:
    from torch import Tensor

    from icldiag.prompt.schema import Prompt


@dataclass(frozen=True)
class HeadSides:
    layer: int
    head: int
    reads: float
    writes: float | None  # None where there are no direct shares
    cut: Effect
    zeroed: Effect
    averaged: Effect | None  # None of one query, whose own output is the mean


@dataclass(frozen=True, repr=False)
class AllSides(AnalysisResult):
    """The ranked heads in the ranking's order."""

    kind: CutKind
    queries: tuple[int, ...]
    heads: tuple[HeadSides, ...]
    missing: str  # why there are no direct shares


@dataclass(frozen=True)
class LookAtHeads(Request[AllSides]):
    """What the heads that `RankHeads` cuts alone read, write and do.

    Args:
        kind: a cut of what the target reads.
    """

    kind: CutKind = "label_to_target"
    seed: Seed = 0
    job: ClassVar[str] = "head sides"
    of_demonstrations: ClassVar[bool] = True
    without_beta: ClassVar[bool] = True

    def require(self, prompt: Prompt) -> None:
        super().require(prompt)
        RankHeads(self.kind).require(prompt)

    def compute(self, bench: Workbench, progress: Progress, each: Each | None) -> AllSides:
        ranked = bench.ask(RankHeads(self.kind, seed=self.seed), progress).ranked
        order = list(range(len(bench.prompt.queries)))
        random.Random(self.seed).shuffle(order)
        queries = sorted(order[:ESTIMATED])
        looked = [
            _looked(bench, query, self.kind, progress, place, len(queries)) for place, query in enumerate(queries)
        ]
        mean = [torch.stack([one.outputs[layer] for one in looked]).mean(0) for layer in range(bench.model.n_layers)]
        heads = [(one.layer, one.head) for one in ranked]
        lost = np.array(
            [_lost(bench, query, heads, mean, progress, place, len(queries)) for place, query in enumerate(queries)]
        )  # (n, heads, 2, 2): stays and nats, zeroed and averaged
        missing = next((one.missing for one in looked if one.missing), "")
        found = []
        for place, one in enumerate(ranked):
            written = [each_of.writes[one.layer, one.head] for each_of in looked if each_of.writes is not None]
            zeroed, averaged = (
                effect_of(int(lost[:, place, 0, way].sum()), lost[:, place, 1, way].tolist()) for way in (0, 1)
            )
            found.append(
                HeadSides(
                    one.layer,
                    one.head,
                    reads=float(np.mean([each_of.reads[one.layer, one.head] for each_of in looked])),
                    writes=float(np.mean(written)) if written else None,
                    cut=one.cut,
                    zeroed=zeroed,
                    averaged=averaged if len(queries) > 1 else None,
                )
            )
        return AllSides(self.kind, tuple(queries), tuple(found), missing)


@dataclass(frozen=True)
class _Looked:
    reads: FloatArray  # (L, H)
    writes: FloatArray | None  # (L, H)
    outputs: list[Tensor]  # per layer (H, R, d) at the target, and the label words after it
    missing: str


def _looked(bench: Workbench, query: int, kind: CutKind, progress: Progress, done: int, of: int) -> _Looked:
    """One query as it is."""
    progress("heads as they are", done, of)
    model, encoded, prefix = bench.model, bench.encoded, bench.prefix(progress)
    words, ids, start = label_words(encoded, model), encoded.queries[query].ids, len(prefix.ids)
    columns, target = cut_columns(encoded, kind), len(ids) - 1
    reads: list[Tensor] = []
    outputs: list[Tensor] = []

    def observe(layer: int, heads: Heads, output: Tensor) -> None:
        attention = heads.attention(torch.tensor([target], device=heads.query.device))  # (1, H, 1, S)
        reads.append(attention[0, :, 0, columns].sum(-1).to(model.device))
        outputs.append(output[0, :, -words.rows :].clone())

    with torch.no_grad():
        batch = words.after(batch_of([ids], start, model.device))
        edits = words.edits(None, model, batch.ids.shape[1], start)
        model.run(batch, context=prefix.key_values, edits=edits, observe=observe)
    contest = contest_of(bench.ask(Predict(), progress), query)
    first, second = (encoded.label_tokens[label][0] for label in (contest.answer, contest.rival))
    missing, writes = "", None
    if first == second:
        missing = "two label words begin with the same token, so nothing tells them apart there"
    else:
        try:
            parts, _ = direct_parts(
                model, batch_of([ids], start, model.device), (first, second), context=prefix.key_values
            )
            writes = parts.heads
        except AnalysisError as error:
            missing = str(error)
    return _Looked(torch.stack(reads).double().cpu().numpy(), writes, outputs, missing)


def _lost(
    bench: Workbench, query: int, heads: list[Head], mean: list[Tensor], progress: Progress, done: int, of: int
) -> FloatArray:
    """(heads, 2, 2): whether the answer stays, and the nats that are lost, with each head zeroed and averaged."""
    progress("heads zeroed and averaged", done, of)
    model, encoded = bench.model, bench.encoded
    runner = Runner(model, label_words(encoded, model), encoded.votes([query])[0], lambda layer: None)
    states = runner.record([*encoded.prefix, *encoded.queries[query].ids])
    contest = contest_of(bench.ask(Predict(), progress), query)
    own = contest.lead_in(states.scores)
    found = []
    for values in (
        [torch.zeros_like(mean[layer][head]) for layer, head in heads],
        [mean[at][head] for at, head in heads],
    ):
        scores = runner.with_heads(states, heads, values)
        found.append([[float(row.argmax() == contest.answer), own - contest.lead_in(row)] for row in scores])
    return np.moveaxis(np.array(found), 0, -1)
