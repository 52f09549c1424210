"""A session brought back: what was chosen at once, beta and the pinned state when the model is there."""

from __future__ import annotations

from pathlib import Path

from textual.widgets import Input

from icldiag.analyses.repairs import FindRepairs, TryCalibrations
from icldiag.prompt.read import read_prompt
from icldiag.tui import requests
from icldiag.tui.panels.repairs import RepairPanel
from icldiag.tui.queries import Queries
from icldiag.tui.saved import saved_session
from tests.analyses.repairs.conftest import short_trainings as short_trainings
from tests.tui.pilot import last_session, lines_of, running, says, screen_text, settle, until


async def test_everything_comes_back(prompt_file: Path, model_folder: Path) -> None:
    async with running(prompt_file, model_folder, (200, 50)) as (app, pilot):
        await settle(pilot, lambda: app.state.prediction)
        await pilot.press("6", "s")
        await settle(pilot, lambda: requests.reweighting() in app.state.results)
        await pilot.press("b")
        await settle(pilot, lambda: app.state.beta_on)
        await pilot.press("p")  # the pinned state: beta in force, prompt as written
        await settle(pilot, lambda: app.state.pinned)
        await pilot.press("0")
        await settle(pilot, lambda: not app.state.beta_on)
        await pilot.press("8", "v", "d")
        await settle(pilot, lambda: app.state.prediction)
        await pilot.press("4", "c", "right_square_bracket", "space", "slash", *"where", "enter")
        await settle(pilot)
        app.query_one(Queries).select(4)
        await settle(pilot)
        await pilot.press("plus")
        before, pinned, prompt = app.state.prediction, app.state.pinned, app.state.prompt
        await pilot.press("q")
    assert before is not None
    assert pinned is not None
    async with running(prompt_file, model_folder, (200, 50), resumed=last_session()) as (app, pilot):
        await until(pilot, lambda: "EDITED" in screen_text(app) and "CUT IN LAYER 1" in screen_text(app))
        await settle(pilot, lambda: app.state.prediction and app.state.pinned and not app.state.stored)
        state = app.state
        assert state.prompt is not None
        assert prompt is not None
        assert state.prompt.hash == prompt.hash
        assert (state.query, sorted(state.marked)) == (4, [4])
        assert state.cut_kind == "label_to_target"
        assert state.cut_layers == {1}
        assert app.panel.title == "Isolate"
        assert getattr(app.panel, "at_layer", None) == 1
        assert app.query_one("#prompt").detail == "boundaries"  # type: ignore[attr-defined]
        assert app.query_one("#filter", Input).value == "where"
        assert app.query_one(Queries).order == [4, 1] or app.query_one(Queries).order == [1, 4]
        assert state.prediction is not None
        assert state.prediction.probabilities.tolist() == before.probabilities.tolist()
        assert state.pinned is not None
        assert state.pinned.beta_on
        assert state.pinned.prediction is not None
        assert pinned.prediction is not None
        assert state.pinned.prediction.probabilities.tolist() == pinned.prediction.probabilities.tolist()
        await settle(pilot, lambda: "PINNED" in screen_text(app))
        await pilot.press("8", "u")
        await settle(pilot, lambda: app.state.prediction)
        assert app.state.prompt is not None
        assert app.state.prompt.hash == read_prompt(prompt_file).hash
        assert requests.reweighting() in app.state.results  # trained before on this prompt


async def test_beta_in_force_comes_back_trained_anew_where_the_store_lost_it(
    prompt_file: Path, model_folder: Path, tmp_path: Path
) -> None:
    async with running(prompt_file, model_folder) as (app, pilot):
        await settle(pilot, lambda: app.state.prediction)
        await pilot.press("6", "s")
        await settle(pilot, lambda: requests.reweighting() in app.state.results)
        await pilot.press("b")
        await settle(pilot, lambda: app.state.beta_on)
        before = app.state.prediction
        await pilot.press("q")
    for path in (tmp_path / "cache").iterdir():
        path.unlink()
    assert before is not None
    async with running(prompt_file, model_folder, resumed=last_session()) as (app, pilot):
        session = saved_session(app.desk)
        assert session is not None
        assert session.now.beta is not None  # cut off now, it would still be known
        await settle(pilot, lambda: app.state.beta_on)
        assert "RE-WEIGHTED" in screen_text(app)
        assert app.state.prediction is not None
        assert app.state.prediction.probabilities.tolist() == before.probabilities.tolist()


async def test_only_the_marked_queries_are_asked_after_resuming_and_the_others_come_back(
    prompt_file: Path, model_folder: Path
) -> None:
    async with running(prompt_file, model_folder, (150, 40)) as (app, pilot):
        await settle(pilot, lambda: app.state.prediction)
        queries = len(app.state.prompt.queries)  # type: ignore[union-attr]
        app.query_one(Queries).select(1)
        await settle(pilot)
        await pilot.press("plus", "A")
        await settle(pilot, lambda: app.state.narrowed and app.state.prediction)
        shown = f"1 OF {queries} QUERIES"
        assert says(app, shown)
        await pilot.press("q")
    async with running(prompt_file, model_folder, (150, 40), resumed=last_session()) as (app, pilot):
        await until(pilot, lambda: says(app, shown))
        await settle(pilot, lambda: app.state.prediction and not app.state.stored)
        assert says(app, shown)
        await pilot.press("A")
        await settle(pilot, lambda: app.state.prediction and app.state.narrowed is None)
        assert app.state.prompt is not None
        assert app.state.prompt.hash == read_prompt(prompt_file).hash
        assert app.state.marked == {1}
        assert not says(app, "QUERIES (key")
        await pilot.press("q")


async def test_the_heads_that_a_cut_is_limited_to_come_back_and_key_0_takes_them_off(
    prompt_file: Path, model_folder: Path
) -> None:
    async with running(prompt_file, model_folder, (150, 40)) as (app, pilot):
        await settle(pilot, lambda: app.state.prediction)
        state = app.state
        state.cut_kind, state.cut_layers, state.cut_heads = "label_to_target", frozenset({1}), ((1, 0), (1, 2))
        await pilot.press("q")
    async with running(prompt_file, model_folder, (150, 40), resumed=last_session()) as (app, pilot):
        await settle(pilot, lambda: app.state.prediction and not app.state.stored)
        assert list(app.state.cut_heads) == [(1, 0), (1, 2)]
        assert says(app, "CUT IN LAYER 1 (2 heads)")
        await pilot.press("0")
        await settle(pilot)
        assert not app.state.cut_layers
        assert not app.state.cut_heads
        await pilot.press("0")
        await settle(pilot)
        assert set(app.state.cut_layers) == {1}
        assert list(app.state.cut_heads) == [(1, 0), (1, 2)]
        app.state.cut_layers = frozenset()  # the limit alone is taken off too: the next cut would be of these heads
        await pilot.press("0")
        await settle(pilot)
        assert not app.state.cut_heads
        assert [note.message for note in app._notifications][-1].startswith("Off: the limit of cuts to heads 1.0, 1.2")


async def test_what_was_trained_before_an_edit_is_there_after_resuming_though_it_was_off(
    prompt_file: Path, model_folder: Path
) -> None:
    async with running(prompt_file, model_folder, (150, 40)) as (app, pilot):
        await settle(pilot, lambda: app.state.prediction)
        await pilot.press("6", "s")
        await settle(pilot, lambda: requests.reweighting() in app.state.results)
        beta = app.state.results[requests.reweighting()].beta
        app.edits.ask("Who is in the park ?")
        await settle(pilot, lambda: app.state.prediction)
        assert requests.reweighting() in app.state.results
        await pilot.press("q")
    for _ in range(2):  # also of a session that was left before the model was there
        async with running(prompt_file, model_folder, (150, 40), resumed=last_session()) as (app, pilot):
            saved = saved_session(app.desk)
            assert saved is not None
            assert saved.now.trained_on is not None
            await settle(pilot, lambda: app.state.prediction and not app.state.stored)
            assert not app.state.beta_on
            assert (app.state.results[requests.reweighting()].beta == beta).all()
            assert says(app, "before this query was asked")
            await pilot.press("q")


async def test_a_repair_that_was_on_is_taken_off_after_resuming(prompt_file: Path, model_folder: Path) -> None:
    async with running(prompt_file, model_folder, (150, 60)) as (app, pilot):
        await settle(pilot, lambda: app.state.prediction)
        before = app.state.prompt
        await pilot.press("9")
        await settle(pilot, lambda: TryCalibrations() in app.state.results)
        await pilot.press("t")
        await settle(pilot, lambda: app.state.applied and app.state.prediction)
        await pilot.pause()
        on, table = lines_of(app, "#applied"), lines_of(app, "#table")
        assert " -> " in on[1]
        await pilot.press("q")
    assert before is not None
    for keys in ((), ("O",)):
        async with running(prompt_file, model_folder, (150, 60), resumed=last_session()) as (app, pilot):
            await settle(pilot, lambda: app.state.prediction and not app.state.stored)
            await settle(pilot)
            assert lines_of(app, "#applied") == on
            assert lines_of(app, "#table") == table
            await pilot.press(*keys)
            await settle(pilot)
            assert says(app, "t take off")
            await pilot.press("q" if not keys else "t")
            await settle(pilot, lambda: app.state.prediction)
            if keys:
                assert app.state.prompt == before
                assert app.state.applied is None
                assert app.state.edits == 0


async def test_a_reweighting_that_a_search_found_is_on_after_resuming_or_it_is_said_that_it_is_not(
    prompt_file: Path, model_folder: Path, tmp_path: Path
) -> None:
    async with running(prompt_file, model_folder, (150, 60)) as (app, pilot):
        await settle(pilot, lambda: app.state.prediction)
        await pilot.press("9", "s")
        await settle(pilot, lambda: FindRepairs() in app.state.results)
        trials = app.state.results[FindRepairs()].trials
        place = next(place for place, trial in enumerate(trials) if trial.repair.beta is not None)
        app.query_one(RepairPanel).marked = place
        await pilot.press("t")
        await settle(pilot, lambda: app.state.applied and app.state.beta_on)
        before = app.state.prediction
        assert before is not None
        await pilot.press("q")
    name = trials[place].repair.name
    for keys in ("q", "t"):
        async with running(prompt_file, model_folder, (150, 60), resumed=last_session()) as (app, pilot):
            saved = saved_session(app.desk)
            assert saved is not None
            assert saved.now.repairs[-1].has_beta  # cut off now, it would still be known
            await settle(pilot, lambda: app.state.prediction and not app.state.stored)
            assert app.state.applied is not None
            assert app.state.applied.name == name
            assert "RE-WEIGHTED" in screen_text(app)
            assert app.state.prediction is not None
            assert app.state.prediction.probabilities.tolist() == before.probabilities.tolist()
            if keys == "q":
                await pilot.press("q")
                continue
            await pilot.press("t")
            await settle(pilot, lambda: app.state.prediction and not app.state.beta_on)
            assert not app.state.undo
            app.query_one(RepairPanel).marked = place
            await pilot.press("t")
            await settle(pilot, lambda: app.state.prediction and app.state.beta_on)
            await pilot.press("q")
    for path in (tmp_path / "cache").iterdir():
        path.unlink()
    async with running(prompt_file, model_folder, (150, 60), resumed=last_session()) as (app, pilot):
        await settle(pilot, lambda: app.state.prediction)
        assert app.state.applied is None
        assert not app.state.beta_on
        assert not app.state.undo
        (toast,) = app.screen.query("Toast")  # beside the panel its sentence takes more than a line
        shown = app.screen.find_widget(toast).visible_region
        lines = screen_text(app).splitlines()[shown.y : shown.bottom]
        said = " ".join(line[shown.x : shown.right].strip(" ▌│") for line in lines)
        assert "is off: its weights are no longer on disk" in " ".join(said.split())
