"""The section on confusable labels."""

from __future__ import annotations

from typing import Any

import numpy as np

from icldiag.analyses.confusion import Confusion, reading
from icldiag.model.readout import FloatArray
from icldiag.report.text import cell, number, prose, table
from icldiag.session import Session


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


def markdown(result: Confusion, session: Session) -> list[str]:
    """The section's lines: both matrices, the ranked pairs and a reading of each wrong query."""
    vectors = f"{result.target_vectors} targets + {result.forerunner_vectors} forerunners"
    lines = [
        "## Confusable labels",
        "",
        f"Distance of the label anchors' keys in layer {result.layer}, seen along the {result.directions} principal "
        f"directions of {vectors} as query vectors. 1 is the farthest pair; a small distance predicts confusion.",
        "",
        *_matrix(result, result.distance),
        "Measured separation of the classes, ROC-AUC of p(row) / p(column). 1 is perfect, 0.5 is chance:",
        "",
        *_matrix(result, result.auc),
    ]
    if result.spearman is not None:
        lines += [
            f"Spearman correlation of the two over {result.spearman_pairs} pairs: {result.spearman:.2f} "
            "(positive where close anchors go with poor separation).",
            "",
        ]
    lines += [f"- {prose(text)}" for text in result.missing] + ([""] if result.missing else [])
    rows = [
        [
            cell(f"{result.labels[pair.a]} / {result.labels[pair.b]}"),
            number(pair.distance),
            number(pair.cosine),
            number(pair.auc),
            str(pair.errors),
        ]
        for pair in result.pairs[:20]
    ]
    lines += ["### Pairs, closest anchors first", ""]
    lines += table(["labels", "distance", "cosine of keys", "AUC", "errors"], rows)
    prediction = session.prediction()
    if prediction.wrong:
        lines += ["### What this says about the wrong queries", ""]
        lines += [
            f"- {cell(prediction.texts[query])}: {prose(reading(result, prediction, query))}"
            for query in prediction.wrong[:20]
        ]
        lines.append("")
    return lines


def _matrix(result: Confusion, values: FloatArray) -> list[str]:
    rows = []
    for i, name in enumerate(result.labels):
        rows.append([cell(name), *("" if i == j else number(values[i, j]) for j in range(len(result.labels)))])
    assert np.shape(values) == (len(rows), len(rows))
    return table(["", *map(cell, result.labels)], rows)
