"""The desk without an app: what is computed, and what becomes of it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar, cast

import pytest

from icldiag.analyses.extraction.compute import Extract
from icldiag.errors import IcldiagError, NotStored
from icldiag.model.readout import Progress
from icldiag.model.settings import ModelSettings
from icldiag.prompt.edit import drop, rename_word, swap
from icldiag.prompt.schema import Prompt
from icldiag.tui.desk import Desk
from icldiag.tui.edits import Edits
from icldiag.tui.interventions import toggle
from icldiag.tui.jobs import Jobs
from icldiag.tui.query_order import telling_query
from icldiag.tui.run import Failure, Run
from icldiag.tui.saved import restore, saved_session
from icldiag.tui.screen import Choices, Part, Severity


class Screen:
    """Notes what it is asked to show."""

    def __init__(self) -> None:
        self.shown: list[Part] = []
        self.notices: list[str] = []
        self.not_taken: list[Prompt | None] = []
        self.chosen: Choices | None = Choices("why", {"labels": {"at_layer": 2}, "flow": {}}, "who")

    def show(self, part: Part) -> None:
        self.shown.append(part)

    def tell(
        self, text: str, title: str = "", severity: Severity = "information", seconds: float | None = None
    ) -> None:
        self.notices.append(text)

    def refused(self, prompt: Prompt | None) -> None:
        self.not_taken.append(prompt)

    def choices(self) -> Choices | None:
        return self.chosen

    def choose(self, choices: Choices) -> None:
        self.chosen = choices


class Queue:
    """Jobs that run when the test says so, in its own thread."""

    def __init__(self) -> None:
        self.running: dict[str, Run] = {}
        self.work: list[tuple[Run, Callable[[Progress], Any]]] = []
        self.parts: list[Any] = []

    def start(self, run: Run, work: Callable[[Progress], Any]) -> None:
        self.running[run.job] = run
        self.work.append((run, work))

    def cancel_all(self, *but: str) -> None:
        self.running = {job: run for job, run in self.running.items() if job in but}

    def give_part(self, run: Run, value: Any) -> None:
        self.parts.append(value)

    def ended(self, run: Run) -> bool:
        return self.running.get(run.job) is run and bool(self.running.pop(run.job))

    def finish(self, desk: Desk) -> None:
        """Run all that waits, in the order of its start."""
        while self.work:
            run, work = self.work.pop(0)
            outcome: Any
            try:
                outcome = work(lambda what, done, total: None)
            except NotStored:
                outcome = Failure("", not_stored=True)
            except IcldiagError as error:
                outcome = Failure(str(error))
            if not desk.ended(run):
                continue
            if isinstance(outcome, Failure):
                desk.failed(run, outcome)
            else:
                desk.finished(run, outcome)


Q = TypeVar("Q", bound=Queue)
Table = tuple[Desk, Queue, Screen]


def answered_desk(jobs: Q, prompt_file: Path, *folders: Path) -> tuple[Desk, Q, Screen]:
    """A desk whose prompt is answered, by one model or by two."""
    screen = Screen()
    models = (ModelSettings(name=str(folder), device="cpu") for folder in folders)
    desk = Desk(screen, cast(Jobs, jobs), prompt_file, *models)
    desk.read_prompt()
    desk.load_model()
    assert desk.state.doing["session"] == "loading the model"
    jobs.finish(desk)
    return desk, jobs, screen


@pytest.fixture
def table(prompt_file: Path, model_folder: Path) -> Table:
    return answered_desk(Queue(), prompt_file, model_folder)


def test_the_model_answers_and_a_telling_query_is_chosen(table: Table) -> None:
    desk, _, screen = table
    assert desk.state.prediction is not None
    assert desk.state.query == telling_query(desk.state.prediction, 0)
    assert desk.state.doing == {}
    assert "all" in screen.shown


def test_what_is_wanted_is_computed_once_and_only_for_a_state_that_is_shown(table: Table) -> None:
    desk, jobs, _ = table
    desk.want(Extract(), desk.state)
    jobs.finish(desk)
    found = desk.state.results[Extract()]
    desk.want(Extract(), desk.state)
    assert not jobs.work
    desk.want(Extract(), replace(desk.state, results={}))
    assert not jobs.work  # a state of before
    assert desk.state.results[Extract()] is found


def test_a_result_of_the_prompt_before_is_dropped(table: Table) -> None:
    desk, jobs, _ = table
    edits = Edits(desk)
    desk.want(Extract(), desk.state)
    edits.change(lambda prompt: swap(prompt, 0, 1))
    jobs.finish(desk)
    assert Extract() not in desk.state.results
    assert desk.state.prediction is not None
    assert edits.undo()
    jobs.finish(desk)
    assert desk.state.edits == 0
    assert not edits.undo()


def test_a_change_that_the_model_cannot_take_is_taken_back_and_told(table: Table) -> None:
    desk, jobs, screen = table
    before = desk.state.prompt
    assert before is not None
    Edits(desk).change(lambda prompt: rename_word(prompt, 0, prompt.labels[1].word + prompt.labels[1].word))
    refused = desk.state.prompt
    jobs.finish(desk)
    assert desk.state.prompt is before
    assert desk.state.prediction is not None
    assert screen.not_taken == [refused]
    assert len(screen.notices) == 1
    assert desk.state.undo == []


def test_a_newer_answer_takes_the_place_of_an_older_one(table: Table) -> None:
    desk, jobs, _ = table
    edits = Edits(desk)
    edits.change(lambda prompt: swap(prompt, 0, 1))
    edits.change(lambda prompt: drop(prompt, 2))
    jobs.finish(desk)
    assert desk.state.session is not None
    assert desk.state.session.prompt is desk.state.prompt
    assert len(desk.state.session.prompt.demonstrations) == 2


def test_answers_come_as_they_are_computed(
    prompt_file: Path, model_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    more = "".join(f'  - {{text: "Who number {n} ?", label: Person}}\n' for n in range(25))
    prompt_file.write_text(prompt_file.read_text().replace("examples:\n", f"{more}examples:\n"))
    screen, jobs = Screen(), Queue()
    desk = Desk(screen, cast(Jobs, jobs), prompt_file, ModelSettings(name=str(model_folder), device="cpu"))
    desk.read_prompt()
    done: list[int] = []
    shown: dict[int, tuple[str, tuple[float, ...]]] = {}

    def part(of: Run, value: Any) -> None:
        desk.took_part(of, value)
        assert desk.state.prediction is None
        for query in range(30):
            answer = desk.state.answer_to(query)
            if answer is not None:
                prediction, row = answer
                shown[query] = prediction.texts[row], tuple(prediction.probabilities[row])
        done.append(len(shown))

    monkeypatch.setattr(jobs, "give_part", part)
    desk.load_model()
    ((run, _),) = jobs.work
    jobs.finish(desk)
    assert done == [8, 24, 30]
    prediction = desk.state.prediction
    assert prediction is not None
    assert desk.state.first_answers == []
    assert shown == {at: (prediction.texts[at], tuple(prediction.probabilities[at])) for at in range(30)}
    edits = Edits(desk)
    edits.change(lambda prompt: swap(prompt, 0, 1))
    done.clear()
    shown.clear()
    jobs.finish(desk)
    assert done == [8, 24, 30]
    desk.took_part(run, (prediction, None))  # of a run that has ended
    assert desk.state.first_answers == []


def test_cuts_are_taken_off_and_put_back(table: Table) -> None:
    desk, jobs, _ = table
    desk.state.cut_layers = frozenset({0})
    assert toggle(Edits(desk)) == "Off: CUT IN LAYER 0. The same key puts it back."
    assert desk.state.cut_layers == frozenset()
    toggle(Edits(desk))
    assert desk.state.cut_layers == frozenset({0})
    assert not jobs.work  # no answer depends on it


def test_a_session_comes_back_as_it_was(table: Table) -> None:
    desk, jobs, screen = table
    Edits(desk).change(lambda prompt: swap(prompt, 0, 1))
    jobs.finish(desk)
    desk.state.query, desk.state.cut_layers = 3, frozenset({1})
    saved = saved_session(desk)
    assert saved is not None
    assert saved.views == {"labels": {"at_layer": 2}}
    other_screen, other_jobs = Screen(), Queue()
    other = Desk(other_screen, cast(Jobs, other_jobs), desk.state.path, desk.settings)
    restore(other, saved)
    other.load_model()
    assert len(other_jobs.work) == 1
    other_jobs.finish(other)
    assert other.state.prompt == desk.state.prompt
    assert (other.state.query, other.state.cut_layers, other.state.edits) == (3, frozenset({1}), 1)
    assert saved_session(other) == saved
    assert other_screen.notices == []
    assert other_jobs.parts  # what the first desk computed was on disk
    screen.chosen = None
    assert saved_session(desk) is None  # nothing is painted


def test_a_wrong_prompt_file_is_shown_and_then_read_again(prompt_file: Path, model_folder: Path) -> None:
    text = prompt_file.read_text()
    prompt_file.write_text("template: wrong")
    jobs = Queue()
    desk = Desk(Screen(), cast(Jobs, jobs), prompt_file, ModelSettings(name=str(model_folder), device="cpu"))
    desk.read_prompt()
    desk.load_model()
    assert not jobs.work
    assert desk.state.prompt_error is not None
    prompt_file.write_text(text)
    Edits(desk).reload()
    jobs.finish(desk)
    assert desk.state.prediction is not None
    assert desk.state.edits == 0


def test_a_model_that_cannot_be_loaded_leaves_the_prompt(prompt_file: Path, tmp_path: Path) -> None:
    jobs = Queue()
    desk = Desk(Screen(), cast(Jobs, jobs), prompt_file, ModelSettings(name=str(tmp_path / "none"), device="cpu"))
    desk.read_prompt()
    desk.load_model()
    jobs.finish(desk)
    assert desk.state.prompt is not None
    assert desk.state.model_error is not None


def test_it_needs_neither_textual_nor_torch() -> None:
    asks = "import icldiag.tui.autosave, icldiag.tui.edits, icldiag.tui.interventions, sys; print(*sys.modules)"
    found = subprocess.run([sys.executable, "-c", asks], capture_output=True, text=True, check=True)
    assert {"icldiag.tui.desk"} == {"icldiag.tui.desk", "textual", "torch"} & set(found.stdout.split())
