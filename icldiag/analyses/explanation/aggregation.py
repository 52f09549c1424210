"""Evidence: weak aggregation. Did the rival's label word gather its demonstration in the shallow layers?

Observed: the saliency I_l(p_k, j) that flows from a demonstration's own text into its label word, summed over the
shallow half of the layers, against that of the other classes (see `analyses.saliency`). By intervention, in the same
layers: each class's label words are isolated, so that they gather nothing; and the attention of the rival's label words
to the texts of its demonstrations is doubled, A' = 2 A after the softmax, which would mend an answer that failed
because too little was gathered.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from icldiag.analyses.explanation.contest import Contest, Counterfactual, counterfactual
from icldiag.analyses.isolation.compute import isolation_edit
from icldiag.analyses.lab import Inquiry, Lab
from icldiag.analyses.saliency.compute import QueryFlow
from icldiag.lazy import torch
from icldiag.model.attention import Edit

STRENGTH = 2.0  # by which the rival's gathering is multiplied


@dataclass(frozen=True)
class AggregationEvidence:
    """Classes without a demonstration have no numbers. `flow` is None where saliency is undefined."""

    layers: tuple[int, ...]  # the shallow half
    flow: dict[int, float] | None  # by class, mean over its demonstrations
    flow_rank: int | None  # of the rival's among the classes shown, 1 for the weakest
    isolated: dict[int, Counterfactual]  # by class
    doubled: Counterfactual | None


def aggregation_evidence(lab: Lab, contest: Contest, flow: QueryFlow | None) -> Inquiry[AggregationEvidence]:
    """Isolate each class's anchors in the shallow half, and double what flows into the rival's."""
    shown = sorted({demonstration.label_class for demonstration in lab.encoded.demonstrations})
    names = lab.prompt.label_names
    layers = range(max(1, lab.model.n_layers // 2))
    edits = [_isolating(lab, label) for label in shown]
    if contest.rival in shown:
        edits.append(_strengthening(lab, contest.rival))
    query = [lab.prompt.queries[contest.query]]
    answers = yield [lab.question(query, prefix_edits=dict.fromkeys(layers, edit)) for edit in edits]
    isolated = {
        label: counterfactual(contest, f"label words of {names[label]} isolated", scores[0])
        for label, scores in zip(shown, answers, strict=False)
    }
    doubled = None
    if contest.rival in shown:
        doubled = counterfactual(contest, f"text into label words of {names[contest.rival]} doubled", answers[-1][0])
    gathered = None if flow is None else _gathered(lab, flow, len(layers), shown)
    rank = None
    if gathered is not None and contest.rival in gathered:
        rank = 1 + sum(value < gathered[contest.rival] for value in gathered.values())
    return AggregationEvidence(tuple(layers), gathered, rank, isolated, doubled)


def _gathered(lab: Lab, flow: QueryFlow, layers: int, shown: list[int]) -> dict[int, float]:
    found: dict[int, list[float]] = {label: [] for label in shown}
    for index, demonstration in enumerate(lab.encoded.demonstrations):
        into = flow.into_labels[:layers, index, slice(*demonstration.text)]  # (shallow, text tokens)
        found[demonstration.label_class].append(float(into.sum()))
    return {label: float(np.mean(values)) for label, values in found.items()}


def _isolating(lab: Lab, label: int) -> Edit:
    """The label words of a class may not attend to anything before them."""
    spans = [found.label for found in lab.encoded.demonstrations if found.label_class == label]
    return isolation_edit(lab.encoded, spans).to(lab.model.device)


def _strengthening(lab: Lab, label: int) -> Edit:
    """The label words of a class attend twice as much to the texts of its demonstrations, earlier ones included."""
    found = [demonstration for demonstration in lab.encoded.demonstrations if demonstration.label_class == label]
    rows = sorted(row for demonstration in found for row in range(*demonstration.label))
    columns = sorted(column for demonstration in found for column in range(*demonstration.text))
    device = lab.model.device
    factor = torch.ones(lab.model.n_heads, len(lab.encoded.prefix), device=device)
    factor[:, columns] = STRENGTH
    return Edit(torch.tensor(rows, device=device), factor=factor)
