"""What the target's state says of the labels after each layer, and what each part of the model writes of the lead.

Rows are those of the logit lens (`icldiag.analyses.lens`): row 0 stands before the first layer, row r after r layers,
the last is the model's own output. Of all n queries, by row,

    accuracy     share of the labelled queries whose leading label is the gold one
    auc          mean over pairs of gold labels of the ROC-AUC of p_i / p_j: whatever the scores lean to
    state_auc    the same of the states themselves, which no unembedding reads; see `separation`

A model often separates the classes in shallow layers and turns them into label words in deep ones (arXiv 2505.18752):
then state_auc is high where accuracy is low. The shares of a query's lead are direct ones (`icldiag.model.direct`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from icldiag.analyses.depth.separation import StateAuc, mean_auc, state_auc
from icldiag.analyses.lens import Lens, read_lens, read_lenses
from icldiag.analyses.measures import labelled
from icldiag.analyses.prediction.compute import Predict
from icldiag.analyses.request import Each, Request, Workbench
from icldiag.analyses.result import AnalysisResult
from icldiag.arguments import Index
from icldiag.errors import AnalysisError
from icldiag.indices import query_index
from icldiag.lazy import torch
from icldiag.model.direct import DirectParts, direct_parts
from icldiag.model.edits import on_rows
from icldiag.model.padding import batch_of
from icldiag.model.readout import FloatArray, IntArray, Progress, label_probabilities

_AT_A_TIME = 64  # queries, between two questions whether to go on


@dataclass(frozen=True, repr=False)
class QueryDepth(AnalysisResult):
    """One query: its lens, and what each part writes of its answer's lead over the rival."""

    query: int
    labels: tuple[str, ...]
    answer: int
    rival: int  # the gold label of a wrong answer, of any other the runner-up
    gold: int | None
    lead: float  # nats of the answer over the rival, as it is answered
    lens: Lens
    parts: DirectParts | None
    missing: str  # why there are no parts

    @property
    def leads(self) -> FloatArray:
        """(L + 1,) nats of the answer over the rival, by the lens."""
        return np.asarray(self.lens.scores[:, self.answer] - self.lens.scores[:, self.rival])

    @property
    def probabilities(self) -> FloatArray:
        """(L + 1, C) among the labels."""
        return label_probabilities(self.lens.scores)


@dataclass(frozen=True, repr=False)
class Depth(AnalysisResult):
    """All n queries, C labels."""

    labels: tuple[str, ...]
    gold: tuple[int | None, ...]
    predicted: IntArray  # (n,)
    lenses: tuple[Lens, ...]
    states: StateAuc | None  # None where too few queries are labelled

    @property
    def layers(self) -> int:
        return self.lenses[0].layers

    @property
    def scores(self) -> FloatArray:
        """(n, L + 1, C)"""
        return np.array([lens.scores for lens in self.lenses])

    @property
    def mass(self) -> FloatArray:
        """(L + 1,) probability of the label words' first tokens, mean over queries."""
        return np.asarray(np.mean([lens.mass for lens in self.lenses], axis=0))

    @property
    def spelled(self) -> FloatArray:
        """(L + 1,) the same in any case and spacing."""
        return np.asarray(np.mean([lens.spelled for lens in self.lenses], axis=0))

    @property
    def readable(self) -> FloatArray:
        """(L + 1,) share of the queries whose lens speaks of label words."""
        return np.asarray(np.mean([lens.readable for lens in self.lenses], axis=0))

    @property
    def agreement(self) -> FloatArray:
        """(L + 1,) share of the queries whose leading label is the answer."""
        return np.asarray((self.scores.argmax(-1) == self.predicted[:, None]).mean(0))

    @property
    def accuracy(self) -> FloatArray:
        """(L + 1,) NaN where no gold label is known."""
        places = labelled(self.gold)
        if not places.size:
            return np.full(self.layers + 1, np.nan)
        gold = np.array([self.gold[place] for place in places])
        return np.asarray((self.scores[places].argmax(-1) == gold[:, None]).mean(0))

    @property
    def auc(self) -> FloatArray:
        """(L + 1,) NaN without queries of two gold labels."""
        return mean_auc(self.scores, self.gold)

    @property
    def state_auc(self) -> FloatArray:
        """(L + 1,) NaN where too few queries are labelled."""
        return np.full(self.layers + 1, np.nan) if self.states is None else self.states.auc

    @property
    def right(self) -> NDArray[np.bool_]:
        """(n,) whether the answer is the gold label."""
        return np.array([label == answer for label, answer in zip(self.gold, self.predicted, strict=True)])

    @property
    def wrong(self) -> NDArray[np.bool_]:
        """(n,) whether a gold label is known and is not the answer."""
        return np.array([label is not None for label in self.gold]) & ~self.right

    def probability(self, of: Sequence[int | None] | IntArray, queries: NDArray[np.bool_]) -> FloatArray:
        """(L + 1,) mean probability of one label of each query, over these queries; NaN where there are none."""
        places = np.flatnonzero(queries)
        if not places.size:
            return np.full(self.layers + 1, np.nan)
        rows = [label_probabilities(self.lenses[place].scores)[:, of[place] or 0] for place in places.tolist()]
        return np.asarray(np.mean(rows, axis=0))

    def lead(self, of: Sequence[int | None] | IntArray, queries: NDArray[np.bool_]) -> FloatArray:
        """(L + 1,) mean nats of one label of each query over the best other one; NaN where there are no queries."""
        places = np.flatnonzero(queries).tolist()
        if not places:
            return np.full(self.layers + 1, np.nan)
        scores = [self.lenses[place].scores for place in places]
        rows = [
            one[:, of[at] or 0] - np.delete(one, of[at] or 0, 1).max(1) for one, at in zip(scores, places, strict=True)
        ]
        return np.asarray(np.mean(rows, axis=0))

    @property
    def gold_leads(self) -> dict[str, FloatArray]:
        """By row, of the gold label of right and of wrong answers; of the answer where no label is known."""
        groups = {"right": self.right, "wrong": self.wrong}
        found = {name: self.lead(self.gold, chosen) for name, chosen in groups.items() if chosen.any()}
        return found or {"all": self.lead(self.predicted, np.ones(len(self.lenses), np.bool_))}

    def decided(self, queries: NDArray[np.bool_] | None = None) -> FloatArray:
        """The rows from which on the answers of these queries lead; those that never do by first tokens are left out.

        Args:
            queries: (n,) None for all.
        """
        chosen = range(len(self.lenses)) if queries is None else np.flatnonzero(queries).tolist()
        rows = [self.lenses[query].decided(int(self.predicted[query])) for query in chosen]
        return np.array([row for row in rows if row is not None], dtype=np.float64)


@dataclass(frozen=True)
class ReadDepth(Request[QueryDepth]):
    """One query's lens and the direct shares of its lead: one pass of its own tokens, forth and back."""

    query: Index
    job: ClassVar[str] = "depth"

    def resolved(self, bench: Workbench) -> ReadDepth:
        return replace(self, query=query_index(self.query, len(bench.prompt.queries)))

    def compute(self, bench: Workbench, progress: Progress, each: Each | None) -> QueryDepth:
        prediction = bench.ask(Predict(), progress)
        model, encoded, query = bench.model, bench.encoded, self.query
        answer, rival = int(prediction.predicted[query]), prediction.rival(query)
        ids, prefix = encoded.queries[query].ids, bench.prefix(progress)
        first, second = (encoded.label_tokens[label][0] for label in (answer, rival))
        batch = batch_of([ids], len(prefix.ids), model.device)
        edits = on_rows(bench.beta_edits, [len(ids) - 1], model.device)

        def before_layer(layer: int) -> None:
            progress("depth: layers", layer, model.n_layers)

        parts, missing = None, ""
        try:
            parts, states = direct_parts(
                model, batch, (first, second), context=prefix.key_values, edits=edits, before_layer=before_layer
            )
        except AnalysisError as error:
            missing = str(error)
            with torch.no_grad():
                run = model.run(batch, context=prefix.key_values, edits=edits, keep_inputs=slice(-1, None))
            states = torch.cat([state.to(model.device) for state in run.inputs])
        if first == second:
            parts, missing = None, "the two label words begin with the same token, so nothing tells them apart there"
        return QueryDepth(
            query=query,
            labels=prediction.labels,
            answer=answer,
            rival=rival,
            gold=prediction.gold[query],
            lead=float(prediction.scores[query, answer] - prediction.scores[query, rival]),
            lens=read_lens(model, encoded, query, states),
            parts=parts,
            missing=missing,
        )


@dataclass(frozen=True)
class ReadDepths(Request[Depth]):
    """The lens of every query, from the states that the answers' own pass left; `each` is told a `Depth` so far."""

    job: ClassVar[str] = "depth"

    def compute(self, bench: Workbench, progress: Progress, each: Each | None) -> Depth:
        prediction = bench.ask(Predict(), progress)
        target, count = bench.readout(progress).target, len(prediction)
        assert target is not None  # a bench's readout has it
        lenses: list[Lens] = []
        for start in range(0, count, _AT_A_TIME):
            progress("depth", start, count)
            queries = range(start, min(start + _AT_A_TIME, count))
            states = torch.stack([hidden[start : queries.stop] for hidden in target.inputs])  # (L + 1, n, D)
            lenses += read_lenses(bench.model, bench.encoded, queries, states)
        progress("depth", count, count)
        hidden = [state.float().numpy() for state in target.inputs]
        separated = state_auc(hidden, prediction.gold, prediction.scores)
        return Depth(prediction.labels, prediction.gold, prediction.predicted, tuple(lenses), separated)
