"""The section on confusable labels."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from pydantic import Field

from icldiag.analyses.analysis import Analysis, Context, Fields, Section, SectionFields
from icldiag.analyses.confusion.compute import Confuse, Confusion, Pair
from icldiag.analyses.prediction.compute import Prediction
from icldiag.analyses.request import Workbench
from icldiag.counting import counted
from icldiag.model.readout import FloatArray, Progress
from icldiag.page.blocks import Block, Cell, Figure, Heading, Items, Paragraph, Table, notes
from icldiag.page.figures import heatmap, scatter
from icldiag.page.text import place

Matrix = list[list[float | None]]


class PairFields(Fields):
    labels: tuple[str, str]
    distance: float | None
    cosine: float | None
    auc: float | None
    errors: int = Field(description="Queries of the one class that were answered with the other.")


class ConfusionFields(SectionFields):
    layer: int
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
    anchor_distance: Matrix = Field(description="Demonstration by demonstration.")
    missing: list[str] = Field(description="What is undefined, and why.")


def values(result: Confusion) -> dict[str, Any]:
    """The section's JSON values."""
    return {
        "layer": result.layer,
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
            }
            for pair in result.pairs
        ],
        "spearman": result.spearman,
        "spearman_pairs": result.spearman_pairs,
        "anchor_distance": result.anchor_distance,
        "missing": result.missing,
    }


def reading(result: Confusion, context: Context | None = None) -> str:
    """The closest anchors, the worst separated pair, and whether the one predicts the other."""
    sentences = []
    closest = result.pairs[0]
    if closest.distance is not None and result.distances > 1:
        a, b = result.labels[closest.a], result.labels[closest.b]
        sentences.append(f"In layer {result.layer} the anchors of {a} and {b} are closest ({closest.distance:.2f})")
    elif closest.cosine is not None:
        a, b = result.labels[closest.a], result.labels[closest.b]
        sentences.append(f"In layer {result.layer} the anchors' keys of {a} and {b} have cosine {closest.cosine:.2f}")
    measured = [(pair.auc, pair) for pair in result.pairs if pair.auc is not None]
    if measured:
        auc, worst = min(measured, key=lambda entry: entry[0])
        facts = f"AUC {auc:.2f}, {counted(worst.errors, 'error')} between them"
        if auc == 1:
            sentences.append("the answers separate every pair of labels perfectly (AUC 1.00)")
        elif len(result.pairs) == 1:
            sentences.append(f"the answers separate the two with {facts}")
        elif worst is closest and sentences:
            sentences.append(f"the same pair is separated worst ({facts})")
        else:
            sentences.append(f"{result.labels[worst.a]} and {result.labels[worst.b]} are separated worst ({facts})")
    text = "; ".join(sentences)
    if result.spearman is not None:
        text += (
            f". Anchor distance and separation correlate with {result.spearman:.2f} over {result.spearman_pairs} pairs"
        )
    return f"{text}." if text else "; ".join(result.missing)


def blocks(result: Confusion, context: Context | None = None) -> list[Block]:
    """Both matrices, the ranked pairs and a reading of each wrong query."""
    vectors = f"{counted(result.target_vectors, 'target')} and {counted(result.forerunner_vectors, 'forerunner')}"
    distance = f"Distance of the label anchors' keys in layer {result.layer}; 1 is the farthest pair."
    auc = "Separation measured: ROC-AUC of p(row) / p(column); 1 is perfect, 0.5 is chance."
    shown: list[Block] = [
        Paragraph(
            f"Keys are compared along {counted(result.directions, 'principal direction')} of the query vectors of "
            f"{vectors}. The paper (3.3) takes a small distance for a sign of confusion."
        )
    ]
    dark = "Small numbers are dark."
    if result.distances > 1:  # of two classes it is 1 by its scaling
        picture = partial(heatmap, result.distance, result.labels, dark="low", diagonal=False)
        shown.append(Figure("distance", f"{distance} {dark}", picture))
    if result.separations:
        picture = partial(heatmap, result.auc, result.labels, dark="low", diagonal=False, low=0.5)
        shown.append(Figure("auc", f"{auc} {dark}", picture))
    both = [(pair.distance, pair.auc, pair.errors) for pair in result.pairs if None not in (pair.distance, pair.auc)]
    if result.spearman is not None:
        caption = (
            f"Each point is a pair of labels. Spearman correlation {result.spearman:.2f} over {result.spearman_pairs} "
            "pairs (positive where close anchors go with poor separation)."
        )
        points = [(float(d or 0), float(a or 0)) for d, a, _ in both]
        shown.append(Figure("pairs", caption, lambda: scatter(points, "distance of anchors", "separation (AUC)")))
    shown += [_matrix("distance", distance, result, result.distance), _matrix("auc", auc, result, result.auc)]
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


def _pairs(result: Confusion) -> Table:
    rows = [
        (result.labels[pair.a], result.labels[pair.b], pair.distance, pair.cosine, pair.auc, pair.errors)
        for pair in result.pairs
    ]
    columns = ("label", "other label", "distance", "cosine of keys", "AUC", "errors")
    return Table("pairs", "Errors are queries of the one answered with the other.", columns, tuple(rows), limit=20)


def _matrix(name: str, caption: str, result: Confusion, matrix: FloatArray, aside: bool = False) -> Table:
    rows: list[tuple[Cell, ...]] = []
    for i, label in enumerate(result.labels):
        rows.append((label, *(None if i == j else float(matrix[i, j]) for j in range(len(result.labels)))))
    return Table(name, caption, ("label", *result.labels), tuple(rows), place="aside" if aside else "folded")


def reading_of_query(confusion: Confusion, prediction: Prediction, query: int) -> str:
    """One sentence or two: what the anchors say about this query's answer."""
    probabilities = prediction.probabilities[query]
    winner = int(prediction.predicted[query])
    gold = prediction.gold[query]
    rival = prediction.rival(query)
    first, second = prediction.labels[winner], prediction.labels[rival]
    chances = f"{probabilities[winner]:.2f} against {probabilities[rival]:.2f}"
    if prediction.is_wrong(query):
        opening = f"{first} beat {second} ({chances})."
    elif gold is None:
        opening = f"Predicted {first}, then {second} ({chances}); the gold label is unknown."
    else:
        opening = f"Right: {first}, then {second} ({chances})."
    return f"{opening} {_about_pair(confusion, confusion.pair(winner, rival), prediction.is_wrong(query))}"


def _about_pair(confusion: Confusion, pair: Pair, wrong: bool) -> str:
    if confusion.distances < 2:
        anchors = None if pair.cosine is None else f"Their keys have cosine {pair.cosine:.2f}"
        close = pair.cosine is not None and pair.cosine > 0.9
    else:
        rank = confusion.distance_rank(pair)
        anchors = (
            None
            if rank is None or pair.distance is None
            else f"Their anchors are the {place(rank, 'closest')} of {counted(confusion.distances, 'pair')} "
            f"({pair.distance:.2f})"
        )
        close = rank is not None and rank <= max(1, round(confusion.distances / 3))
    if pair.auc is None:
        measured = "how well the queries separate the two is unknown"
        apart = None
    else:
        rank = confusion.auc_rank(pair)
        several = rank is not None and confusion.separations > 1
        among = f"the {place(rank or 1, 'worst separated')} of {confusion.separations}, " if several else ""
        measured = f"the answers separate the two with AUC {pair.auc:.2f} ({among}0.5 is chance)"
        apart = pair.auc >= 0.9
    facts = f"{anchors}, and {measured}" if anchors else measured[0].upper() + measured[1:]
    return f"{facts}{_verdict(close, apart, wrong)}."


def _verdict(close: bool, apart: bool | None, wrong: bool) -> str:
    if not wrong:
        return ""
    if apart is None:
        return ": close anchors are a likely reason" if close else ": the anchors do not explain this error"
    if close and not apart:
        return ": these two labels are confused"
    if apart:
        return ": the labels are told apart, so look for a label prior or at this text rather than at confused anchors"
    return ": the two are mixed up although their anchors differ"


# ---- in a sweep ------------------------------------------------------------------------------------------------------


def numbers(bench: Workbench, settings: Mapping[str, Any], seed: int, progress: Progress) -> dict[str, Any]:
    found = bench.ask(Confuse(settings["layer"]), progress)
    return {
        "labels": found.labels,
        "layer": found.layer,
        "distance": found.distance,
        "auc": found.auc,
        "spearman": found.spearman,
        "missing": found.missing,
    }


SECTION = Section(
    title="Confusable labels",
    question="Why",
    fields=ConfusionFields,
    requests=lambda context: [Confuse(context.settings.layer)],
    values=values,
    reading=reading,
    blocks=blocks,
    main="pairs",
)

ANALYSIS = Analysis("confusion", (Confusion,), SECTION, numbers, ("layer",))
