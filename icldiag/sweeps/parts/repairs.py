"""How much each repair gains on queries whose labels the search was not told."""

from __future__ import annotations

from functools import partial
from typing import Any

from icldiag.page.blocks import Part
from icldiag.sweeps.numbers import Numbers
from icldiag.sweeps.parts.shared import OVER_SEEDS, Row, table_of
from icldiag.sweeps.results import Values

PROMISE = "what the selection part promised"


def part(numbers: Numbers) -> Part:
    rows: list[Row] = []
    readings = []
    for model in numbers.models:
        names = dict.fromkeys(
            name
            for task in numbers.tasks
            for values in numbers.of(model, task, "repairs").values()
            for name in gains(values)
        )
        if not names:
            continue
        before = [numbers.spread(model, task, "repairs", lambda values: values["accuracy"]) for task in numbers.tasks]
        mean = numbers.mean_spread(model, "repairs", lambda values: values["accuracy"])
        rows.append((model, "accuracy before", *(one.percent() for one in before), mean.percent()))
        for name in names:
            gained = partial(_gain, name)
            cells = [numbers.spread(model, task, "repairs", gained).percent("+") for task in numbers.tasks]
            rows.append((model, name, *cells, numbers.mean_spread(model, "repairs", gained).percent("+")))
        won = numbers.mean_spread(model, "repairs", partial(_gain, "best of all")).percent("+")
        promised = numbers.mean_spread(model, "repairs", partial(_gain, PROMISE)).percent("+")
        readings.append(
            f"{model}: the repair that is best on the selection part gains {won} points, of {promised} promised."
        )
    caption = f"Accuracy in percent, then points gained on the queries, {OVER_SEEDS}."
    columns = ("model", "repair", *(task.name for task in numbers.tasks), "mean")
    table = table_of(numbers, "repairs", caption, columns, rows)
    return Part("repairs", "Repairs", " ".join(readings), (table,))


def _gain(name: str, values: Values) -> float | None:
    return gains(values).get(name, 0.0)  # a family without a candidate leaves the prompt as it is


def gains(values: Values) -> dict[str, float]:
    """Share of the queries gained by each calibration, by each family's best where it gains at all, and by the best."""
    trials: list[dict[str, Any]] = values["trials"]  # ranked by what they gain on the selection part
    found = {trial["name"]: trial["gain"] for trial in trials if trial["family"] == "calibration"}
    for family in dict.fromkeys(trial["family"] for trial in trials):
        best = next(trial for trial in trials if trial["family"] == family)
        found[f"best {family}"] = best["gain"] if best["selection"] > 0 else 0.0
    winner = None if values["winner"] is None else trials[values["winner"]]
    found["best of all"] = winner["gain"] if winner else 0.0
    found["best of all, if confirmed"] = winner["gain"] if winner and values["confirmed"] else 0.0
    found["best of all, if unlikely to be chance"] = winner["gain"] if winner and values["sure"] else 0.0
    found[PROMISE] = winner["selection"] if winner else 0.0
    return found
