"""The same prompt on another model, beside the present state: pinned, followed, taken away, resumed, exported."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import cast

import numpy as np
import pytest

from icldiag.analyses.depth import ReadDepths
from icldiag.analyses.reweighting.training import TrainingSettings
from icldiag.model.settings import ModelSettings
from icldiag.prompt.adjustments import SavedBeta
from icldiag.prompt.edit import drop
from icldiag.session import Session
from icldiag.tui.comparison import difference, other_model
from icldiag.tui.desk import Desk
from icldiag.tui.edits import Edits
from icldiag.tui.export_screen import Content
from icldiag.tui.export_two import write_two
from icldiag.tui.jobs import Jobs
from icldiag.tui.other_model import JOB
from icldiag.tui.panels.confusion import ConfusionPanel
from icldiag.tui.run import Failure, Run
from icldiag.tui.saved import restore, saved_session
from tests.conftest import tiny_folder
from tests.tui.pilot import running, screen_text, settle
from tests.tui.test_desk import Queue, Screen, answered_desk


class Stoppable(Queue):
    """A queue whose work can be taken out before it runs."""

    def cancel(self, job: str) -> None:
        run = self.running.pop(job, None)
        self.work = [(one, work) for one, work in self.work if one is not run]


Table = tuple[Desk, Stoppable, Screen]


@pytest.fixture(scope="session")
def llama_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_folder(tmp_path_factory.mktemp("llama"), "llama")


@pytest.fixture
def table(prompt_file: Path, model_folder: Path, llama_folder: Path) -> Table:
    """A desk whose prompt is answered by both."""
    return answered_desk(Stoppable(), prompt_file, model_folder, llama_folder)


def test_the_other_model_answers_the_same_prompt(table: Table, prompt_file: Path, llama_folder: Path) -> None:
    desk, _, screen = table
    pinned, now = desk.state.pinned, desk.state
    assert pinned is not None and pinned.prediction is not None and now.prediction is not None
    alone = Session(prompt_file, str(llama_folder)).prediction()
    np.testing.assert_allclose(pinned.prediction.probabilities, alone.probabilities, atol=1e-5)
    assert not np.allclose(pinned.prediction.probabilities, now.prediction.probabilities, atol=1e-3)
    assert other_model(now) == llama_folder.name
    assert difference(now).startswith(f"{llama_folder.name} -> ")
    assert any(" of weights in " in notice for notice in screen.notices)  # what both take is told
    assert JOB not in now.doing and pinned.edits == now.edits == 0


def test_it_follows_a_changed_prompt(table: Table) -> None:
    desk, jobs, _ = table
    model = desk.other and desk.other.model
    prompt = desk.state.prompt
    assert prompt is not None and desk.other is not None and desk.other.session is not None
    changed = drop(prompt, 0)
    Edits(desk).edit(changed)
    assert desk.other.session is None  # its answers are of the earlier prompt
    jobs.finish(desk)
    assert desk.state.pinned is not None and desk.state.pinned.prompt == changed
    assert desk.other.model is model and desk.other.session is desk.state.pinned.session  # loaded once
    assert Edits(desk).undo()
    jobs.finish(desk)
    assert desk.state.pinned.prompt == prompt


def test_a_change_while_it_answers_is_asked_next(prompt_file: Path, model_folder: Path, llama_folder: Path) -> None:
    screen, jobs = Screen(), Stoppable()
    first, second = (ModelSettings(str(folder), "cpu") for folder in (model_folder, llama_folder))
    desk = Desk(screen, cast(Jobs, jobs), prompt_file, first, second)
    desk.read_prompt()
    desk.load_model()
    run, work = jobs.work.pop(0)
    assert desk.ended(run)
    desk.finished(run, work(lambda what, done, total: None))
    assert list(jobs.running) == [JOB] and desk.state.doing[JOB]
    assert desk.state.prompt is not None
    changed = drop(desk.state.prompt, 0)
    Edits(desk).edit(changed)
    assert JOB in jobs.running  # what loads goes on
    jobs.finish(desk)
    assert desk.state.pinned is not None and desk.state.pinned.prompt == changed


def test_p_takes_it_away_and_brings_it_back(table: Table) -> None:
    desk, jobs, _ = table
    assert desk.other is not None
    pinned = desk.state.pinned
    desk.other.toggle()
    assert desk.state.pinned is None and desk.other.session is None
    assert desk.state.prompt is not None
    desk.other.toggle()
    assert desk.state.pinned is pinned and not jobs.work  # nothing is computed anew
    desk.other.toggle()
    Edits(desk).edit(drop(desk.state.prompt, 0))
    jobs.finish(desk)
    assert desk.state.pinned is None


def test_a_model_that_cannot_answer_is_told_and_the_app_goes_on(
    prompt_file: Path, model_folder: Path, tmp_path: Path
) -> None:
    screen, jobs = Screen(), Stoppable()
    settings = ModelSettings(str(model_folder), "cpu")
    desk = Desk(screen, cast(Jobs, jobs), prompt_file, settings, replace(settings, name=str(tmp_path / "none")))
    desk.read_prompt()
    desk.load_model()
    jobs.finish(desk)
    assert desk.state.prediction is not None and desk.state.pinned is None and desk.state.model_error is None
    assert "The app goes on without it; p tries again." in screen.notices[-1]
    assert desk.other is not None and not desk.other.beside
    desk.other.failed(Run(JOB, "x", desk.state), Failure("stopped", cancelled=True))
    assert len(screen.notices) == 1


def test_it_comes_back_with_a_session(table: Table, llama_folder: Path) -> None:
    desk, _, _ = table
    saved = saved_session(desk)
    assert saved is not None and saved.against is not None and saved.pinned is None
    assert saved.against.name == str(llama_folder) and saved.beside
    read = type(saved).model_validate_json(saved.to_json())
    screen, jobs = Screen(), Stoppable()
    other = Desk(screen, cast(Jobs, jobs), desk.state.path, desk.settings)
    restore(other, read)
    other.load_model()
    jobs.finish(other)
    assert other.state.pinned is not None and other.state.pinned.session is not None
    assert other.state.pinned.session.facts.name == str(llama_folder)
    assert desk.other is not None
    desk.other.toggle()
    gone = saved_session(desk)
    assert gone is not None and not gone.beside and gone.against is not None


def test_the_export_compares_them(table: Table, tmp_path: Path) -> None:
    import threading

    desk, _, _ = table
    assert desk.other is not None and desk.other.session is not None and desk.state.session is not None
    written: list[str] = []
    content = Content("query", "prediction", 0)
    sessions = (desk.state.session, desk.other.session)
    write_two(
        sessions, tmp_path, "p", ("json", "md", "csv"), content, lambda *of: None, written.append, threading.Lock()
    )
    page = (tmp_path / "p-models.md").read_text("utf-8")
    assert ("one prompt on two models" in page and "answers differ" in page) or "all answers are the same" in page
    assert (tmp_path / "p-other-model.json").exists() and len(written) == 3


async def test_panels_stand_beside_each_other(prompt_file: Path, model_folder: Path) -> None:
    """At the same relative depth: the bundled model has another number of layers."""
    async with running(prompt_file, model_folder, (200, 50), against=ModelSettings("bundled", "cpu")) as (app, pilot):
        await settle(pilot, lambda: app.state.pinned and app.state.pinned.prediction)
        await settle(pilot, lambda: "OTHER MODEL bundled" in screen_text(app))
        await pilot.press("L", "m")
        pinned = app.state.pinned
        assert pinned is not None
        await settle(pilot, lambda: ReadDepths() in app.state.results and ReadDepths() in pinned.results)
        await pilot.press("2")
        await settle(pilot)
        for _ in range(3):
            await pilot.press("right_square_bracket")
        await settle(pilot)
        panels = list(app.query(ConfusionPanel))
        own, other = (panel.session.facts.n_layers for panel in panels)
        assert own != other and panels[0].at_layer is not None
        assert panels[1].at_layer == round(panels[0].at_layer / (own - 1) * (other - 1))
        await pilot.press("p")
        await settle(pilot, lambda: "OTHER MODEL" not in screen_text(app))
        assert app.state.pinned is None


def test_a_re_weighting_stays_with_its_model(table: Table, tmp_path: Path) -> None:
    """The prompt file's beta is one model's; the other one is asked without."""
    desk, jobs, _ = table
    assert desk.state.session is not None and desk.state.prompt is not None
    path = tmp_path / "beta.safetensors"
    desk.state.session.save_beta(TrainingSettings(epochs=1), path)
    Edits(desk).edit(replace(desk.state.prompt, beta=SavedBeta.at(path)))
    jobs.finish(desk)
    assert desk.state.beta_on and desk.state.pinned is not None and not desk.state.pinned.beta_on
    assert desk.other is not None and desk.other.session is not None and desk.other.session.beta is None
