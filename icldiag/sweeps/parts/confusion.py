"""Which labels are confused, and whether the distance of their anchors predicts it (3.3)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import combinations

import numpy as np

from icldiag.analyses.confusion.mantel import Mantel, pooled_mantel
from icldiag.model.readout import FloatArray
from icldiag.page.blocks import Cell, Part, Table
from icldiag.sweeps.numbers import Numbers, Spread, number
from icldiag.sweeps.parts.shared import OVER_SEEDS, Row, table_of
from icldiag.sweeps.results import Values
from icldiag.sweeps.tasks import Task

_SHOWN = 12  # pairs of a prompt; the file has them all


def part(numbers: Numbers) -> Part:
    tables: list[Table] = []
    ranks: list[Row] = []
    readings = []
    for model in numbers.models:
        for task in numbers.tasks:
            rows = sorted(_pairs(numbers, model, task), key=lambda row: (row[2].mean is None, row[2].mean))
            if not rows:
                continue
            drawn = list(numbers.of(model, task, "confusion").values())
            test = pooled_mantel([(_matrix(values["distance"]), _matrix(values["auc"])) for values in drawn])
            spearman = numbers.spread(model, task, "confusion", number("spearman"))
            ranks.append((model, task.name, *_test_cells(test, spearman), _layers(drawn)))
            name, distance, auc = rows[0]
            if auc.mean is not None:
                readings.append(
                    f"{model}, {task.name}: {name} are separated worst (AUC {auc.text()}, distance of the anchors "
                    f"{distance.text() or '-'}). {_said(test)}"
                )
            shown = tuple((pair, one.text(), other.text()) for pair, one, other in rows)
            caption = f"{model}, {task.name}: pairs of labels, {OVER_SEEDS}; the worst separated first."
            columns = ("pair", "distance of anchors", "AUC of the answers")
            tables.append(Table(f"pairs-{len(tables) + 1}", caption, columns, shown, "folded", limit=_SHOWN))
    caption = (
        f"Rank correlation of distance and AUC over the pairs of a prompt, {OVER_SEEDS}: above 0 where close anchors "
        "are confused. The interval is of the mean (bootstrap over seeds, 95 %); p is the share of the orders of the "
        "labels, permuted in each prompt, whose mean is as large. Undefined with two classes."
    )
    heads = ("model", "prompt", "Spearman", "interval", "p", "seeds", "layer")
    table = table_of(numbers, "correlation", caption, heads, ranks)
    return Part("confusion", "Confusable labels", " ".join(readings), (table, *tables))


def _test_cells(test: Mantel | None, spearman: Spread) -> tuple[Cell, ...]:
    if test is None:
        return (None, None, None, len(spearman.values))
    interval = None if test.interval is None else "{:.2f} to {:.2f}".format(*test.interval)
    return (spearman.text(), interval, f"{test.p:.4f}", len(spearman.values))


def _said(test: Mantel | None) -> str:
    if test is None or not test.can_tell:
        return "Whether close anchors are the ones mixed up, so few labels cannot tell."
    if test.predicts:
        return f"Close anchors are mixed up (mean Spearman {test.spearman:.2f}, p {test.p:.4f})."
    return f"Close anchors are not surely the ones mixed up (mean Spearman {test.spearman:.2f}, p {test.p:.4f})."


def _layers(drawn: Sequence[Values]) -> str:
    """The layers whose anchors were compared, the most frequent first, and how often each."""
    counts = Counter(values["layer"] for values in drawn)
    return ", ".join(f"{layer} ({count}x)" if len(counts) > 1 else str(layer) for layer, count in counts.most_common())


def _matrix(written: Sequence[Sequence[float | None]]) -> FloatArray:
    """A matrix as a cell keeps it: None where undefined."""
    return np.array([[np.nan if value is None else value for value in row] for row in written])


def _pairs(numbers: Numbers, model: str, task: Task) -> Iterator[tuple[str, Spread, Spread]]:
    names = task.shape.label_names
    for a, b in combinations(range(len(names)), 2):

        def at(name: str, a: int = a, b: int = b) -> Spread:
            def get(values: Values) -> float | None:
                found: float | None = values[name][a][b]
                return found

            return numbers.spread(model, task, "confusion", get)

        if numbers.of(model, task, "confusion"):
            yield f"{names[a]} and {names[b]}", at("distance"), at("auc")
