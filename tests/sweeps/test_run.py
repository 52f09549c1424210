"""Running: numbers are a session's own, what is done is never done again, what fails is told."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest

from icldiag.errors import IcldiagError
from icldiag.page.blocks import Page
from icldiag.session import Session
from icldiag.sweeps.cells import Cell, cells_of
from icldiag.sweeps.plan import Plan, read_plan
from icldiag.sweeps.results import Result, Results
from icldiag.sweeps.run import InProcess, NoWatch, Watch, run
from icldiag.sweeps.worker import Failure
from icldiag.sweeps.write import write_sweep
from tests.sweeps.conftest import Write

ALL = "[prediction, confusion, saliency, isolation, extraction, reweighting, compression, repairs]"


def test_every_analysis_gives_what_a_session_gives(sweep_file: Write, tmp_path: Path) -> None:
    path = sweep_file(ALL, seeds="[5]")
    path.write_text(path.read_text().replace("examples: 4", "examples: 8").replace("draws: 2", "draws: 2, budget: 4"))
    cells = list(cells_of(read_plan(path)))
    found, failures = run(cells, made(tmp_path / "out"), InProcess(), NoWatch())
    assert not failures
    values = {cell.analysis: found[cell].values for cell in cells if cell.shots == (1, 1)}
    session = Session(cells[0].prompt, cells[0].model)
    assert values["prediction"]["accuracy"] == session.prediction().accuracy
    assert values["prediction"]["predicted"] == session.prediction().predicted.tolist()
    assert values["confusion"]["spearman"] == session.confusion().spearman
    flows = [session.flow(query).raw for query in range(2)]
    expected = np.mean(flows, axis=0) / np.mean(flows, axis=0).sum(axis=0)
    np.testing.assert_allclose(np.array(values["saliency"]["shares"]), expected, rtol=1e-6)
    first = session.isolation().first[0].answers
    assert values["isolation"]["settings"]["first"]["label words"]["label_loyalty"] == first.label_loyalty
    assert values["extraction"]["aucroc"] == list(session.extraction().aucroc)
    assert values["reweighting"]["before"] == session.prediction().accuracy
    compressed = session.compression(draws=2, seed=5, timed=False)
    assert values["compression"]["hidden_anchor"]["label_loyalty"] == compressed.hidden_anchor.answers.label_loyalty
    assert values["compression"]["speed_up"] is None
    assert len(values["repairs"]["trials"]) == 4


def made(folder: Path) -> Results:
    results = Results(folder)
    results.make_folder()
    return results


class Counting:
    """Computes in process, and counts."""

    def __init__(self, stop_after: int | None = None) -> None:
        self.computed: list[str] = []
        self.stop_after = stop_after

    def outcomes(self, cells: Sequence[Cell], watch: Watch) -> Iterator[tuple[Cell, Result | Failure]]:
        for cell, outcome in InProcess().outcomes(cells, watch):
            if len(self.computed) == self.stop_after:
                raise KeyboardInterrupt
            self.computed.append(cell.key)
            yield cell, outcome


def test_a_stopped_run_goes_on_where_it_was(plan: Plan, tmp_path: Path) -> None:
    cells = list(cells_of(plan))
    results = made(tmp_path / "out")
    first, second, third = Counting(stop_after=2), Counting(), Counting()
    with pytest.raises(KeyboardInterrupt):
        run(cells, results, first, NoWatch())
    found, _ = run(cells, results, second, NoWatch())
    assert first.computed == [cell.key for cell in cells[:2]]
    assert second.computed == [cell.key for cell in cells[2:]]
    again, _ = run(cells, results, third, NoWatch())
    assert not third.computed
    assert {cell: result.values for cell, result in again.items()} == {cell: found[cell].values for cell in cells}


def test_again_computes_all_and_keeps_what_is_there_until_then(plan: Plan, tmp_path: Path) -> None:
    cells = list(cells_of(plan))[:3]
    results = made(tmp_path / "out")
    run(cells, results, InProcess(), NoWatch())
    stopped = Counting(stop_after=1)
    with pytest.raises(KeyboardInterrupt):
        run(cells, results, stopped, NoWatch(), again=True)
    assert stopped.computed == [cells[0].key]
    assert all(results.get(cell) is not None for cell in cells)


def test_a_broken_or_foreign_file_is_computed_anew(plan: Plan, tmp_path: Path) -> None:
    cells = list(cells_of(plan))[:2]
    results = made(tmp_path / "out")
    run(cells, results, InProcess(), NoWatch())
    first, second = (tmp_path / "out" / "cells" / f"{cell.key}.json" for cell in cells)
    first.write_text(first.read_text()[:50])
    document = json.loads(second.read_text())
    second.write_text(json.dumps({**document, "key": "0" * 64}))
    counting = Counting()
    run(cells, results, counting, NoWatch())
    assert counting.computed == [cell.key for cell in cells]


def test_no_altered_byte_is_taken_for_a_result(plan: Plan, tmp_path: Path) -> None:
    cell, other = list(cells_of(plan))[:2]
    results = made(tmp_path / "out")
    kept = Result({"accuracy": 0.5, "text": "é"}, 1.5, {"device": "cpu"})
    results.put(cell, kept)
    path, elsewhere = (tmp_path / "out" / "cells" / f"{key}.json" for key in (cell.key, other.key))
    whole = path.read_bytes()
    assert json.loads(whole)["values"] == kept.values
    for place in range(len(whole)):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        assert results.get(cell) is None
    path.write_bytes(whole)
    elsewhere.write_bytes(whole)
    assert results.get(cell) == kept
    assert results.get(other) is None
    elsewhere.unlink()
    os.mkfifo(elsewhere)
    assert results.get(other) is None
    results.put(other, kept)  # in its place, not into it
    assert results.get(other) == kept


def test_what_a_killed_sweep_left_is_gone_at_the_next(plan: Plan, tmp_path: Path) -> None:
    made(tmp_path / "out")
    left = [
        tmp_path / "out" / name
        for name in (
            f"cells/.{'0' * 64}.json.0123abcd.icldiag-tmp",
            ".sweep.html.0123abcd.icldiag-tmp",
            "csv/.p-n.csv.0123abcd.icldiag-tmp",
            "figures/.p-n.svg.0123abcd.icldiag-tmp",
        )
    ]
    mine = tmp_path / "out" / ".mine.html.0123abcd.icldiag-tmp"  # of a report that is being written, perhaps
    for path in (*left, mine):
        path.parent.mkdir(exist_ok=True)
        path.write_text("half")
    made(tmp_path / "out")
    write_sweep(Page("a page", (), {}, ()), tmp_path / "out")
    assert [path for path in left if path.exists()] == []
    assert mine.exists()


def test_what_fails_is_told_and_the_rest_is_computed(sweep_file: Write, tmp_path: Path) -> None:
    path = sweep_file("[prediction, reweighting]", seeds="1")
    path.write_text(path.read_text().replace("per_class: 2", "per_class: 9"))
    cells = list(cells_of(read_plan(path)))
    results = made(tmp_path / "out")
    found, failures = run(cells, results, InProcess(), NoWatch())
    assert [cell.analysis for cell in found] == ["prediction", "prediction"]
    ((cell, failure),) = failures.items()
    assert cell.analysis == "reweighting"
    assert "re-weighting needs 9 labelled examples" in failure.reason
    assert results.get(cell) is None  # so that it is tried next time


def test_a_model_that_does_not_load_is_tried_once(
    sweep_file: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from icldiag.errors import ModelError
    from icldiag.sweeps import worker

    tries = []

    def load(settings: object) -> None:
        tries.append(settings)
        raise ModelError("no such model")

    monkeypatch.setattr(worker, "load_model", load)
    cells = list(cells_of(read_plan(sweep_file())))
    found, failures = run(cells, made(tmp_path / "out"), InProcess(), NoWatch())
    assert not found
    assert set(failures.values()) == {Failure("no such model")}
    assert len(tries) == 1


def test_numbers_survive_the_file(plan: Plan, tmp_path: Path) -> None:
    cell = next(cells_of(plan))
    results = made(tmp_path / "out")
    result = Result({"accuracy": 0.1 + 0.2, "aucroc": [None, 1 / 3]}, 1.5, {"device": "cpu"})
    results.put(cell, result)
    assert results.get(cell) == result


_KILLED = """
import os, signal
from icldiag.cli import main
from icldiag.sweeps.results import Results
put, written = Results.put, []
def killed(*arguments):
    put(*arguments)
    written.append(1)
    if len(written) == 3:
        os.kill(os.getpid(), signal.SIGKILL)
Results.put = killed
main()
"""


def test_a_killed_process_loses_no_finished_cell(sweep_file: Write, tmp_path: Path) -> None:
    """Killed between two cells; `test_own_files` kills it while it writes."""
    path = sweep_file(seeds="3")
    command = [sys.executable, "-c", _KILLED, "sweep", str(path), "-o", str(tmp_path / "out")]
    cells = tmp_path / "out" / "cells"
    killed = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    assert killed.returncode == -signal.SIGKILL
    done = {file.name: file.stat().st_mtime_ns for file in cells.glob("*.json")}
    plan = read_plan(path)
    wanted = list(cells_of(plan))
    assert len(done) == 3 < len(wanted)
    found, failures = run(wanted, made(tmp_path / "out"), InProcess(), NoWatch())
    assert len(found) == len(wanted)
    assert not failures
    assert {name: (cells / name).stat().st_mtime_ns for name in done} == done
    whole, _ = run(wanted, made(tmp_path / "whole"), InProcess(), NoWatch())
    assert [found[cell].values for cell in wanted] == [whole[cell].values for cell in wanted]


def test_the_door_for_python(sweep_file: Write, tmp_path: Path) -> None:
    import icldiag

    sweep = icldiag.Sweep(sweep_file(), output=tmp_path / "out")
    assert len(sweep.pending) == len(sweep.cells) == 6
    assert not (tmp_path / "out").exists()
    sweep.run()
    assert not sweep.pending
    frame = sweep.to_frame()
    accuracy = frame[(frame.analysis == "prediction") & (frame.number == "accuracy") & (frame.shots == "1-shot")]
    cells = [cell for cell in sweep.cells if cell.analysis == "prediction" and cell.shots == (1, 1)]
    assert accuracy.value.tolist() == [sweep.found[cell].values["accuracy"] for cell in cells]
    assert not icldiag.Sweep(tmp_path / "sweep.yaml", output=tmp_path / "out").pending


def test_a_folder_that_cannot_be_made_is_told_before_anything_is_computed(sweep_file: Write, tmp_path: Path) -> None:
    import icldiag

    (tmp_path / "taken").write_text("a file")
    sweep = icldiag.Sweep(sweep_file(), output=tmp_path / "taken")
    with pytest.raises(IcldiagError, match="cannot make the folder"):
        sweep.run()
    assert sweep.pending == list(sweep.cells)
