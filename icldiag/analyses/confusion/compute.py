"""Confusable labels: which labels' anchors look alike to the target, and which labels the answers fail to separate.

Predicted side (Wang et al. 2023, section 3.3, arXiv 2305.14160): the label words' key vectors k, all heads of one
layer concatenated, are projected on the principal directions of the target position's query vectors, each direction
scaled by its singular value s,

    khat_i = diag(s) V^T k_i,    distance_ij = |khat_i - khat_j| / max |khat_i - khat_j|,    diagonal 1,

so that a small distance predicts confusion. Measured side: for each pair of classes the ROC-AUC of p_i / p_j
separating the queries whose gold label is i from those whose gold label is j; the ratio factors the label prior out.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from icldiag.analyses.prediction.compute import Predict, Prediction
from icldiag.analyses.request import Each, Request, Workbench
from icldiag.analyses.result import AnalysisResult
from icldiag.counting import counted
from icldiag.errors import AnalysisError
from icldiag.indices import class_index, layer_index
from icldiag.model.readout import FloatArray, Progress
from icldiag.prompt.encoded_prompt import EncodedPrompt

DIRECTIONS = 10  # principal directions kept, as in the paper


@dataclass(frozen=True)
class Pair:
    """Two classes (indices, a < b). Undefined numbers are None."""

    a: int
    b: int
    distance: float | None
    cosine: float | None
    auc: float | None
    errors: int  # queries of one class answered with the other


@dataclass(frozen=True, repr=False)
class Confusion(AnalysisResult):
    """The similarity of C classes' anchors in one layer, beside their measured separation. Undefined cells are NaN."""

    labels: tuple[str, ...]
    layer: int
    distance: FloatArray  # (C, C) in [0, 1], diagonal 1
    cosine: FloatArray  # (C, C) of the raw keys
    auc: FloatArray  # (C, C) symmetric, diagonal 1
    pairs: tuple[Pair, ...]  # closest anchors first; pairs without a distance last
    anchors: tuple[int, ...]  # class of every demonstration
    anchor_distance: FloatArray  # (demonstrations, demonstrations), scaled by its own maximum, diagonal 1
    target_vectors: int  # query vectors that gave the principal directions: targets of the queries ...
    forerunner_vectors: int  # ... and the tokens before the demonstrations' label words
    directions: int
    spearman: float | None  # between distance and AUC over pairs
    spearman_pairs: int
    missing: tuple[str, ...]  # what could not be computed, and why

    def pair(self, a: int, b: int) -> Pair:
        """The pair of two classes, in either order. Raises AnalysisError: there is no such class, or it is one."""
        a, b = (class_index(one, len(self.labels)) for one in (a, b))
        if a == b:
            raise AnalysisError(f"a pair is of two classes, not of {self.labels[a]!r:.80} and itself")
        return next(pair for pair in self.pairs if (pair.a, pair.b) == (min(a, b), max(a, b)))

    def distance_rank(self, pair: Pair) -> int | None:
        """1 for the closest anchors; ties share the better rank."""
        if pair.distance is None:
            return None
        return 1 + sum(other.distance is not None and other.distance < pair.distance for other in self.pairs)

    def auc_rank(self, pair: Pair) -> int | None:
        """1 for the worst separated pair; ties share the better rank."""
        if pair.auc is None:
            return None
        return 1 + sum(other.auc is not None and other.auc < pair.auc for other in self.pairs)

    @property
    def distances(self) -> int:
        """How many pairs have a distance."""
        return sum(pair.distance is not None for pair in self.pairs)

    @property
    def separations(self) -> int:
        """How many pairs have a measured AUC."""
        return sum(pair.auc is not None for pair in self.pairs)


def default_layer(layers: int) -> int:
    """Two thirds of the way up, where the target reads the anchors: layer 32 of 48 in the paper, 8 of 12, 6 of 8."""
    return min(layers - 1, math.ceil(2 * layers / 3))


@dataclass(frozen=True)
class Confuse(Request[Confusion]):
    """The similarity of the label anchors in one layer beside the measured separation. None: two thirds up."""

    layer: int | None = None
    job: ClassVar[str] = "confusion"

    def resolved(self, bench: Workbench) -> Confuse:
        count = bench.model.n_layers
        return Confuse(default_layer(count) if self.layer is None else layer_index(self.layer, count))

    def compute(self, bench: Workbench, progress: Progress, each: Each | None) -> Confusion:
        assert self.layer is not None  # settled
        readout, prefix = bench.readout(progress), bench.prefix(progress)
        assert readout.target_queries is not None  # a bench's readout has them
        return confuse(
            bench.encoded,
            bench.ask(Predict(), progress),
            self.layer,
            bench.model.anchor_keys(prefix, bench.encoded.all_anchors, self.layer),
            readout.target_queries[self.layer],
            prefix.forerunner_queries[self.layer].numpy(),
        )


def confuse(
    encoded: EncodedPrompt,
    prediction: Prediction,
    layer: int,
    anchor_keys: FloatArray,
    target_queries: NDArray[np.floating],
    forerunner_queries: NDArray[np.floating],
) -> Confusion:
    """Compare the classes' anchors in one layer and measure how well the answers separate the classes.

    Args:
        anchor_keys: (demonstrations, H * d), keys of the anchors, heads concatenated; with grouped queries each key
            head is repeated for the query heads that read it.
        target_queries: (n, H * d), unscaled query vectors at the target positions.
        forerunner_queries: (demonstrations or 0, H * d), query vectors of the tokens before the label words: further
            samples where the queries are few.

    Several shots of a class are averaged before distances and cosines are taken.
    """
    labels = prediction.labels
    missing: list[str] = []
    anchors = tuple(demonstration.label_class for demonstration in encoded.demonstrations)
    keys = class_means(anchor_keys, anchors, len(labels))  # (C, H * d), NaN without a demonstration
    vectors = np.concatenate([target_queries, forerunner_queries]).astype(np.float64)
    projection = principal_projection(vectors)  # (H * d, directions)
    distance = scaled_distances(keys @ projection)
    absent = [labels[i] for i in range(len(labels)) if i not in anchors]
    if absent:
        missing.append(f"no distance for {', '.join(absent)}: no demonstration shows it")
    if projection.shape[1] == 0:
        missing.append("no distances: the principal directions need at least two different query vectors")
    elif np.isnan(distance).all():
        missing.append("no distances: all anchors have the same key")
    elif len(labels) == 2:
        missing.append("two classes have one distance, which is 1 by its scaling: look at the cosine instead")
    auc = pairwise_auc(prediction)
    if not prediction.labelled:
        missing.append("no measured separation: no query has a gold label")
    elif np.isnan(auc).any():
        present = {prediction.gold[query] for query in prediction.labelled}
        lacking = [labels[i] for i in range(len(labels)) if i not in present]
        missing.append(f"no measured separation for {', '.join(lacking)}: no query has it as gold label")
    cosine = _cosines(keys)
    pairs = _pairs(prediction, distance, cosine, auc)
    spearman, count = _spearman(pairs)
    if spearman is None and count:
        missing.append(f"no rank correlation: {counted(count, 'pair')} with both numbers, or no spread")
    return Confusion(
        labels=labels,
        layer=layer,
        distance=distance,
        cosine=cosine,
        auc=auc,
        pairs=pairs,
        anchors=anchors,
        anchor_distance=scaled_distances(anchor_keys.astype(np.float64) @ projection),
        target_vectors=len(target_queries),
        forerunner_vectors=len(forerunner_queries),
        directions=projection.shape[1],
        spearman=spearman,
        spearman_pairs=count,
        missing=tuple(missing),
    )


def principal_projection(vectors: FloatArray, directions: int = DIRECTIONS) -> FloatArray:
    """Principal directions of the centred rows, as columns, each scaled by its singular value: (width, directions)."""
    centred = vectors - vectors.mean(axis=0)
    _, singular, components = np.linalg.svd(centred, full_matrices=False)
    scale = np.abs(vectors).max(initial=0.0)
    kept = min(directions, int((singular > 1e-9 * max(scale, 1e-30)).sum()))
    return np.asarray(components[:kept].T * singular[:kept])


def scaled_distances(points: FloatArray) -> FloatArray:
    """Euclidean distances divided by the largest, diagonal 1; all NaN where the largest is 0."""
    raw = np.linalg.norm(points[:, None] - points[None, :], axis=-1)
    if points.shape[1] == 0:
        raw = np.full_like(raw, np.nan)
    largest = np.nanmax(raw, initial=0.0)
    scaled = raw / largest if largest > 0 else np.full_like(raw, np.nan)
    undefined = np.isnan(raw).all(axis=1)
    np.fill_diagonal(scaled, np.where(undefined | (largest == 0), np.nan, 1.0))
    return np.asarray(scaled)


def roc_auc(positive: Sequence[float] | FloatArray, negative: Sequence[float] | FloatArray) -> float:
    """Chance that a positive score exceeds a negative one, ties counting half; NaN where a side is empty."""
    n, m = len(positive), len(negative)
    if n == 0 or m == 0:
        return math.nan
    from scipy.stats import rankdata  # slow to import, and results are read without it

    ranks = rankdata(np.concatenate([positive, negative]))
    return float((ranks[:n].sum() - n * (n + 1) / 2) / (n * m))


def pairwise_auc(prediction: Prediction) -> FloatArray:
    """(C, C) ROC-AUC of p_i / p_j between gold-i and gold-j queries; NaN without queries of both."""
    classes = len(prediction.labels)
    auc = np.full((classes, classes), np.nan)
    np.fill_diagonal(auc, 1.0)
    gold = np.array([-1 if label is None else label for label in prediction.gold])
    with np.errstate(divide="ignore"):
        logs = np.log(prediction.probabilities)
    for i, j in combinations(range(classes), 2):
        ratio = logs[:, i] - logs[:, j]  # the logarithm keeps the order and cannot overflow
        auc[i, j] = auc[j, i] = roc_auc(ratio[gold == i], ratio[gold == j])
    return auc


def class_means(keys: FloatArray, anchors: Sequence[int], classes: int) -> FloatArray:
    """Mean key of each class's anchors, (C, H * d); NaN without a demonstration."""
    means = np.full((classes, keys.shape[1]), np.nan)
    for label in set(anchors):
        means[label] = keys[[i for i, of in enumerate(anchors) if of == label]].mean(axis=0)
    return means


def _cosines(keys: FloatArray) -> FloatArray:
    norms = np.linalg.norm(keys, axis=1, keepdims=True)
    with np.errstate(invalid="ignore", divide="ignore"):
        unit = keys / norms
    return np.asarray(unit @ unit.T)


def _pairs(prediction: Prediction, distance: FloatArray, cosine: FloatArray, auc: FloatArray) -> tuple[Pair, ...]:
    counts = prediction.counts
    pairs = [
        Pair(a, b, _number(distance[a, b]), _number(cosine[a, b]), _number(auc[a, b]), int(counts[a, b] + counts[b, a]))
        for a, b in combinations(range(len(prediction.labels)), 2)
    ]
    return tuple(sorted(pairs, key=lambda pair: (pair.distance is None, pair.distance or 0.0)))


def _number(value: float) -> float | None:
    return None if np.isnan(value) else float(value)


def _spearman(pairs: Sequence[Pair]) -> tuple[float | None, int]:
    both = [(pair.distance, pair.auc) for pair in pairs if pair.distance is not None and pair.auc is not None]
    if len(both) < 3 or len({d for d, _ in both}) < 2 or len({a for _, a in both}) < 2:
        return None, len(both)
    from scipy.stats import spearmanr

    distances, aucs = zip(*both, strict=True)
    return float(spearmanr(distances, aucs).statistic), len(both)
