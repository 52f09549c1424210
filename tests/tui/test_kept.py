"""A state that was answered before is there at once; of a changed prompt, what was drawn before it stays, dimmed."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from icldiag.analyses.extraction.compute import Extract
from icldiag.analyses.overview import Perturb
from icldiag.analyses.prediction.compute import Predict
from icldiag.prompt.edit import ask, drop, swap
from icldiag.tui.app import DiagnosisApp
from icldiag.tui.edits import Edits
from icldiag.tui.panels.overview import request
from icldiag.tui.panels.why import WhyPanel
from icldiag.tui.run import Run
from tests.tui.pilot import running, says, screen_text, settle, until
from tests.tui.test_desk import Table
from tests.tui.test_desk import table as table


def test_who_goes_back_has_the_answers_and_results_at_once(table: Table) -> None:
    desk, jobs, _ = table
    edits, state = Edits(desk), desk.state
    desk.want(Extract(), state)
    jobs.finish(desk)
    before, session, found = state.prompt, state.session, state.results[Extract()]
    edits.change(lambda prompt: swap(prompt, 0, 1))
    assert state.prediction is None
    jobs.finish(desk)
    swapped = state.prompt
    edits.undo()
    assert not jobs.work  # nothing is asked of the model
    assert (state.prompt, state.session, state.doing) == (before, session, {})
    assert state.results[Extract()] is found
    edits.change(lambda prompt: swap(prompt, 0, 1))  # equal to what was answered, and made anew
    assert not jobs.work
    assert state.prompt is swapped
    assert state.prediction is not None
    assert [one.prompt for one in state.undo] == [before]


def test_only_some_states_are_kept_and_the_same_prompt_with_a_beta_is_another(table: Table) -> None:
    desk, jobs, _ = table
    edits, state = Edits(desk), desk.state
    assert state.session is not None
    edits.use_beta(np.full(state.session.beta_shape, 0.5, np.float32))
    assert jobs.work
    jobs.finish(desk)
    assert state.beta_on
    edits.use_beta(None)
    assert not jobs.work
    assert not state.beta_on
    for number in range(5):
        edits.change(lambda prompt, number=number: ask(prompt, f"Where is {number} ?"))
        jobs.finish(desk)
    for _ in range(2):
        edits.undo()
        assert not jobs.work
    edits.undo()
    assert jobs.work


def test_answers_to_a_change_that_was_left_are_of_no_interest(table: Table) -> None:
    desk, jobs, _ = table
    run = Run("session", 1, desk.state, stopped=True)
    jobs.running["session"] = run
    assert not desk.ended(run)
    run.dismissed = True  # unless the user stopped it, who is told
    jobs.running["session"] = run
    assert desk.ended(run)


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch) -> Iterator[set[type]]:
    """Requests of these kinds are not answered."""
    held: set[type] = set()
    for kind in (Predict, Perturb, Extract):
        compute = kind.compute

        def wait(self: Any, bench: Any, progress: Any, each: Any, compute: Any = compute) -> Any:
            while type(self) in held:
                progress(self.job, 1, 9)
                threading.Event().wait(0.01)
            return compute(self, bench, progress, each)

        monkeypatch.setattr(kind, "compute", wait)
    yield held
    held.clear()


BEFORE = "Dimmed: of the prompt before the change."


def body(app: DiagnosisApp) -> list[str]:
    """What is drawn, without the line that says what is awaited."""
    return [line for line in app.panel.plain_text().splitlines() if line and BEFORE not in line]


async def test_what_was_drawn_stays_until_the_changed_prompt_is_answered(
    prompt_file: Path, model_folder: Path, held: set[type], as_quick_on_any_machine: None
) -> None:
    async with running(prompt_file, model_folder, (120, 60)) as (app, pilot):
        await settle(pilot, lambda: request() in app.state.results)
        drawn = body(app)
        assert any("t tries" in line or "t applies" in line for line in drawn)
        held |= {Predict}
        app.edits.change(lambda prompt: drop(prompt, 0))
        await until(pilot, lambda: says(app, f"Answering the changed prompt. {BEFORE}"))
        same = " ".join(" ".join(drawn).split())  # but for the key that applies something: there is nothing to apply
        assert " ".join(" ".join(body(app)).split()).endswith(same.replace("t applies ", "").replace("t tries ", ""))
        assert app.panel.query_one("#table").has_class("-before")
        held |= {Perturb}
        held -= {Predict}
        await until(pilot, lambda: "overview: stability 1 of 9" in screen_text(app))
        assert BEFORE not in screen_text(app)
        assert not app.panel.query_one("#table").has_class("-before")
        app.edits.undo()
        await until(pilot, lambda: "Computing" not in screen_text(app))
        assert body(app) == drawn


async def test_every_panel_keeps_what_it_showed_of_the_same_query(
    prompt_file: Path, model_folder: Path, held: set[type]
) -> None:
    async with running(prompt_file, model_folder, (120, 60)) as (app, pilot):
        await settle(pilot, lambda: app.state.prediction)
        await pilot.press("5")
        await settle(pilot, lambda: Extract() in app.state.results)
        held |= {Extract}
        app.edits.change(lambda prompt: drop(prompt, 0))
        await until(pilot, lambda: says(app, "Computing: extraction") and says(app, BEFORE))
        assert app.panel.query_one("#destinations").display
        await pilot.press("n")  # of another query nothing was shown
        await until(pilot, lambda: not says(app, BEFORE))
        assert not app.panel.query_one("#destinations").display
        held.clear()
        await settle(pilot, lambda: Extract() in app.state.results)


async def test_what_is_known_of_an_overview_stays_while_it_is_asked_again(
    prompt_file: Path, model_folder: Path, held: set[type]
) -> None:
    held |= {Perturb}
    async with running(prompt_file, model_folder, (120, 60)) as (app, pilot):
        await until(pilot, lambda: "overview: stability 1 of 9" in screen_text(app))
        table = app.panel.query_one("#table")
        await pilot.press("8")
        await settle(pilot)
        await pilot.press("O")
        await pilot.pause()
        assert table.display
        await until(pilot, lambda: "overview: stability 1 of 9" in screen_text(app))
        held.clear()
        await settle(pilot, lambda: request() in app.state.results)


async def test_the_answer_to_the_changed_prompt_is_not_dimmed_in_why(
    prompt_file: Path, model_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running(prompt_file, model_folder, (120, 60)) as (app, pilot):
        await settle(pilot, lambda: app.state.prediction)
        await pilot.press("1", "n")
        await settle(pilot, lambda: app.panel.settled())
        assert says(app, "t tries it")

        def stop(self: Any, bench: Any, progress: Any, each: Any) -> Any:
            while True:
                progress("explanation", 0, 9)
                threading.Event().wait(0.01)

        monkeypatch.setattr(type(app.query_one(WhyPanel).request()), "compute", stop)
        app.edits.change(lambda prompt: drop(prompt, 0))
        await until(pilot, lambda: says(app, "Computing: explanation") and says(app, BEFORE))
        assert not app.panel.query_one("#finding").has_class("-before")
        assert app.panel.query_one("#weights").has_class("-before")
        assert app.panel.query_one("#weights").display
        assert says(app, f"Computing: explanation 0 of 9. {BEFORE}")
        assert not says(app, "t tries")  # nor does the key
        await pilot.press("t")
        assert [note.message for note in app._notifications][-1].startswith("There is nothing to apply yet")
        app.jobs.cancel_all()
