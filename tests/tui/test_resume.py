"""A session brought back: what was chosen at once, beta and the pinned state when the model is there."""

from __future__ import annotations

import threading
from functools import partial
from pathlib import Path

import pytest
from textual.widgets import Input

from icldiag.analyses.overview import Summarise
from icldiag.analyses.overview.compute import Judge
from icldiag.model.settings import ModelSettings
from icldiag.prompt.read import read_prompt
from icldiag.session import Session
from icldiag.session_file import SessionFile, session_files, state_folder
from icldiag.store import open_store
from icldiag.tui import requests
from icldiag.tui.app import DiagnosisApp
from icldiag.tui.autosave import Resumption
from icldiag.tui.desk import Desk
from icldiag.tui.loading import SessionJob
from icldiag.tui.queries import Queries
from icldiag.tui.state import AnsweredSession
from tests.tui.pilot import PROMPT, running, screen_text, settle, until


def _says(app: DiagnosisApp, words: str) -> bool:
    return words in " ".join(screen_text(app).split())


def last_session() -> Resumption:
    file = session_files()[0]
    return Resumption(file.read(), file)


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
        await pilot.press("8", "t", "d")
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
        await until(pilot, lambda: "EDITED" in screen_text(app) and "ISOLATE CUTS 1" in screen_text(app))
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
        session = app.desk.to_saved()
        assert session is not None
        assert session.now.beta is not None  # cut off now, it would still be known
        await settle(pilot, lambda: app.state.beta_on)
        assert "RE-WEIGHTED" in screen_text(app)
        assert app.state.prediction is not None
        assert app.state.prediction.probabilities.tolist() == before.probabilities.tolist()


async def test_earlier_results_are_shown_while_the_model_loads(prompt_file: Path, model_folder: Path) -> None:
    async with running(prompt_file, model_folder, (160, 50)) as (app, pilot):
        await settle(pilot, lambda: app.state.prediction)
        await pilot.press("7", "s")
        await settle(pilot, lambda: requests.compression() in app.state.results)
        for number in "12345":
            await pilot.press(number)
            await settle(pilot)
        await pilot.press("q")
    loading: list[AnsweredSession] = []

    def keep_on_loading(self: Desk, answered: AnsweredSession) -> None:
        loading.append(answered)

    original, Desk._session_made = Desk._session_made, keep_on_loading  # type: ignore[method-assign]
    try:
        async with running(prompt_file, model_folder, (160, 50)) as (app, pilot):
            await settle(pilot, lambda: app.state.stored and loading)
            said = {
                "1": "the text itself",
                "2": "anchor distance",
                "3": "Into the target in layer",
                "4": "Nothing is cut",
                "5": "AUCROC",
                "6": "Press s to train",
                "7": "anchors kept",
                "8": "3 demonstrations of",
            }
            for number, words in said.items():
                await pilot.press(number)
                await until(pilot, partial(_says, app, words))
            assert app.state.failures == {}
            await pilot.press("4", "f")  # never computed: it waits, and says so
            await settle(pilot, lambda: "Waiting for the model" in screen_text(app))
            await pilot.press("p", "b", "x")
            await settle(pilot)
            assert app.state.pinned is None
            Desk._session_made = original  # type: ignore[method-assign]
            app.desk._session_made(loading[0])
            await settle(pilot, lambda: "label loyalty" in screen_text(app))
            assert not app.state.stored
    finally:
        Desk._session_made = original  # type: ignore[method-assign]


def test_a_whole_overview_comes_from_disk_with_the_answers(prompt_file: Path, model_folder: Path) -> None:
    """At once, not as a job that waits while the model's imports hold up everything else."""
    settings = ModelSettings(name=str(model_folder), device="cpu")
    prompt = read_prompt(prompt_file)
    overview = Session(prompt, settings, store=open_store(prompt, settings)).ask(Summarise())
    stored = SessionJob(prompt, settings).stored()
    assert stored is not None
    assert stored.results[Summarise()].predicted.tolist() == overview.predicted.tolist()


async def test_what_is_saved_of_the_overview_is_shown_while_the_model_loads(
    prompt_file: Path, model_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = ModelSettings(name=str(model_folder), device="cpu")
    prompt = read_prompt(prompt_file)
    Session(prompt, settings, store=open_store(prompt, settings)).ask(Judge())  # and no more: it was left then
    loading: list[AnsweredSession] = []
    monkeypatch.setattr(Desk, "_session_made", lambda desk, answered: loading.append(answered))
    async with running(prompt_file, model_folder, (160, 50)) as (app, pilot):
        await settle(pilot, lambda: app.state.stored and loading)
        await until(pilot, partial(_says, app, "Saved by an earlier run; the model is loading."))
        assert _says(app, "of 4 labelled queries")
        await pilot.press("n")  # drawn again
        await settle(pilot)
        assert _says(app, "of 4 labelled queries")
        monkeypatch.undo()
        app.desk._session_made(loading[0])
        await settle(pilot, lambda: Summarise() in app.state.results)
        assert not _says(app, "Saved by an earlier run")


async def test_a_prompt_file_that_vanished_or_changed_is_told(prompt_file: Path, model_folder: Path) -> None:
    async with running(prompt_file, model_folder) as (app, pilot):
        await settle(pilot, lambda: app.state.prediction)
        await pilot.press("q")
    prompt_file.write_text(PROMPT.replace("opera", "play"))
    async with running(prompt_file, model_folder, (120, 40), resumed=last_session()) as (app, pilot):
        await settle(pilot, lambda: app.state.prediction)
        assert "has changed since" in " ".join(screen_text(app).split())
        assert app.state.prompt is not None
        assert "opera" in app.state.prompt.demonstrations[0].text
        await pilot.press("r")
        await settle(pilot, lambda: app.state.prediction)
        assert "play" in app.state.prompt.demonstrations[0].text
        await pilot.press("q")
    prompt_file.unlink()
    async with running(prompt_file, model_folder, resumed=last_session()) as (app, pilot):
        await settle(pilot, lambda: app.state.prediction)
        assert "there is no such file" in " ".join(screen_text(app).split())
        assert "right" in screen_text(app)


async def test_it_is_saved_while_the_app_is_open(prompt_file: Path, model_folder: Path) -> None:
    async with running(prompt_file, model_folder) as (app, pilot):
        await settle(pilot, lambda: app.state.prediction)
        await pilot.press("5")
        await settle(pilot)
        app.autosave.look()
        app.autosave._writer.submit(lambda: None).result()
        (file,) = session_files()
        assert file.read().panel == "extract"
        written = file.path.stat().st_mtime_ns
        app.autosave.look()
        app.autosave._writer.submit(lambda: None).result()
        assert file.path.stat().st_mtime_ns == written  # nothing has changed
        assert SessionFile(file.id, state_folder()).is_open
        async with running(prompt_file, model_folder) as (other, second):
            await settle(second, lambda: other.state.prediction)
            await second.press("q")
        assert len(session_files()) == 2
        assert file.read().panel == "extract"


@pytest.mark.usefixtures("watchdog")
async def test_a_disk_that_fails_as_the_app_ends_does_not_hold_it_up(
    prompt_file: Path, model_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The thread that writes tells the event loop, which waits for that thread."""
    async with running(prompt_file, model_folder) as (app, pilot):
        await settle(pilot, lambda: app.state.prediction)
        app.autosave._lock.acquire()
        threading.Timer(0.3, app.autosave._lock.release).start()
        monkeypatch.setattr(SessionFile, "write", full)
        app.autosave._written = None
        app.autosave.look()
        app.leave()
    assert app.return_code == 0


def full(self: SessionFile, session: object) -> None:
    raise OSError(28, "no space left")


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
        assert _says(app, shown)
        await pilot.press("q")
    async with running(prompt_file, model_folder, (150, 40), resumed=last_session()) as (app, pilot):
        await until(pilot, lambda: _says(app, shown))
        await settle(pilot, lambda: app.state.prediction and not app.state.stored)
        assert _says(app, shown)
        await pilot.press("A")
        await settle(pilot, lambda: app.state.prediction and app.state.narrowed is None)
        assert app.state.prompt is not None
        assert app.state.prompt.hash == read_prompt(prompt_file).hash
        assert app.state.marked == {1}
        assert not _says(app, "QUERIES (key")
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
        assert _says(app, "ISOLATE CUTS 1 (2 heads)")
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
            saved = app.desk.to_saved()
            assert saved is not None
            assert saved.now.trained_on is not None
            await settle(pilot, lambda: app.state.prediction and not app.state.stored)
            assert not app.state.beta_on
            assert (app.state.results[requests.reweighting()].beta == beta).all()
            assert _says(app, "before this query was asked")
            await pilot.press("q")
