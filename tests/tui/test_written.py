"""Panel Prompt says what the model would write after the selected query, beside the label that scores highest."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from icldiag.analyses.generation.compute import Generate, Generation
from icldiag.analyses.request import Each, Workbench
from icldiag.errors import AnalysisError
from icldiag.model.readout import Progress
from icldiag.tui.panels.prompt import notes
from icldiag.tui.queries import Queries
from tests.tui.pilot import lines_of, running, settle

_compute = Generate.compute


def said(app: object) -> str:
    return " ".join(lines_of(app, "#length"))  # type: ignore[arg-type]


async def test_the_text_and_what_it_says(
    prompt_file: Path, model_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def drugs(self: Generate, bench: Workbench, progress: Progress, each: Each | None) -> Generation:
        found = _compute(self, bench, progress, each)
        texts, labels = (" Drug", " Person", *found.texts[2:]), (None, 0, *found.scored[2:])
        return replace(found, texts=texts, said=labels, cut=(False,) * len(found), scored=(1, 1, *found.scored[2:]))

    monkeypatch.setattr(Generate, "compute", drugs)
    async with running(prompt_file, model_folder, (120, 40)) as (app, pilot):
        await settle(pilot, lambda: app.state.prediction)
        app.query_one(Queries).select(0)
        await pilot.press("8")
        await settle(pilot, lambda: "would write" in said(app))
        assert "would write ' Drug': no label, where Location scores highest. All label words together" in said(app)
        of_all = "Of 5 queries the model would write no label in 1 and another label than scores highest in 1."
        assert of_all in said(app)
        app.query_one(Queries).select(1)
        await settle(pilot, lambda: "' Person'" in said(app))
        assert "' Person': Person, where Location scores highest." in said(app)
        app.query_one(Queries).select(2)
        await settle(pilot, lambda: "the label that scores highest." in said(app))


async def test_what_it_would_begin_with_while_that_cannot_be_told(
    prompt_file: Path, model_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(self: Generate, bench: Workbench, progress: Progress, each: Each | None) -> Generation:
        raise AnalysisError("no room")

    monkeypatch.setattr(Generate, "compute", broken)
    async with running(prompt_file, model_folder, (120, 40)) as (app, pilot):
        await settle(pilot, lambda: app.state.prediction)
        await pilot.press("8")
        await settle(pilot, lambda: "would begin with" in said(app))
        await settle(pilot, lambda: app.panel.settled())
        assert "What the model would write is not known: no room" in said(app)


def test_few_notes_stand_above_the_prompt_and_the_rest_is_counted() -> None:
    assert notes(["a", "b"]) == " Note: a. Note: b."
    told = notes([f"n{number}" for number in range(7)])
    assert told.endswith(" Note: n3. There are 3 more: icldiag check --model lists all.") and "n4" not in told
