"""Ray: the order of work, and a cluster of two workers that loses one."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from icldiag.errors import IcldiagError
from icldiag.page.markdown import page_as_markdown
from icldiag.sweeps.cells import Cell, cells_of
from icldiag.sweeps.cluster import cluster, next_cell
from icldiag.sweeps.page import sweep_page
from icldiag.sweeps.plan import Plan, read_plan
from icldiag.sweeps.results import Result, Results
from icldiag.sweeps.run import InProcess, NoWatch, run
from icldiag.sweeps.worker import Failure
from tests.sweeps.conftest import Write


def test_a_worker_goes_on_with_its_prompt_then_with_one_that_nobody_has(plan: Plan) -> None:
    cells = list(cells_of(plan))
    first, second, more, other, *_ = cells
    assert next_cell(cells, None, []) is first
    assert next_cell([second, more, other], first, [first]) is second
    assert next_cell([second, more, other], None, [first]) is more
    assert next_cell([second, other], more, [first]) is other
    assert next_cell([second], other, [first]) is second


def test_a_worker_stays_with_its_model(sweep_file: Write, model_folder: Path) -> None:
    plan = read_plan(sweep_file())
    (model,) = plan.models
    two = replace(plan, models=(model, replace(model, dtype="float64")))
    cells = list(cells_of(two))
    of_second = [cell for cell in cells if cell.model.dtype == "float64"]
    assert next_cell(cells, of_second[-1], []).model.dtype == "float64"


def is_worker(process: psutil.Process) -> bool:
    try:
        return any("ray::Worker" in word for word in process.cmdline())
    except psutil.Error:  # it has just ended
        return False


class KillsAWorker(NoWatch):
    """After the first cell that is done."""

    def __init__(self) -> None:
        self.killed = 0
        self.lost_cells: list[Cell] = []

    def ended(self, cell: Cell, outcome: Result | Failure) -> None:
        if not self.killed:
            worker = next(process for process in psutil.Process().children(recursive=True) if is_worker(process))
            worker.kill()
            worker.wait(20)
            self.killed = worker.pid

    def lost(self, cell: Cell) -> None:
        self.lost_cells.append(cell)


def test_a_lost_workers_cells_run_again_and_the_table_is_that_of_one_process(
    sweep_file: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    plan = read_plan(sweep_file("[prediction, saliency, isolation, extraction, reweighting, compression]", seeds="3"))
    cells = list(cells_of(plan))
    by_one, by_two = Results(tmp_path / "alone"), Results(tmp_path / "cluster")
    by_one.make_folder()
    by_two.make_folder()
    alone, none = run(cells, by_one, InProcess(), NoWatch())
    assert not none
    watch = KillsAWorker()
    with cluster("local", 2, None) as (workers, count):
        assert count == 2
        found, failures = run(cells, by_two, workers, watch)
    assert watch.killed
    assert watch.lost_cells
    assert not failures
    assert list(found) == cells
    assert page_as_markdown(sweep_page(plan, found, {})) == page_as_markdown(sweep_page(plan, alone, {}))
    assert len(list((tmp_path / "cluster" / "cells").glob("*.json"))) == len(cells)


def test_no_cluster_is_one_sentence() -> None:
    with (
        pytest.raises(IcldiagError, match=r"--ray 127\.0\.0\.1:1: no cluster answers"),
        cluster("127.0.0.1:1", 1, None),
    ):
        pass
