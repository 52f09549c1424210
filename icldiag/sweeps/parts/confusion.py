"""Which labels are confused, and whether the distance of their anchors predicts it (3.3)."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

from icldiag.page.blocks import Part, Table
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
            spearman = numbers.spread(model, task, "confusion", number("spearman"))
            ranks.append((model, task.name, spearman.text(), len(spearman.values)))
            name, distance, auc = rows[0]
            if auc.mean is not None:
                readings.append(
                    f"{model}, {task.name}: {name} are told apart worst (AUC {auc.text()}, distance of the anchors "
                    f"{distance.text() or '-'})."
                )
            shown = tuple((pair, one.text(), other.text()) for pair, one, other in rows)
            caption = f"{model}, {task.name}: pairs of labels, {OVER_SEEDS}; the worst separated first."
            columns = ("pair", "distance of anchors", "AUC of the answers")
            tables.append(Table(f"pairs-{len(tables) + 1}", caption, columns, shown, "folded", limit=_SHOWN))
    caption = (
        f"Rank correlation of distance and AUC over the pairs of a prompt, {OVER_SEEDS}: above 0 where close anchors "
        "are confused. It is undefined with two classes."
    )
    table = table_of(numbers, "correlation", caption, ("model", "prompt", "Spearman", "seeds"), ranks)
    return Part("confusion", "Confusable labels", " ".join(readings), (table, *tables))


def _pairs(numbers: Numbers, model: str, task: Task) -> Iterator[tuple[str, Spread, Spread]]:
    names = task.shape.label_names
    for a, b in combinations(range(len(names)), 2):

        def at(matrix: str, a: int = a, b: int = b) -> Spread:
            def get(values: Values) -> float | None:
                found: float | None = values[matrix][a][b]
                return found

            return numbers.spread(model, task, "confusion", get)

        if numbers.of(model, task, "confusion"):
            yield f"{names[a]} and {names[b]}", at("distance"), at("auc")
