"""Evidence: weak aggregation. Did the rival's label word gather its demonstration in the shallow layers?

Observed: the saliency I_l(p_k, j) that flows from a demonstration's own text into its label word, summed over the
shallow half of the layers, against that of the other classes (see `analyses.saliency`). By intervention, in the same
layers: the attention of the rival's label words to the texts of its demonstrations is doubled, A' = 2 A after the
softmax, which would mend an answer that failed because too little was gathered.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from icldiag.analyses.contest import Contest, Counterfactual
from icldiag.analyses.explanation.factors import Factor, neutralised, run_of
from icldiag.analyses.lab import Inquiry, Lab
from icldiag.analyses.saliency.compute import QueryFlow


@dataclass(frozen=True)
class AggregationEvidence:
    """Classes without a demonstration have no numbers. `flow` is None where saliency is undefined."""

    layers: tuple[int, ...]  # the shallow half
    flow: dict[int, float] | None  # by class, mean over its demonstrations
    flow_rank: int | None  # of the rival's among the classes shown, 1 for the weakest
    doubled: Counterfactual | None  # None where the rival has no demonstration


def doubling(lab: Lab, contest: Contest) -> Factor | None:
    """The rival gathers twice as much; None where it has no demonstration."""
    if all(demonstration.label_class != contest.rival for demonstration in lab.encoded.demonstrations):
        return None
    name = lab.prompt.label_names[contest.rival]
    return Factor("aggregation", f"text into label words of {name} doubled", doubled=True)


def aggregation_evidence(lab: Lab, contest: Contest, flow: QueryFlow | None) -> Inquiry[AggregationEvidence]:
    """Double what flows into the rival's label words."""
    shown = sorted({demonstration.label_class for demonstration in lab.encoded.demonstrations})
    layers = range(max(1, lab.model.n_layers // 2))
    factor, doubled = doubling(lab, contest), None
    if factor is not None:
        (rows,) = yield [neutralised(lab, contest, [factor], [lab.prompt.queries[contest.query]])]
        doubled = run_of(lab, contest, factor, rows)
    gathered = None if flow is None else _gathered(lab, flow, len(layers), shown)
    rank = None
    if gathered is not None and contest.rival in gathered:
        rank = 1 + sum(value < gathered[contest.rival] for value in gathered.values())
    return AggregationEvidence(tuple(layers), gathered, rank, doubled)


def _gathered(lab: Lab, flow: QueryFlow, layers: int, shown: list[int]) -> dict[int, float]:
    found: dict[int, list[float]] = {label: [] for label in shown}
    for index, demonstration in enumerate(lab.encoded.demonstrations):
        into = flow.into_labels[:layers, index, demonstration.text_positions]  # (shallow, text tokens)
        found[demonstration.label_class].append(float(into.sum()))
    return {label: float(np.mean(values)) for label, values in found.items()}
