"""The section on confusable labels."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from pydantic import Field

from icldiag.analyses.analysis import Analysis, Context, Fields, Section, SectionFields
from icldiag.analyses.confusion.compute import Confuse, Confusion
from icldiag.analyses.confusion.reading import about_keys, about_layer, about_test, reading, reading_of_query
from icldiag.analyses.request import Workbench
from icldiag.counting import counted
from icldiag.model.anchors import Keys
from icldiag.model.readout import FloatArray, Progress
from icldiag.page.blocks import Block, Cell, Figure, Heading, Items, Paragraph, Table, notes
from icldiag.page.figures import heatmap, scatter

Matrix = list[list[float | None]]


class PairFields(Fields):
    labels: tuple[str, str]
    distance: float | None
    cosine: float | None
    auc: float | None
    errors: int = Field(description="Queries of the one class that were answered with the other.")
    queries: tuple[int, int] | None = Field(None, description="Whose gold label is the first, the second.")
    mistaken: tuple[int, int] | None = Field(
        None, description="Queries of the first that were answered with the second, and the other way."
    )


class DefaultLayerFields(Fields):
    layer: int
    aucroc: float | None = Field(description="Of the target's attention there; null where it is two thirds up.")
    reason: str


class MantelFields(Fields):
    p: float = Field(description="Share of the orders of the classes whose correlation is at least as large.")
    least: float = Field(description="The smallest p that can be had with so few classes.")
    classes: int
    interval: tuple[float, float] | None = Field(description="95 %, of the correlation, leaving out each class.")
    predicts: bool = Field(description="Whether p is at most 0.05, and the correlation above 0.")


class ConfusionFields(SectionFields):
    layer: int
    keys: Keys | None = Field(None, description="As the target attends to them, or without their positions.")
    default_layer: DefaultLayerFields | None = Field(None, description="The layer where none is named, and why.")
    query_vectors: int = Field(description="target_vectors + forerunner_vectors")
    target_vectors: int
    forerunner_vectors: int
    directions: int = Field(description="Principal directions that the keys are projected on.")
    distance: Matrix = Field(description="Of the classes' anchors, scaled to a maximum of 1; the diagonal is 1.")
    cosine: Matrix
    auc: Matrix = Field(description="ROC-AUC of p(row) / p(column) between queries of the two gold labels.")
    pairs: list[PairFields] = Field(description="Closest anchors first.")
    spearman: float | None = Field(description="Rank correlation of distance and AUC over pairs.")
    spearman_pairs: int
    mantel: MantelFields | None = Field(None, description="The test of that correlation; null where undefined.")
    anchor_distance: Matrix = Field(description="Demonstration by demonstration.")
    missing: list[str] = Field(description="What is undefined, and why.")


def values(result: Confusion) -> dict[str, Any]:
    """The section's JSON values."""
    return {
        "layer": result.layer,
        "keys": result.keys,
        "default_layer": {
            "layer": result.default.layer,
            "aucroc": result.default.aucroc,
            "reason": result.default.reason,
        },
        "query_vectors": result.target_vectors + result.forerunner_vectors,
        "target_vectors": result.target_vectors,
        "forerunner_vectors": result.forerunner_vectors,
        "directions": result.directions,
        "distance": result.distance,
        "cosine": result.cosine,
        "auc": result.auc,
        "pairs": [
            {
                "labels": [result.labels[pair.a], result.labels[pair.b]],
                "distance": pair.distance,
                "cosine": pair.cosine,
                "auc": pair.auc,
                "errors": pair.errors,
                "queries": pair.queries,
                "mistaken": pair.mistaken,
            }
            for pair in result.pairs
        ],
        "spearman": result.spearman,
        "spearman_pairs": result.spearman_pairs,
        "mantel": None
        if result.mantel is None
        else {
            "p": result.mantel.p,
            "least": result.mantel.least,
            "classes": result.mantel.classes,
            "interval": result.mantel.interval,
            "predicts": result.mantel.predicts,
        },
        "anchor_distance": result.anchor_distance,
        "missing": result.missing,
    }


def blocks(result: Confusion, context: Context | None = None) -> list[Block]:
    """Both matrices, the ranked pairs and a reading of each wrong query."""
    vectors = f"{counted(result.target_vectors, 'target')} and {counted(result.forerunner_vectors, 'forerunner')}"
    distance = f"Distance of the label anchors' keys in layer {result.layer}; 1 is the farthest pair."
    auc = "Separation measured: ROC-AUC of p(row) / p(column); 1 is perfect, 0.5 is chance."
    shown: list[Block] = [
        Paragraph(
            f"Keys are compared along {counted(result.directions, 'principal direction')} of the query vectors of "
            f"{vectors}. The paper (3.3) takes a small distance for a sign of confusion. {about_layer(result)} "
            f"{about_keys(result)}"
        )
    ]
    dark = "Small numbers are dark."
    if result.distances:
        picture = partial(heatmap, result.distance, result.labels, dark="low", diagonal=False)
        shown.append(Figure("distance", f"{distance} {dark}", picture))
    if result.separations:
        picture = partial(heatmap, result.auc, result.labels, dark="low", diagonal=False, low=0.5)
        shown.append(Figure("auc", f"{auc} {dark}", picture))
    both = [(pair.distance, pair.auc, pair.errors) for pair in result.pairs if None not in (pair.distance, pair.auc)]
    if result.spearman is not None:
        caption = f"Each point is a pair of labels. {about_test(result.mantel)}{_interval(result)}"
        points = [(float(d or 0), float(a or 0)) for d, a, _ in both]
        shown.append(Figure("pairs", caption, lambda: scatter(points, "distance of anchors", "separation (AUC)")))
    if result.distances:
        shown.append(_matrix("distance", distance, result, result.distance))
    shown.append(_matrix("auc", auc, result, result.auc))
    shown.append(_matrix("cosine", "Cosine of the raw keys.", result, result.cosine, aside=True))
    shown += notes(result.missing)
    shown += [Heading("Pairs, closest anchors first"), _pairs(result)]
    if context is not None and context.prediction.wrong:
        prediction = context.prediction
        shown.append(Heading("What this says about the wrong queries"))
        readings = [
            f"“{prediction.texts[query]}” {reading_of_query(result, prediction, query)}"
            for query in prediction.wrong[:20]
        ]
        shown.append(Items(tuple(readings)))
    return shown


def _interval(result: Confusion) -> str:
    if result.mantel is None or result.mantel.interval is None:
        return ""
    low, high = result.mantel.interval
    return f" With each label left out in turn, the correlation's 95 % interval is {low:.2f} to {high:.2f}."


def _pairs(result: Confusion) -> Table:
    rows = [
        (result.labels[pair.a], result.labels[pair.b], pair.distance, pair.cosine, pair.auc, *pair.mistaken)
        for pair in result.pairs
    ]
    columns = ("label", "other label", "distance", "cosine of keys", "AUC", "answered other", "other answered label")
    caption = "The last two count queries of the label answered with the other label, and the other way."
    return Table("pairs", caption, columns, tuple(rows), limit=20)


def _matrix(name: str, caption: str, result: Confusion, matrix: FloatArray, aside: bool = False) -> Table:
    rows: list[tuple[Cell, ...]] = []
    for i, label in enumerate(result.labels):
        rows.append((label, *(None if i == j else float(matrix[i, j]) for j in range(len(result.labels)))))
    return Table(name, caption, ("label", *result.labels), tuple(rows), place="aside" if aside else "folded")


# ---- in a sweep ------------------------------------------------------------------------------------------------------


def numbers(bench: Workbench, settings: Mapping[str, Any], seed: int, progress: Progress) -> dict[str, Any]:
    found = bench.ask(Confuse(settings["layer"], settings["keys"]), progress)
    return {
        "labels": found.labels,
        "layer": found.layer,
        "keys": found.keys,
        "why_layer": found.default.reason if settings["layer"] is None else "named",
        "distance": found.distance,
        "auc": found.auc,
        "spearman": found.spearman,
        "p": None if found.mantel is None else found.mantel.p,
        "missing": found.missing,
    }


SECTION = Section(
    title="Confusable labels",
    question="Why",
    fields=ConfusionFields,
    requests=lambda context: [Confuse(context.settings.layer, context.settings.keys)],
    values=values,
    reading=reading,
    blocks=blocks,
    main="pairs",
)

ANALYSIS = Analysis("confusion", (Confusion,), SECTION, numbers, ("layer", "keys"))
