"""Results by model, prompt and analysis, and their mean and deviation over seeds."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np

from icldiag.model.settings import ModelSettings
from icldiag.sweeps.cells import Cell, shots_of
from icldiag.sweeps.plan import Plan
from icldiag.sweeps.results import Result, Values
from icldiag.sweeps.tasks import Task

Number = Callable[[Values], float | None]


@dataclass(frozen=True)
class Spread:
    """Mean and sample standard deviation over seeds; undefined without any, and the deviation with one."""

    values: tuple[float, ...]

    @property
    def mean(self) -> float | None:
        return float(np.mean(self.values)) if self.values else None

    @property
    def deviation(self) -> float | None:
        return float(np.std(self.values, ddof=1)) if len(self.values) > 1 else None

    def text(self, digits: int = 2) -> str | None:
        """'0.61 ± 0.02', or the mean alone where there is one seed; None where there is none."""
        return self._text(1, digits, "")

    def percent(self, sign: str = "") -> str | None:
        """The same of a share: '61.3 ± 2.1'."""
        return self._text(100, 1, sign)

    def _text(self, scale: float, digits: int, sign: str) -> str | None:
        if self.mean is None:
            return None
        mean = f"{scale * self.mean:{sign}.{digits}f}"
        return mean if self.deviation is None else f"{mean} ± {scale * self.deviation:.{digits}f}"


@dataclass(frozen=True)
class Curve:
    """Mean and deviation per layer."""

    mean: tuple[float | None, ...]
    deviation: tuple[float | None, ...]


def number(*path: str) -> Number:
    """The number at a path in a cell's values."""

    def get(values: Values) -> float | None:
        found: Any = values
        for key in path:
            found = found[key]
        return cast(float | None, found)

    return get


class Numbers:
    """The results of a plan's cells."""

    def __init__(self, plan: Plan, found: Mapping[Cell, Result]) -> None:
        self.plan = plan
        self._found: dict[tuple[str, str, tuple[int, ...], str], dict[int, Values]] = {}
        for cell, result in found.items():
            place = (model_name(cell.model), cell.task, cell.shots, cell.analysis)
            self._found.setdefault(place, {})[cell.seed] = result.values

    @property
    def models(self) -> list[str]:
        return [model_name(model) for model in self.plan.models]

    @property
    def tasks(self) -> tuple[Task, ...]:
        return self.plan.tasks

    def of(self, model: str, task: Task, analysis: str, *, more: bool = False) -> dict[int, Values]:
        """Values by seed; of the prompts with more shots where they are asked for."""
        shots = task.more_shots if more else task.shots
        return self._found.get((model, task.name, shots, analysis), {}) if shots is not None else {}

    def spread(self, model: str, task: Task, analysis: str, number: Number, *, more: bool = False) -> Spread:
        """Of a number over the seeds where it is defined."""
        return _spread(self.of(model, task, analysis, more=more), number)

    def mean_spread(self, model: str, analysis: str, number: Number, *, more: bool = False) -> Spread:
        """Over the seeds, of the number's mean over all prompts; seeds that lack it for a prompt are left out."""
        by_task = [self.of(model, task, analysis, more=more) for task in self.tasks]
        seeds = [seed for seed in self.plan.seeds if all(seed in found for found in by_task)]
        rows = [[number(found[seed]) for found in by_task] for seed in seeds]
        whole = [[value for value in row if value is not None] for row in rows if None not in row]
        return Spread(tuple(float(np.mean(row)) for row in whole))

    def curve(self, model: str, tasks: Sequence[Task], analysis: str, layers: Callable[[Values], Any]) -> Curve:
        """Per layer, over the seeds, of the mean over the tasks; undefined layers of a prompt do not count."""
        by_task = [self.of(model, task, analysis) for task in tasks]
        rows = []
        for seed in self.plan.seeds:
            prompts = [np.array(layers(found[seed]), dtype=float) for found in by_task if seed in found]
            if len(prompts) == len(tasks):
                rows.append(_mean_of_defined(np.stack(prompts)))
        if not rows:
            return Curve((), ())
        by_seed = np.stack(rows)
        spreads = [Spread(tuple(column[np.isfinite(column)].tolist())) for column in by_seed.T]
        return Curve(tuple(one.mean for one in spreads), tuple(one.deviation for one in spreads))


def _spread(found: dict[int, Values], number: Number) -> Spread:
    values = [number(values) for values in found.values()]
    return Spread(tuple(value for value in values if value is not None))


def _mean_of_defined(rows: Any) -> Any:
    """(prompts, layers) to (layers,); NaN where no prompt has a number."""
    counts = np.isfinite(rows).sum(axis=0)
    total = np.nansum(rows, axis=0)
    return np.divide(total, counts, out=np.full(rows.shape[1], np.nan), where=counts > 0)


def model_name(model: ModelSettings) -> str:
    """With what sets it apart from the same model loaded in another way."""
    extras = [text for text in (model.revision, None if model.dtype == "auto" else model.dtype) if text]
    extras += [f"{model.quantize}-bit"] if model.quantize else []
    return model.name + (f" ({', '.join(extras)})" if extras else "")


def shots_name(tasks: Sequence[Task], more: bool = False) -> str:
    """'1-shot', with the tasks that differ: '5-shot (agnews 3)'."""
    named = {task.name: shots_of(shots) for task in tasks if (shots := task.more_shots if more else task.shots)}
    first = max(named.values(), key=list(named.values()).count, default="")
    others = [f"{name} {shots.removesuffix('-shot')}" for name, shots in named.items() if shots != first]
    return first + (f" ({', '.join(others)})" if others else "")
