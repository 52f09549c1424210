"""Results on their own: in a terminal, in a notebook, as data frames; and the documentation's notebook runs."""

from __future__ import annotations

import re
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.console import Console

from icldiag.analyses import ANALYSES
from icldiag.analyses.isolation.cuts import Cut
from icldiag.errors import AnalysisError
from icldiag.prompt.edit import swap
from icldiag.prompt.schema import Example, Label, Prompt
from icldiag.samples import samples_folder
from icldiag.session import Session
from tests.conftest import Tiny

DOCS = Path(__file__).parents[2] / "docs"


@pytest.fixture
def session(prompt: Prompt, tiny: Tiny) -> Session:
    labels = (Label("<b>[/red]", " Person"), *prompt.labels[1:])
    examples = tuple(Example(f"Who is number {i} ?", i % 3) for i in range(12))
    return Session(replace(prompt, labels=labels, examples=examples), tiny())


def results(session: Session) -> list[Any]:
    return [
        session.prediction(),
        session.confusion(),
        session.scorings(),
        session.generation(),
        session.overview(),
        session.explanation(0),
        session.saliency(),
        session.flow(1),
        session.isolation(),
        session.isolate(Cut.of("label_to_target", [0, 1])),
        session.extraction(),
        session.depth(0),
        session.depths(),
        session.shares(2),
        session.contrast(0),
        session.deletion(0, 2),
        session.demonstrations(),
        session.heads(),
        session.head_sides(),
        session.patching(0, swap(session.prompt, 0, 1)),
        session.repairs(budget=3),
        session.reweighting(),
        session.compression(draws=2),
    ]


def test_every_result_shows_itself(session: Session) -> None:
    shown = results(session)
    assert {type(result) for result in shown} == {kind for analysis in ANALYSES.values() for kind in analysis.results}
    for result in shown:
        line = repr(result)
        assert line.startswith(f"<{type(result).__name__}: ")
        assert len(line) < 400, line
        html = result._repr_html_()
        assert "<b>[/red]" not in html
        assert "<script" not in html
        console = Console(width=120, record=True, file=open("/dev/null", "w"))  # noqa: SIM115, PTH123
        console.print(result)
        text = console.export_text()
        assert "array(" not in text
        assert len(text.splitlines()) > 3
    assert "&lt;b&gt;[/red]" in shown[0]._repr_html_()
    assert "<svg" in shown[1]._repr_html_()


def test_the_same_result_shown_twice_shares_no_ids(session: Session) -> None:
    first, second = (set(re.findall(r' id="([^"]+)"', session.isolation()._repr_html_())) for _ in range(2))
    assert first
    assert not first & second


def test_frames_hold_the_numbers_in_full(session: Session) -> None:
    prediction, confusion = session.prediction(), session.confusion()
    frame = prediction.to_frame()
    assert frame["p(Number)"].tolist() == prediction.probabilities[:, 2].tolist()
    assert frame["gold"].isna().tolist() == [False, False, False, True, False, False]
    assert confusion.to_frame().distance.tolist() == [pair.distance for pair in confusion.pairs]
    matrix = confusion.to_frame("auc").drop(columns="label").to_numpy(dtype=float)
    np.testing.assert_array_equal(np.isnan(matrix), np.eye(3, dtype=bool) | np.isnan(confusion.auc))
    assert session.reweighting().to_frame().beta.to_numpy().reshape(4, 4, 4) == pytest.approx(
        session.reweighting().beta
    )
    assert len(session.isolation().to_frame()) == 7
    assert session.isolate(Cut.of("label_to_target", [0, 1])).to_frame().layers.tolist() == ["0 to 1"]
    for result in results(session):
        assert len(result.to_frame()) > 0
    with pytest.raises(AnalysisError, match="there is no table 'x'; choose from counts, wrong, queries"):
        prediction.to_frame("x")


def test_without_pandas_the_cure_is_named(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "pandas", None)
    with pytest.raises(AnalysisError, match="pip install pandas"):
        session.prediction().to_frame()


def test_every_section_names_a_main_table_that_exists(session: Session) -> None:
    shown = results(session)
    for name, analysis in ANALYSES.items():
        tables = {table for result in shown if isinstance(result, analysis.results) for table in _tables(result)}
        assert analysis.section.main in tables, name


def _tables(result: Any) -> list[str]:
    from icldiag.analyses.result import part_of
    from icldiag.page.blocks import Table

    return [block.name for block in part_of(result).blocks if isinstance(block, Table)]


def run_cells(page: Path, folder: Path) -> int:
    """Run a page's Python from top to bottom, in a folder that has the sample prompts; how many cells it has."""
    shutil.copytree(samples_folder(), folder / "sample_prompts")
    cells = re.findall(r"^```python\n(.*?)^```", page.read_text(), re.DOTALL | re.MULTILINE)
    names: dict[str, Any] = {}
    for cell in cells:
        exec(compile(cell, str(page), "exec"), names)
    return len(cells)


def test_the_notebook_of_the_documentation_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run_cells(DOCS / "python.md", tmp_path) >= 8
    told = capsys.readouterr().out
    assert "accuracy 0.88" in told
    assert "0 of 24 answers differ" in told
    assert {"report.html", "tables", "figures"} <= {path.name for path in tmp_path.iterdir()}


def test_the_example_of_the_readme_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run_cells(DOCS.parent / "README.md", tmp_path) == 1
    told = capsys.readouterr().out
    assert "<Prediction: 3 of 24 labelled queries are answered wrong (accuracy 0.88)" in told
    assert "<Explanation: Query 15 (Positive, not Negative). " in told
    assert "label prior" in told
    for result in ("QueryFlow", "Repairs", "Reweighting", "Compression"):
        assert f"<{result}: " in told
    assert "<h2>Why</h2>" in (tmp_path / "report.html").read_text()
