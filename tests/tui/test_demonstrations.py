"""Panel Demonstrations shows what is there before all of it is."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest

from icldiag.analyses.lab import Lab
from icldiag.analyses.overview.compute import Perturb, Summarise
from icldiag.errors import AnalysisError
from icldiag.tui.panels.base import Line
from tests.tui.pilot import running, settle, until


async def test_rows_are_shown_as_they_come(
    prompt_file: Path, model_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first alone, as so many of all; then all of them, and what is to be pressed."""
    ask, further, rows = Lab.ask, threading.Event(), list[int]()

    def slow(self: Lab, questions: Any, *rest: Any) -> Any:
        rows.append(len(questions))
        if len(rows) > 1:
            further.wait(30)
        return ask(self, questions, *rest)

    def overview(*ignored: Any) -> Any:  # which would ask them for itself
        raise AnalysisError("not here")

    monkeypatch.setattr(Summarise, "compute", overview)
    async with running(prompt_file, model_folder, (100, 30)) as (app, pilot):
        await settle(pilot, lambda: app.state.prediction)
        monkeypatch.setattr(Lab, "ask", slow)
        await pilot.press("H")
        finding = app.panel.query_one("#finding", Line)
        try:
            await until(pilot, lambda: "So far 1 of 3 left out." in finding.text.plain)
            matrix = app.panel.query_one("#matrix", Line).text.plain
            assert "1 Person" in matrix and "2 Location" not in matrix
            assert Perturb() not in app.state.results
        finally:
            further.set()
        await settle(pilot, lambda: Perturb() in app.state.results)
        assert "So far" not in finding.text.plain and rows[:3] == [1, 1, 1]
        assert "3 Number" in app.panel.query_one("#matrix", Line).text.plain
        assert "Press s" in app.panel.query_one("#offer", Line).text.plain


async def test_means_are_those_of_the_finding_and_columns_those_of_overview(
    prompt_file: Path, model_folder: Path
) -> None:
    """The same queries in the same order, and as many digits in a row as in the sentence about it."""
    async with running(prompt_file, model_folder, (120, 40)) as (app, pilot):
        await settle(pilot, lambda: Summarise() in app.state.results)
        overview = app.panel.query_one("#strip", Line).text.plain.splitlines()
        await pilot.press("H")
        await settle(pilot, lambda: app.panel.query_one("#matrix", Line).text.plain)
        rows = app.panel.query_one("#matrix", Line).text.plain.splitlines()[1:]
        assert len(rows) == 3
        for row in rows:
            number, name, signs, mean = row.split()[:4]
            assert [number, name, signs, mean] in [line.split()[:4] for line in overview]
        finding = " ".join(app.panel.query_one("#finding", Line).text.plain.split())
        worst = rows[0].split()
        assert f"emonstration {worst[0]} ({worst[1]}) takes {worst[3].lstrip('-')} nats" in finding
        assert "A column a query in the prompt's order" in app.panel.query_one("#matrix-title", Line).text.plain
