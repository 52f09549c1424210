"""Confusable labels: which labels' anchors look alike to the target, and which labels the scores fail to separate.

Predicted side (Wang et al. 2023, section 3.3, arXiv 2305.14160): the distance of the classes' anchors in one layer, see
`distances`; a small one is to predict confusion. Measured side: for each pair of classes the ROC-AUC of p_i / p_j
separating the queries whose gold label is i from those whose gold label is j; the ratio factors the label prior out.
Whether the one predicts the other is tested, see `mantel`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import combinations
from typing import ClassVar

import numpy as np

from icldiag.analyses.confusion.distances import class_means, cosines, principal_projection, scaled_distances
from icldiag.analyses.confusion.layer import DefaultLayer, layer_of
from icldiag.analyses.confusion.mantel import Mantel, mantel
from icldiag.analyses.confusion.separation import pairwise_auc
from icldiag.analyses.prediction.compute import Predict, Prediction
from icldiag.analyses.request import Each, Request, Workbench
from icldiag.analyses.result import AnalysisResult
from icldiag.arguments import Index
from icldiag.counting import counted
from icldiag.errors import AnalysisError
from icldiag.indices import class_index, layer_index
from icldiag.model.anchors import KEYS, Keys, LayerVectors, layer_vectors
from icldiag.model.readout import FloatArray, Progress
from icldiag.prompt.encoded_prompt import EncodedPrompt


@dataclass(frozen=True)
class Pair:
    """Two classes (indices, a < b). Undefined numbers are None."""

    a: int
    b: int
    distance: float | None  # None too where it is the only one, which is 1 by its scaling
    cosine: float | None
    auc: float | None
    queries: tuple[int, int]  # whose gold label is a, is b
    mistaken: tuple[int, int]  # queries of a that are answered b, of b that are answered a

    @property
    def errors(self) -> int:
        """Queries of one class answered with the other."""
        return sum(self.mistaken)


@dataclass(frozen=True, repr=False)
class Confusion(AnalysisResult):
    """The similarity of C classes' anchors in one layer, beside their measured separation. Undefined cells are NaN."""

    labels: tuple[str, ...]
    layer: int
    default: DefaultLayer  # the layer where none is named
    keys: Keys  # as the target attends to them, or without their positions
    placed: bool  # whether position_free keys differ from those as attended: else the model turns none by positions
    distance: FloatArray  # (C, C) in [0, 1], diagonal 1
    cosine: FloatArray  # (C, C) of the raw keys
    auc: FloatArray  # (C, C) symmetric, diagonal 1
    pairs: tuple[Pair, ...]  # closest anchors first; pairs without a distance last
    anchors: tuple[int, ...]  # class of every demonstration
    anchor_distance: FloatArray  # (demonstrations, demonstrations), scaled by its own maximum, diagonal 1
    target_vectors: int  # query vectors that gave the principal directions: targets of the queries ...
    forerunner_vectors: int  # ... and the tokens before the demonstrations' label words
    directions: int
    mantel: Mantel | None  # whether a small distance predicts a small AUC
    missing: tuple[str, ...]  # what could not be computed, and why

    @property
    def spearman(self) -> float | None:
        """Between distance and AUC over pairs; None where undefined."""
        return None if self.mantel is None else self.mantel.spearman

    @property
    def spearman_pairs(self) -> int:
        """How many pairs have both numbers."""
        return sum(pair.distance is not None and pair.auc is not None for pair in self.pairs)

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
        """1 for the worst separated pair; ties share the better rank. None where all pairs are separated alike."""
        if pair.auc is None or len({other.auc for other in self.pairs} - {None}) == 1:
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


@dataclass(frozen=True)
class Confuse(Request[Confusion]):
    """The similarity of the label anchors in one layer beside the measured separation. None: see `default_layer`."""

    layer: Index | None = None
    keys: Keys = KEYS
    job: ClassVar[str] = "confusion"
    of_demonstrations: ClassVar[bool] = True

    def resolved(self, bench: Workbench) -> Confuse:
        return self if self.layer is None else replace(self, layer=layer_index(self.layer, bench.facts.n_layers))

    def compute(self, bench: Workbench, progress: Progress, each: Each | None) -> Confusion:
        readout, prefix = bench.readout(progress), bench.prefix(progress)
        assert readout.target is not None  # a bench's readout has it
        default = layer_of(readout)
        if self.layer is None:
            return bench.ask(replace(self, layer=default.layer), progress)
        vectors = layer_vectors(bench.model, bench.encoded, prefix, readout.target, self.layer, self.keys)
        return confuse(bench.encoded, bench.ask(Predict(), progress), self.layer, vectors, default, self.keys)


def confuse(
    encoded: EncodedPrompt,
    prediction: Prediction,
    layer: int,
    vectors: LayerVectors,
    default: DefaultLayer,
    keys: Keys = "as_attended",
) -> Confusion:
    """Compare the classes' anchors in one layer and measure how well the scores separate the classes.

    Several shots of a class are averaged before distances and cosines are taken.

    Args:
        vectors: the keys of the anchors, and the query vectors that they are seen by: those of the targets, and of the
            forerunners, further samples where the queries are few.
        default: the layer where none is named.
        keys: how `vectors` were taken.
    """
    anchors = tuple(demonstration.label_class for demonstration in encoded.demonstrations)
    means = class_means(vectors.keys, anchors, len(prediction.labels))  # (C, H * d), NaN without a demonstration
    seen_by = np.concatenate([vectors.targets, vectors.forerunners]).astype(np.float64)
    projection = principal_projection(seen_by)  # (H * d, directions)
    distance = scaled_distances(means @ projection)
    cosine, auc = cosines(means), pairwise_auc(prediction)
    return Confusion(
        labels=prediction.labels,
        layer=layer,
        default=default,
        keys=keys,
        placed=vectors.placed,
        distance=distance,
        cosine=cosine,
        auc=auc,
        pairs=_pairs(prediction, distance, cosine, auc),
        anchors=anchors,
        anchor_distance=scaled_distances(vectors.keys @ projection),
        target_vectors=len(vectors.targets),
        forerunner_vectors=len(vectors.forerunners),
        directions=projection.shape[1],
        mantel=mantel(distance, auc),
        missing=tuple(_missing(prediction, anchors, projection.shape[1], distance, auc)),
    )


def _missing(
    prediction: Prediction, anchors: tuple[int, ...], directions: int, distance: FloatArray, auc: FloatArray
) -> Iterator[str]:
    """What is undefined, and why."""
    labels = prediction.labels
    absent = [label for index, label in enumerate(labels) if index not in anchors]
    if absent:
        yield f"no distance for {', '.join(absent)}: no demonstration shows {'it' if len(absent) == 1 else 'them'}"
    if directions == 0:
        yield "no distances: the principal directions need at least two different query vectors"
    elif np.isnan(distance).all():
        alone = len(set(anchors)) == 1
        yield f"no distances: {'one label alone is shown' if alone else 'all anchors have the same key'}"
    elif _defined(distance) == 1:
        yield "two labels have one distance, which is 1 by its scaling: look at the cosine instead"
    if not prediction.labelled:
        yield "no measured separation: no query has a gold label"
    elif np.isnan(auc).any():
        asked = {prediction.gold[query] for query in prediction.labelled}
        lacking = [label for index, label in enumerate(labels) if index not in asked]
        which = "it" if len(lacking) == 1 else "one of them"
        yield f"no measured separation for {', '.join(lacking)}: no query has {which} as its gold label"
    both = _defined(distance + auc)
    if 0 < both < 3:
        yield f"no rank correlation: only {counted(both, 'pair')} of labels with both a distance and an AUC"
    elif both and mantel(distance, auc) is None:
        yield f"no rank correlation: all {counted(both, 'pair')} of labels have the same distance, or the same AUC"


def _defined(matrix: FloatArray) -> int:
    """How many pairs of classes have a number."""
    return int(np.isfinite(matrix[np.triu_indices(len(matrix), 1)]).sum())


def _pairs(prediction: Prediction, distance: FloatArray, cosine: FloatArray, auc: FloatArray) -> tuple[Pair, ...]:
    counts = prediction.counts
    asked = counts.sum(axis=1)
    alone = _defined(distance) == 1
    pairs = [
        Pair(
            a,
            b,
            None if alone else _number(distance[a, b]),
            _number(cosine[a, b]),
            _number(auc[a, b]),
            (int(asked[a]), int(asked[b])),
            (int(counts[a, b]), int(counts[b, a])),
        )
        for a, b in combinations(range(len(prediction.labels)), 2)
    ]
    return tuple(sorted(pairs, key=lambda pair: (pair.distance is None, pair.distance or 0.0)))


def _number(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
