"""The section on the prompt as a whole: the verdict, its evidence, and what to do next."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np

from icldiag.analyses.analysis import Analysis, Context, Section
from icldiag.analyses.effect import SIGNIFICANT, Effect
from icldiag.analyses.estimates import Estimate
from icldiag.analyses.overview import Lean, Overview, Stability, Summarise, headline, lines, next_step
from icldiag.analyses.overview.origins import named
from icldiag.analyses.overview.reading import sample
from icldiag.analyses.overview.section_fields import OverviewFields
from icldiag.analyses.overview.writing import Instead
from icldiag.analyses.request import Workbench
from icldiag.model.readout import Progress
from icldiag.page.blocks import Block, Cell, Figure, Items, Paragraph, Table
from icldiag.page.figures import heatmap

WIDEST = 12  # classes of a gold x answer table on a page
LISTED = 20  # rows of errors and labels on a page


def values(result: Overview) -> dict[str, Any]:
    """The section's JSON values."""
    lean, stability = _parts(result)
    verdict, names, measures = result.verdict, result.labels, result.measures
    separability, repairs = result.separability, result.repairs
    winner = None if repairs is None else repairs.best
    return {
        "verdict": verdict.kind,
        "label": None if verdict.label is None else names[verdict.label],
        "separated": verdict.separated,
        "hidden_by": verdict.hidden_by and verdict.hidden_by.kind,
        "lines": {line.name: line.sentence for line in lines(result)},
        "measures": measures
        and {
            **asdict(measures),
            "commonest": names[measures.commonest],
        },
        "labels": [
            dict(zip(("label", "gold", "answered", "right", "one_vs_rest"), row, strict=False))
            | {"nats": {one.kind: float(one.nats[label]) for one in lean.priors}}
            for label, row in enumerate(_labels(result))
        ],
        "counts": result.counts,
        "separability": separability
        and {
            "auc": _estimate(separability.auc),
            "pairwise": separability.pairwise,
            "worst": separability.worst
            and {
                "labels": [names[separability.worst.a], names[separability.worst.b]],
                "auc": _estimate(separability.worst.auc),
            },
            "pairs": separability.pairs,
            "sample": separability.sample,
        },
        "writing": {
            "mean_mass": result.writing.mean_mass,
            "elsewhere": result.writing.elsewhere,
            "instead": [_instead(one) for one in result.writing.instead],
            "respelled": [_instead(one) for one in result.writing.respelled],
        },
        "lean": {
            "priors": [
                {"kind": one.kind, "texts": one.texts, "probabilities": one.probabilities} for one in lean.priors
            ],
            "calibrated": [
                {"kind": one.kind, "bias": one.calibration.bias, "gain": _effect(one.effect)} for one in lean.calibrated
            ],
        },
        "stability": stability and _stability(result, stability),
        "next": {
            "finding": next_step(result),
            "repair": winner and winner.repair.name,
            "confirmed": repairs and repairs.confirmed and _effect(repairs.confirmed),
        },
    }


def _stability(result: Overview, stability: Stability) -> dict[str, Any]:
    recency = result.recency
    return {
        "queries": stability.queries,
        "of": stability.of,
        "seed": stability.seed,
        "flips": stability.flips,
        "causes": [
            {"kind": cause.kind, "label": result.labels[cause.label], "weight": cause.weight} for cause in result.causes
        ],
        "balanced": [
            {"places": run.places, "predicted": run.predicted, "accuracy": stability.accuracy(run.predicted)}
            for run in stability.balanced
        ],
        "recency": recency and {"last": recency.last, "otherwise": recency.otherwise, "p_value": recency.p_value},
        "orders": [
            {
                "places": order.places,
                "last": result.labels[order.last],
                "predicted": order.predicted,
                "accuracy": stability.accuracy(order.predicted),
            }
            for order in stability.orders
        ],
        "left_out": [
            {
                "without": run.without,
                "label": result.labels[run.label],
                "predicted": run.predicted,
                "accuracy": stability.accuracy(run.predicted),
                "taken": stability.taken(run),
            }
            for run in stability.left_out
        ],
        "harmful": stability.harmful,
        "doubts": [
            {"demonstration": one.demonstration, "reads": result.labels[one.reads], "nats": one.nats}
            for one in result.doubts
        ],
    }


def _parts(result: Overview) -> tuple[Lean, Stability | None]:
    """Of a whole overview; a report has no other. No stability where there are no demonstrations."""
    assert result.lean is not None
    return result.lean, result.stability


def _estimate(found: Estimate) -> dict[str, float]:
    return asdict(found)


def _effect(effect: Effect) -> dict[str, Any]:
    return {
        "count": effect.count,
        "right_before": effect.right_before,
        "right_after": effect.right_after,
        "mended": len(effect.mended),
        "broken": len(effect.broken),
        "p_value": effect.p_value,
    }


def _labels(result: Overview) -> list[tuple[Cell, ...]]:
    """Per label: its name, gold, answered, right and one-vs-rest."""
    counts, answered, names = result.counts, result.answered, result.labels
    found = result.separability
    return [
        (
            name,
            int(counts[label].sum()),
            int(answered[label]),
            int(counts[label, label]),
            None if found is None or np.isnan(found.one_vs_rest[label]) else float(found.one_vs_rest[label]),
        )
        for label, name in enumerate(names)
    ]


def reading(result: Overview, context: Context | None = None) -> str:
    """The verdict."""
    return headline(result)


def blocks(result: Overview, context: Context | None = None) -> list[Block]:
    """The evidence line by line, and its tables, as far as it is computed."""
    shown: list[Block] = [Items(tuple(f"{line.name}: {line.sentence}" for line in lines(result)))]
    if said := next_step(result):
        shown.append(Paragraph(f"Next: {said}"))
    shown += [_label_table(result), *_errors(result)]
    if result.stability is not None and result.stability.left_out:
        shown += _demonstrations(result, result.stability)
    if result.stability is not None and result.stability.orders:
        shown.append(_orders(result, result.stability))
    return shown


def _label_table(result: Overview) -> Table:
    """The labels with most errors first."""
    priors = () if result.lean is None else result.lean.priors
    rows = [(*row, *(float(one.nats[label]) for one in priors)) for label, row in enumerate(_labels(result))]
    rows.sort(key=lambda row: -_errors_of(row))
    columns = ("label", "gold", "answered", "right", "one-vs-rest AUC", *(f"{one.kind} prior" for one in priors))
    caption = "How often each label is right and is answered; priors in nats over the mean of the other labels."
    return Table("labels", caption, columns, tuple(rows), limit=LISTED)


def _instead(one: Instead) -> dict[str, Any]:
    return {"text": one.text, "queries": len(one.queries), "probability": one.probability}


def _errors_of(row: tuple[Cell, ...]) -> int:
    _, gold, answered, right, *_ = row
    assert isinstance(gold, int)
    assert isinstance(answered, int)
    assert isinstance(right, int)
    return gold + answered - 2 * right


def _errors(result: Overview) -> list[Block]:
    """The whole gold x answer table of few classes, the commonest errors of many."""
    if result.measures is None:
        return []
    counts, names = result.counts, result.labels
    if len(names) <= WIDEST:
        rows = [(name, *row) for name, row in zip(names, counts.tolist(), strict=True)]
        return [Table("answers", "Queries by gold label (row) and answer (column).", ("gold", *names), tuple(rows))]
    cells = [(names[a], names[b], int(counts[a, b])) for a, b in zip(*np.nonzero(counts), strict=True) if a != b]
    cells.sort(key=lambda cell: -cell[2])
    return [Table("errors", "The commonest errors.", ("gold", "answer", "queries"), tuple(cells), limit=LISTED)]


def _demonstrations(result: Overview, stability: Stability) -> list[Block]:
    names = [named(result, run.without) for run in stability.left_out]
    queries = [str(query + 1) for query in stability.queries]
    matrix = -stability.matrix
    caption = (
        f"What each demonstration gives to {stability.lead}, in nats: the lead with it less the lead without it. "
        f"Below 0 it takes. {sample(stability)}"
    )
    rows = [
        (
            name,
            float(matrix[row].mean()),
            int((matrix[row] < 0).sum()),
            int((matrix[row] > 0).sum()),
            stability.accuracy(run.predicted),
        )
        for row, (name, run) in enumerate(zip(names, stability.left_out, strict=True))
    ]
    columns = ("left out", "mean nats", "takes from", "gives to", "accuracy without")
    return [
        Figure("leads", caption, lambda: heatmap(matrix, queries, "query", rows=names, dark="both", numbers=".1f")),
        Table("left-out", caption, columns, tuple(rows)),
    ]


def _orders(result: Overview, stability: Stability) -> Table:
    rows = [
        (
            " ".join(str(place + 1) for place in order.places),
            result.labels[order.last],
            stability.accuracy(order.predicted),
            int((order.predicted != stability.predicted).sum()),
            int((order.predicted == order.last).sum()),
        )
        for order in stability.orders
    ]
    columns = ("order", "last", "accuracy", "answers that change", "answers that are the last label")
    return Table("orders", f"Other orders of the demonstrations. {sample(stability)}", columns, tuple(rows), "folded")


def numbers(bench: Workbench, settings: Mapping[str, Any], seed: int, progress: Progress) -> dict[str, Any]:
    """Shares, AUCs and nats; None where undefined."""
    found = bench.ask(Summarise(seed=seed), progress)
    lean, stability = _parts(found)
    measures, recency = found.measures, found.recency
    return {
        "verdict": found.verdict.kind,
        "accuracy": measures and measures.accuracy.value,
        "balanced_accuracy": measures and measures.balanced_accuracy,
        "macro_f1": measures and measures.macro_f1,
        "auc": found.separability and found.separability.auc.value,
        "most_answered": float(found.answered.max() / found.answered.sum()),
        "mass": found.writing.mean_mass,
        "elsewhere": found.writing.elsewhere / len(found.predicted),
        "lean": {one.kind: one.strength for one in lean.priors},
        "calibrated": {one.kind: one.effect.accuracy_after for one in lean.calibrated},
        "flips": float(stability.flips.mean()) if stability and stability.orders else None,
        "recency": recency and recency.excess,
        "recency_significant": None if recency is None else recency.p_value < SIGNIFICANT,
    }


SECTION = Section(
    title="The prompt as a whole",
    question="What failed",
    fields=OverviewFields,
    requests=lambda context: [Summarise()],
    values=values,
    reading=reading,
    blocks=blocks,
    main="labels",
)

ANALYSIS = Analysis("overview", (Overview,), SECTION, numbers)
