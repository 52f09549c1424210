"""What a sweep says of the time that is left, judged by the cells that are done."""

from __future__ import annotations

import pytest

from icldiag.model.settings import ModelSettings
from icldiag.prompt.schema import Prompt
from icldiag.sweeps.cells import Cell
from icldiag.sweeps.fields import SweepSettings
from icldiag.sweeps.results import Result
from icldiag.sweeps.watch import Forecast, SweepWatch
from icldiag.sweeps.worker import Failure


@pytest.fixture
def cells(prompt: Prompt) -> list[Cell]:
    """Two analyses of two seeds on each of two models."""
    return [
        Cell(ModelSettings(model), "task", (1,), seed, analysis, prompt, SweepSettings())
        for model in ("a", "b")
        for analysis in ("prediction", "repairs")
        for seed in (0, 1)
    ]


def test_each_cell_is_told_with_what_the_rest_takes(cells: list[Cell], capsys: pytest.CaptureFixture[str]) -> None:
    watch = SweepWatch(cells, Forecast(), 0, 1)
    assert watch.left == ""  # nothing was timed
    said = []
    for cell, seconds in zip(cells[:3], (2.0, 4.0, 100.0), strict=True):
        watch.ended(cell, Result({}, seconds, {}))
        said.append(capsys.readouterr().err)
    assert said[0] == f"1 of 8: {cells[0].name}, 2.0 s, about 14 s left\n"
    assert said[1] == f"2 of 8: {cells[1].name}, 4.0 s, about 18 s left\n"  # by both seeds
    # repairs take 100 s each, three of them are left; prediction takes 3 s, of which two are left
    assert said[2] == f"3 of 8: {cells[2].name}, 100.0 s, about 5 min left\n"


def test_a_failed_cell_teaches_nothing_and_the_last_says_no_time(
    cells: list[Cell], capsys: pytest.CaptureFixture[str]
) -> None:
    watch = SweepWatch(cells[:2], Forecast(), 3, 1)
    watch.ended(cells[0], Failure("too few examples"))
    assert watch.left == ""
    watch.ended(cells[1], Result({}, 2.0, {}))
    said = capsys.readouterr().err.splitlines()
    assert said == [
        f"4 of 5: {cells[0].name}: failed: too few examples",
        f"5 of 5: {cells[1].name}, 2.0 s",
    ]


def test_workers_share_the_time_and_what_was_done_before_tells_it(cells: list[Cell]) -> None:
    forecast = Forecast()
    forecast.learn(cells[0], 30.0)
    assert SweepWatch(cells[:3], forecast, 1, 1).left == "about 90 s left"
    assert SweepWatch(cells[:3], forecast, 1, 3).left == "about 30 s left"
