"""`python -m benchmarks.anchor_measures FOLDER [--seeds 100-109]`: which measure of anchors predicts mix-ups?

Reads what `benchmarks.anchors` wrote. Every measure gives a matrix of distances between the classes of a draw, from
what the target could see of their anchors; its Spearman correlation with the pairwise AUC is taken over pairs. Printed
in Markdown: the mean over the draws of a set with a bootstrap interval, and the mean over the sets.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from functools import cached_property
from pathlib import Path

import numpy as np

from icldiag.analyses.confusion.distances import class_means, principal_projection
from icldiag.analyses.confusion.layer import default_layer, paper_layer
from icldiag.analyses.confusion.mantel import correlation, pooled_mantel
from icldiag.analyses.confusion.separation import separation
from icldiag.analyses.extraction.compute import aucroc_of_layers
from icldiag.model.readout import FloatArray

Distances = Callable[["Draw", int], FloatArray]  # of one layer, (C, C)


class Draw:
    """One file."""

    def __init__(self, path: Path) -> None:
        self.name, _, seed = path.stem.rpartition("-")
        self.seed = int(seed)
        with np.load(path) as file:
            self.of = {name: file[name] for name in file.files}
        self.classes = self.of["scores"].shape[1]
        self.layers = len(self.of["keys"])
        self.heads = self.of["attention"].shape[2]
        self.predicted = self.of["scores"].argmax(1)
        self.auc = separation(self.of["scores"], self.of["gold"])
        owner = np.eye(self.classes)[self.of["anchors"]]  # (D, C)
        self.by_head = self.of["attention"].astype(np.float64) @ owner  # (L, n, H, C)
        self.aucroc = np.array(
            [
                np.nan if v is None else v
                for v in aucroc_of_layers(self.by_head.sum(2).transpose(1, 0, 2), self.predicted)
            ]
        )

    @cached_property
    def default(self) -> int:
        return default_layer([None if np.isnan(v) else v for v in self.aucroc], self.predicted).layer

    def means(self, what: str, layer: int) -> FloatArray:
        """Of the classes' anchors: (C, H * d)."""
        return class_means(self.of[what][layer].astype(np.float64), self.of["anchors"].tolist(), self.classes)

    def vectors(self, free: str, layer: int) -> FloatArray:
        """The query vectors of targets and forerunners."""
        parts = [self.of[f"{free}{name}"][layer] for name in ("queries", "forerunners")]
        return np.concatenate(parts).astype(np.float64)


# ---- measures of one layer -------------------------------------------------------------------------------------------


def projected(free: str = "", directions: int = 10) -> Distances:
    """The paper's: keys on the principal directions of the query vectors."""

    def distances(draw: Draw, layer: int) -> FloatArray:
        points = draw.means(f"{free}keys", layer) @ principal_projection(draw.vectors(free, layer), directions)
        return scaled(np.linalg.norm(points[:, None] - points[None], axis=-1))

    return distances


def cosines(what: str) -> Distances:
    def distances(draw: Draw, layer: int) -> FloatArray:
        points = draw.means(what, layer)
        points = points - points.mean(0)
        unit = points / np.linalg.norm(points, axis=1, keepdims=True)
        return np.asarray(1 - unit @ unit.T)

    return distances


def profile(free: str = "") -> Distances:
    """Over the queries, how alike q.k of two anchors go up and down: 1 - correlation, heads weighed by variance."""

    def distances(draw: Draw, layer: int) -> FloatArray:
        keys = draw.means(f"{free}keys", layer).reshape(draw.classes, draw.heads, -1)
        queries = draw.of[f"{free}queries"][layer].astype(np.float64)
        scores = np.einsum("nhd,chd->hnc", queries.reshape(len(queries), draw.heads, -1), keys)
        centred = scores - scores.mean(1, keepdims=True)
        covariance = np.einsum("hnc,hne->ce", centred, centred)
        return correlation_distance(covariance)

    return distances


def relative_profile(free: str = "") -> Distances:
    """The same of what each anchor's score is above the mean of the anchors, which is what the softmax sees."""

    def distances(draw: Draw, layer: int) -> FloatArray:
        keys = draw.means(f"{free}keys", layer)
        keys = (keys - keys.mean(0)).reshape(draw.classes, draw.heads, -1)
        queries = draw.of[f"{free}queries"][layer].astype(np.float64)
        scores = np.einsum("nhd,chd->hnc", queries.reshape(len(queries), draw.heads, -1), keys)
        return correlation_distance(np.einsum("hnc,hne->ce", *[scores - scores.mean(1, keepdims=True)] * 2))

    return distances


def attention_profile(draw: Draw, layer: int) -> FloatArray:
    """Over the queries, how alike the shares of attention of two classes go up and down."""
    attention = draw.by_head[layer].sum(1)  # (n, C)
    share = attention / attention.sum(1, keepdims=True)
    return correlation_distance(np.cov(share.T))


def attention_profile_by_head(draw: Draw, layer: int) -> FloatArray:
    attention = draw.by_head[layer].transpose(1, 0, 2)  # (H, n, C)
    centred = attention - attention.mean(1, keepdims=True)
    return correlation_distance(np.einsum("hnc,hne->ce", centred, centred))


def attention_swap(draw: Draw, layer: int) -> FloatArray:
    """What the label gets from queries that are answered with the other, against what it gets from its own."""
    share = draw.by_head[layer].sum(1)
    share = share / share.sum(1, keepdims=True)
    means = np.full((draw.classes, draw.classes), np.nan)
    for label in set(draw.predicted.tolist()):
        means[label] = share[draw.predicted == label].mean(0)
    if np.isnan(means).any():
        means = np.where(np.isnan(means), np.nanmean(means, 0, keepdims=True), means)
    return scaled(np.linalg.norm(means[:, None] - means[None], axis=-1))


def of_label_heads(free: str = "", share: float = 0.5) -> Distances:
    """The paper's, of those heads alone that have half of the layer's attention to label words."""

    def distances(draw: Draw, layer: int) -> FloatArray:
        weight = draw.by_head[layer].sum(2).mean(0)  # (H,)
        order = np.argsort(-weight)
        kept = order[: 1 + int(np.searchsorted(np.cumsum(weight[order]), share * weight.sum()))]
        keys = draw.means(f"{free}keys", layer).reshape(draw.classes, draw.heads, -1)[:, kept].reshape(draw.classes, -1)
        vectors = draw.vectors(free, layer)
        vectors = vectors.reshape(len(vectors), draw.heads, -1)[:, kept].reshape(len(vectors), -1)
        points = keys @ principal_projection(vectors)
        return scaled(np.linalg.norm(points[:, None] - points[None], axis=-1))

    return distances


def scaled(distances: FloatArray) -> FloatArray:
    return np.asarray(distances / distances.max())


def correlation_distance(covariance: FloatArray) -> FloatArray:
    deviation = np.sqrt(np.maximum(np.diag(covariance), 1e-30))
    return np.asarray(1 - covariance / deviation[:, None] / deviation)


# ---- layers ----------------------------------------------------------------------------------------------------------


def at_default(measure: Distances) -> Callable[[Draw], FloatArray]:
    return lambda draw: measure(draw, draw.default)


def at_paper(measure: Distances) -> Callable[[Draw], FloatArray]:
    return lambda draw: measure(draw, paper_layer(draw.layers))


def over_upper_half(measure: Distances) -> Callable[[Draw], FloatArray]:
    return lambda draw: np.mean([measure(draw, layer) for layer in range(draw.layers // 2, draw.layers)], axis=0)


def weighted(measure: Distances, power: float = 1.0) -> Callable[[Draw], FloatArray]:
    """Layers weighted by AUCROC above chance."""

    def distances(draw: Draw) -> FloatArray:
        weights = np.nan_to_num(np.maximum(draw.aucroc - 0.5, 0)) ** power
        if not weights.any():
            return measure(draw, draw.default)
        return np.asarray(sum(w * measure(draw, layer) for layer, w in enumerate(weights) if w) / weights.sum())

    return distances


MEASURES: dict[str, Callable[[Draw], FloatArray]] = {
    "paper's, two thirds up": at_paper(projected()),
    "paper's, AUCROC layer": at_default(projected()),
    "paper's, upper half": over_upper_half(projected()),
    "paper's, AUCROC weights": weighted(projected()),
    "paper's, AUCROC weights squared": weighted(projected(), 2),
    "free, two thirds up": at_paper(projected("free_")),
    "free, AUCROC layer": at_default(projected("free_")),
    "free, upper half": over_upper_half(projected("free_")),
    "free, AUCROC weights": weighted(projected("free_")),
    "free, AUCROC weights squared": weighted(projected("free_"), 2),
    "label heads, AUCROC layer": at_default(of_label_heads()),
    "label heads free, AUCROC layer": at_default(of_label_heads("free_")),
    "label heads free, AUCROC weights": weighted(of_label_heads("free_")),
    "cosine of keys, AUCROC layer": at_default(cosines("keys")),
    "cosine of free keys, AUCROC layer": at_default(cosines("free_keys")),
    "cosine of free keys, AUCROC weights": weighted(cosines("free_keys")),
    "cosine of values, AUCROC layer": at_default(cosines("values")),
    "cosine of values, AUCROC weights": weighted(cosines("values")),
    "score profile, AUCROC layer": at_default(profile()),
    "score profile free, AUCROC layer": at_default(profile("free_")),
    "score profile, AUCROC weights": weighted(profile()),
    "relative profile, AUCROC layer": at_default(relative_profile()),
    "relative profile free, AUCROC layer": at_default(relative_profile("free_")),
    "relative profile, AUCROC weights": weighted(relative_profile()),
    "attention profile, AUCROC layer": at_default(attention_profile),
    "attention profile, AUCROC weights": weighted(attention_profile),
    "attention profile by head, AUCROC layer": at_default(attention_profile_by_head),
    "attention by answer, AUCROC layer": at_default(attention_swap),
}


COMPARED = [
    ("paper's, AUCROC layer", "paper's, two thirds up"),
    ("free, two thirds up", "paper's, two thirds up"),
    ("free, AUCROC layer", "paper's, two thirds up"),
    ("free, AUCROC layer", "paper's, AUCROC layer"),
    ("label heads, AUCROC layer", "paper's, AUCROC layer"),
    ("label heads free, AUCROC layer", "free, AUCROC layer"),
    ("free, AUCROC weights squared", "free, AUCROC layer"),
    ("attention by answer, AUCROC layer", "free, AUCROC layer"),
    ("attention profile, AUCROC layer", "free, AUCROC layer"),
]


def draws(folder: Path, first: int, last: int) -> Iterator[Draw]:
    for path in sorted(folder.glob("*.npz")):
        if first <= int(path.stem.rpartition("-")[2]) <= last:
            yield Draw(path)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seeds", default="0-999")
    parser.add_argument("--p", action="store_true", help="pooled Mantel p besides")
    arguments = parser.parse_args()
    first, _, last = arguments.seeds.partition("-")
    found: dict[str, dict[str, list[tuple[FloatArray, FloatArray]]]] = {}
    for draw in draws(arguments.folder, int(first), int(last)):
        for name, measure in MEASURES.items():
            found.setdefault(draw.name, {}).setdefault(name, []).append((measure(draw), draw.auc))
    sets = list(found)
    counts = [len(found[one][next(iter(MEASURES))]) for one in sets]
    print("| measure |", " | ".join(f"{one} ({count})" for one, count in zip(sets, counts, strict=True)), "| mean |")
    print("| --- |", " --- |" * (len(sets) + 1))
    for name in MEASURES:
        rhos = [np.array([r for pair in found[one][name] if (r := correlation(*pair)) is not None]) for one in sets]
        cells = [interval(values) for values in rhos]
        if arguments.p:
            tests = [pooled_mantel(found[one][name]) for one in sets]
            cells = [f"{cell} p {test.p:.3f}" for cell, test in zip(cells, tests, strict=True) if test]
        random = np.random.default_rng(0)
        means = np.mean([random.choice(values, (4000, len(values))).mean(1) for values in rhos], axis=0)
        low, high = np.quantile(means, (0.025, 0.975))
        whole = float(np.mean([values.mean() for values in rhos]))
        print(f"| {name} |", " | ".join(cells), f"| {whole:+.2f} ({low:+.2f} to {high:+.2f}) |", flush=True)
    print()
    for one, other in COMPARED:
        print(compare(found, one, other))


def compare(found: dict[str, dict[str, list[tuple[FloatArray, FloatArray]]]], first: str, second: str) -> str:
    """By how much the first measure's correlations are above the second's, draw by draw; the mean over the sets."""
    differences = []
    for measures in found.values():
        pairs = zip(measures[first], measures[second], strict=True)
        both = [(correlation(*one), correlation(*other)) for one, other in pairs]
        differences.append(np.array([a - b for a, b in both if a is not None and b is not None]))
    random = np.random.default_rng(0)
    means = np.mean([random.choice(values, (4000, len(values))).mean(1) for values in differences], axis=0)
    low, high = np.quantile(means, (0.025, 0.975))
    mean = float(np.mean([values.mean() for values in differences]))
    better = int(sum((values > 0).sum() for values in differences))
    draws = sum(map(len, differences))
    return f"{first} above {second}: {mean:+.2f} ({low:+.2f} to {high:+.2f}), {better} of {draws} draws"


def interval(values: FloatArray) -> str:
    low, high = np.quantile(np.random.default_rng(0).choice(values, (4000, len(values))).mean(1), (0.025, 0.975))
    return f"{values.mean():+.2f} ({low:+.2f} to {high:+.2f})"


if __name__ == "__main__":
    main()
