"""Accuracy of the prompts as they are, with more demonstrations, and re-weighted: the paper's table 1."""

from __future__ import annotations

from collections.abc import Iterator

from icldiag.page.blocks import Part
from icldiag.sweeps.numbers import Number, Numbers, number, shots_name
from icldiag.sweeps.parts.shared import OVER_SEEDS, Row, percent, table_of

_Way = tuple[str, str, Number, bool]  # name, analysis, number, of the prompts with more shots


def part(numbers: Numbers) -> Part:
    rows: list[Row] = []
    for model in numbers.models:
        for name, analysis, value, more in _ways(numbers):
            cells = [numbers.spread(model, task, analysis, value, more=more).percent() for task in numbers.tasks]
            mean = numbers.mean_spread(model, analysis, value, more=more).percent()
            rows.append((model, name, *cells, mean))
    columns = ("model", "demonstrations", *(task.name for task in numbers.tasks), "mean")
    table = table_of(numbers, "accuracy", f"Accuracy in percent, {OVER_SEEDS}.", columns, rows)
    return Part("accuracy", "Accuracy, and anchor re-weighting", " ".join(_readings(numbers)), (table,))


def _ways(numbers: Numbers) -> Iterator[_Way]:
    shots = shots_name(numbers.tasks)
    if "prediction" in numbers.plan.analyses:
        yield shots, "prediction", number("accuracy"), False
    if any(task.more_shots for task in numbers.tasks):
        yield shots_name(numbers.tasks, more=True), "prediction", number("accuracy"), True
    if "reweighting" in numbers.plan.analyses:
        yield f"{shots}, re-weighted", "reweighting", number("after"), False


def _readings(numbers: Numbers) -> Iterator[str]:
    for model in numbers.models:
        before, after = (numbers.mean_spread(model, "reweighting", number(when)).mean for when in ("before", "after"))
        if before is not None and after is not None:
            yield f"{model}: re-weighting takes the mean accuracy from {percent(before)}% to {percent(after)}%."
