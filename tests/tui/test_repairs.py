"""Panel Repair: search, take over, undo, write."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from icldiag.analyses.repairs import FindRepairs, TryCalibrations, sorted_by
from icldiag.analyses.search.repair import Repair
from icldiag.prompt.read import read_prompt
from icldiag.tui.app import DiagnosisApp
from icldiag.tui.panels.base import Line
from icldiag.tui.panels.repairs import RepairPanel
from icldiag.tui.queries import Queries
from icldiag.visible import visible
from tests.analyses.repairs.conftest import short_trainings as short_trainings
from tests.tui.pilot import lines_of, running, says, screen_text, settle


async def test_search_take_undo_and_write(
    prompt_file: Path, model_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    async with running(prompt_file, model_folder) as (app, pilot):
        await settle(pilot, lambda: app.state.prediction)
        await pilot.press(RepairPanel.key)
        await pilot.pause()
        assert "Press s to search" in screen_text(app)
        await pilot.press("s")
        await settle(pilot, lambda: FindRepairs() in app.state.results)
        found = app.state.results[FindRepairs()]
        await pilot.pause()
        assert "this query" in screen_text(app)
        place = next(i for i, trial in enumerate(found.trials) if trial.repair.family == "calibration")
        away = place - app.query_one(RepairPanel).marked  # at first what the sentence speaks of is marked
        for _ in range(abs(away)):
            await pilot.press("right_square_bracket" if away > 0 else "left_square_bracket")
        calibration = found.trials[place].repair.calibration
        assert f"{found.trials[place].repair.name}: " in marked(app)
        await pilot.press("w", "enter")
        await settle(pilot, (tmp_path / "prompt-repaired.yaml").exists)
        written = read_prompt(tmp_path / "prompt-repaired.yaml")
        assert written.calibration == calibration
        await pilot.press("t")
        await settle(pilot, lambda: app.state.prediction and app.state.prompt and app.state.prompt.calibration)
        assert f"CALIBRATED {calibration.kind}" in screen_text(app)
        assert app.state.prediction is not None
        assert app.state.prediction.predicted.tolist() == found.trials[place].predicted.tolist()
        assert "(t takes it off)" in screen_text(app)
        await pilot.press("right_square_bracket")
        await pilot.pause()
        assert "(t takes it off)" not in screen_text(app)  # now it would apply another one
        await pilot.press("left_square_bracket", "t")
        await settle(pilot, lambda: app.state.prediction and app.state.prompt and not app.state.prompt.calibration)
        assert "CALIBRATED" not in screen_text(app)
        assert not app.state.undo
        assert FindRepairs() in app.state.results  # the search is not lost
        await pilot.press("t", "u")
        await settle(pilot, lambda: app.state.prediction and app.state.prompt and not app.state.prompt.calibration)
        assert "ON " not in screen_text(app)


async def test_the_table_stays_while_a_repair_is_on_and_marks_it(prompt_file: Path, model_folder: Path) -> None:
    async with running(prompt_file, model_folder, (120, 60)) as (app, pilot):
        await settle(pilot, lambda: app.state.prediction)
        await pilot.press(RepairPanel.key)
        await settle(pilot, lambda: TryCalibrations() in app.state.results)
        panel, before = app.query_one(RepairPanel), app.state.prompt
        trials = app.state.results[TryCalibrations()].trials
        table = lines_of(app, "#table")
        panel.marked = 0

        def on() -> list[int]:
            return [row for row, line in enumerate(lines_of(app, "#table")[-len(trials) :]) if line.startswith("ON")]

        for _ in range(2):  # put on, taken off, and put on again
            await pilot.press("t")
            await settle(pilot, lambda: app.state.prediction and app.state.applied)
            assert on() == [0]
            assert [line[2:] for line in lines_of(app, "#table")] == [line[2:] for line in table]
            assert says(app, "Compared with the prompt without the repair that is on")
            assert says(app, "t take off")
            await pilot.press("t")
            await settle(pilot, lambda: app.state.prediction and not app.state.applied)
            assert on() == []
            assert panel.marked == 0
        await pilot.press("t", "right_square_bracket", "t")  # another comes in its place
        await settle(pilot, lambda: app.state.applied and app.state.applied.name == trials[1].repair.name)
        await settle(pilot, lambda: app.state.prediction)
        assert on() == [1]
        assert [one.prompt for one in app.state.undo] == [before]
        await pilot.press("s")  # a search compares with the prompt as it is
        await settle(pilot, lambda: FindRepairs() in app.state.results)
        assert on() == []
        await pilot.press("t")
        await settle(pilot)


async def test_with_a_repair_of_another_panel_on_the_first_choice_is_marked(
    prompt_file: Path, model_folder: Path
) -> None:
    """The key applies what is marked; the line of what is on says what takes it off."""
    async with running(prompt_file, model_folder, (120, 60)) as (app, pilot):
        await settle(pilot, lambda: app.state.prediction)
        before = app.state.prompt
        assert before is not None
        app.edits.apply(Repair("order", "backwards", before.demonstrations[::-1], before.labels))
        await pilot.press(RepairPanel.key)
        await settle(pilot, lambda: app.state.prediction and TryCalibrations() in app.state.results)
        found, panel = app.state.results[TryCalibrations()], app.query_one(RepairPanel)
        assert panel.marked == (found.winner or 0)
        assert says(app, "t apply")
        assert says(app, "backwards ([ ] to it, then t takes it off)")
        assert any(line.startswith("> ") for line in lines_of(app, "#table"))
        await pilot.press(*["left_square_bracket"] * (panel.marked + 1))
        await pilot.pause()
        assert says(app, "backwards (t takes it off)")
        await pilot.press("right_square_bracket", "t")
        await settle(pilot, lambda: app.state.prediction and app.state.edits == 2)
        assert app.state.applied is not None
        assert app.state.applied.name == found.trials[0].repair.name


def marked(app: DiagnosisApp) -> str:
    return app.query_one(RepairPanel).query_one("#marked", Line).text.plain


async def test_a_query_that_is_right_has_nothing_to_mend(prompt_file: Path, model_folder: Path) -> None:
    async with running(prompt_file, model_folder) as (app, pilot):
        await settle(pilot, lambda: app.state.prediction)
        assert app.state.prediction is not None
        prediction = app.state.prediction
        app.query_one(Queries).select(next(q for q in prediction.labelled if not prediction.is_wrong(q)))
        await pilot.press(RepairPanel.key)
        await pilot.press("f")
        await settle(pilot, lambda: FindRepairs(app.state.query) in app.state.failures)
        assert "answered right" in screen_text(app)


async def test_the_repair_that_is_spoken_of_is_marked_and_a_choice_stays(prompt_file: Path, model_folder: Path) -> None:
    """The first in rank need not be the one that fixes the selected query."""
    async with running(prompt_file, model_folder) as (app, pilot):
        await settle(pilot, lambda: app.state.prediction)
        await pilot.press(RepairPanel.key)
        session, panel = app.state.session, app.query_one(RepairPanel)
        assert session is not None
        query = session.prediction().wrong[0]
        app.query_one(Queries).select(query)
        await settle(pilot)
        found = session.repairs(query, budget=8)
        first = found.trials[0]
        still_wrong = replace(first, predicted=found.before)
        mends = replace(first, predicted=np.full_like(found.before, found.gold[query] or 0))
        found = replace(found, query=query, winner=None, confirmed=None, trials=(still_wrong, mends, still_wrong))
        app.state.results[FindRepairs(query)] = found
        app.show_panel()
        assert panel.marked == 1
        await pilot.press("right_square_bracket")
        app.show_panel()
        assert panel.marked == 2
        app.state.results[FindRepairs(query)] = replace(
            found, winner=1, confirmed=first.selection, trials=(still_wrong, mends)
        )
        app.show_panel()
        assert panel.marked == 1


async def test_a_reason_that_is_the_same_for_both_searches_is_told_once(prompt_file: Path, model_folder: Path) -> None:
    async with running(prompt_file, model_folder) as (app, pilot):
        await settle(pilot, lambda: app.state.prediction)
        for search in (TryCalibrations(), FindRepairs()):
            app.state.failures[search] = "a repair must hold on other examples"
        await pilot.press(RepairPanel.key)
        await pilot.pause()
        assert app.query_one(RepairPanel).plain_text().count("a repair must hold on other examples") == 1


async def test_rows_say_what_they_change_and_by_what_they_are_sorted(prompt_file: Path, model_folder: Path) -> None:
    async with running(prompt_file, model_folder, (80, 24)) as (app, pilot):
        await settle(pilot, lambda: app.state.prediction)
        await pilot.press(RepairPanel.key)
        await settle(pilot, lambda: TryCalibrations() in app.state.results)
        await settle(pilot)
        heads, best = lines_of(app, "#table")[:2]
        assert says(app, sorted_by(app.state.results[TryCalibrations()]))
        assert f"query {app.state.query + 1}  calibration" in heads
        assert best.startswith(">") and best.endswith("  neighbours")
        assert "escape stop" not in screen_text(app)


async def test_why_the_choice_is_first_is_told_whole(
    prompt_file: Path, model_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = f"First the choice: {'the best of those that were tested, ' * 4}; then by net."
    monkeypatch.setattr("icldiag.analyses.repairs.sorted_by", lambda found: told)
    async with running(prompt_file, model_folder, (80, 24)) as (app, pilot):
        await settle(pilot, lambda: app.state.prediction)
        await pilot.press(RepairPanel.key)
        await settle(pilot, lambda: TryCalibrations() in app.state.results)
        await settle(pilot)
        assert says(app, told)


async def test_the_whole_name_of_the_marked_change_is_in_view(prompt_file: Path, model_folder: Path) -> None:
    async with running(prompt_file, model_folder, (80, 24)) as (app, pilot):
        await settle(pilot, lambda: app.state.prediction)
        await pilot.press(RepairPanel.key, "s")
        await settle(pilot, lambda: FindRepairs() in app.state.results)
        panel, found = app.query_one(RepairPanel), app.state.results[FindRepairs()]
        places = [place for place, trial in enumerate(found.trials) if trial.repair.short]
        assert places
        for panel.marked in (places[0], places[-1]):
            panel.refresh_panel()
            await settle(pilot)
            shown = " ".join(screen_text(app).split())
            assert f" {visible(found.trials[panel.marked].repair.name)}: " in shown
            assert len([line for line in screen_text(app).splitlines() if line.startswith(" >  ")]) == 1
