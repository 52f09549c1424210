"""The section on predictions."""

from __future__ import annotations

from typing import Any

from icldiag.analyses.prediction import Prediction
from icldiag.report.text import cell, percent, table
from icldiag.session import Session


def values(result: Prediction) -> dict[str, Any]:
    """The section's JSON values."""
    return {
        "labels": result.labels,
        "accuracy": result.accuracy,
        "queries": [
            {
                "id": result.id_of(query),
                "text": result.texts[query],
                "gold": None if result.gold[query] is None else result.labels[result.gold[query] or 0],
                "predicted": result.labels[result.predicted[query]],
                "probabilities": result.probabilities[query],
                "label_mass": result.label_mass[query],
                "top_tokens": [
                    {"text": token.text, "probability": token.probability} for token in result.top_tokens[query]
                ],
            }
            for query in range(len(result))
        ],
        "counts": result.counts,
    }


def markdown(result: Prediction, session: Session) -> list[str]:
    """The section's lines: accuracy, who is taken for whom, and the wrong queries."""
    lines = ["## Predictions", ""]
    if result.accuracy is None:
        lines += [f"{len(result)} queries; no gold labels, so no accuracy.", ""]
    else:
        right, all_ = result.correct, len(result.labelled)
        lines += [f"{right} of {all_} labelled queries are right ({percent(result.accuracy)}).", ""]
        rows = [[cell(name), *map(str, row)] for name, row in zip(result.labels, result.counts.tolist(), strict=True)]
        lines += ["Gold label by row, predicted label by column:", ""]
        lines += table(["", *map(cell, result.labels)], rows)
    if result.wrong:
        lines += ["### Wrong, the most confident first", ""]
        rows, named = [], any(name is not None for name in result.ids)
        for query in result.wrong:
            gold, predicted = result.gold[query] or 0, int(result.predicted[query])
            chances = result.probabilities[query]
            name = result.id_of(query)
            rows.append(
                [
                    *([cell(name or "")] if named else []),
                    cell(result.texts[query]),
                    cell(result.labels[gold]),
                    f"{chances[gold]:.2f}",
                    cell(result.labels[predicted]),
                    f"{chances[predicted]:.2f}",
                ]
            )
        lines += table([*(["id"] if named else []), "query", "gold", "p", "predicted", "p"], rows)
    return lines
