"""Panel Overview: the parts as they come, what is taken over, and what another panel stops."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest

from icldiag.analyses.overview import Perturb
from icldiag.analyses.search.repairs import Repairs
from icldiag.tui.panels.overview import OverviewPanel, request
from tests.prompt.lm_eval.logs import TEXTS, choice_row, write
from tests.tui.pilot import running, says, screen_text, settle, until


@pytest.fixture
def go(monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """The changed demonstrations are asked only when this is set."""
    go, compute = threading.Event(), Perturb.compute

    def slowly(self: Perturb, bench: Any, progress: Any, each: Any) -> Any:
        while not go.wait(0.01):
            progress("changed prompts", 1, 9)
        return compute(self, bench, progress, each)

    monkeypatch.setattr(Perturb, "compute", slowly)
    return go


async def test_parts_come_one_by_one_and_another_panel_comes_first(
    prompt_file: Path, model_folder: Path, go: threading.Event
) -> None:
    async with running(prompt_file, model_folder, (120, 60)) as (app, pilot):
        await until(pilot, lambda: "overview: stability 1 of 9" in screen_text(app))
        text = screen_text(app)
        assert "Computing: overview: stability 1 of 9" in text
        assert "towards" in text  # the lean is there
        assert "of 4 labelled are right" in text or "labelled queries" in text
        await pilot.press("2")
        await settle(pilot)
        assert request() not in app.state.results
        go.set()
        await pilot.press("O")
        await settle(pilot, lambda: request() in app.state.results)
        assert "Computing" not in screen_text(app)
        assert "NEXT" in app.panel.plain_text()


async def test_what_next_names_is_applied_while_the_rest_is_computed(
    prompt_file: Path, model_folder: Path, go: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Repairs, "holds", property(lambda self: True))
    async with running(prompt_file, model_folder, (120, 60)) as (app, pilot):
        await until(pilot, lambda: "overview: stability 1 of 9" in screen_text(app))
        assert any(offer in app.panel.plain_text() for offer in ("t applies ", "t tries "))
        assert says(app, "t apply")
        await pilot.press("t")
        go.set()
        await settle(pilot, lambda: app.state.prediction)
        assert app.state.applied is not None


async def test_a_key_that_comes_too_early_is_told_so(
    prompt_file: Path, model_folder: Path, go: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A notice that there is nothing to apply would stand beside what NEXT offers a moment later."""
    monkeypatch.setattr(OverviewPanel, "repair", lambda self: None)
    async with running(prompt_file, model_folder, (120, 60)) as (app, pilot):
        await until(pilot, lambda: "overview: stability 1 of 9" in screen_text(app))
        await pilot.press("t")
        await until(pilot, lambda: says(app, "nothing to apply yet: this panel is still computing."))
        go.set()
        await settle(pilot, lambda: request() in app.state.results)
        await pilot.press("t")
        await until(pilot, lambda: says(app, "There is nothing to apply here."))


async def test_it_can_be_stopped_and_goes_on(prompt_file: Path, model_folder: Path, go: threading.Event) -> None:
    async with running(prompt_file, model_folder, (80, 24), ascii_only=True) as (app, pilot):
        await settle_until_computing(app, pilot)
        await pilot.press("escape")
        await settle(pilot)
        assert "Stopped; s continues." in screen_text(app)
        go.set()
        await pilot.press("s")
        await settle(pilot, lambda: request() in app.state.results)
        assert screen_text(app).isascii()
        await pilot.press("l")
        await settle(pilot)
        assert "On all 4." in app.panel.plain_text()


async def settle_until_computing(app: Any, pilot: Any) -> None:
    await until(pilot, lambda: "overview: stability" in screen_text(app))


async def test_one_query_opens_on_why(prompt_file: Path, model_folder: Path) -> None:
    text = prompt_file.read_text(encoding="utf-8")
    head, rest = text.split("queries:\n", 1)
    first = rest.split("\n", 1)[0]
    prompt_file.write_text(f"{head}queries:\n{first}\n", encoding="utf-8")
    async with running(prompt_file, model_folder, (120, 40)) as (app, pilot):
        await settle(pilot, lambda: app.state.prediction)
        assert app.panel.title == "Why"
        await pilot.press("O")
        await settle(pilot, lambda: request() in app.state.results)
        assert "The query is answered" in screen_text(app)


@pytest.mark.parametrize(
    ("holds", "sure", "key"),
    [(True, True, "t applies "), (True, False, "t tries "), (False, False, None)],
)
async def test_no_key_is_offered_for_what_gains_nothing(
    prompt_file: Path, model_folder: Path, monkeypatch: pytest.MonkeyPatch, holds: bool, sure: bool, key: str | None
) -> None:
    monkeypatch.setattr(Repairs, "holds", property(lambda self: holds))
    monkeypatch.setattr(Repairs, "sure", property(lambda self: sure))
    async with running(prompt_file, model_folder, (120, 60)) as (app, pilot):
        await settle(pilot, lambda: request() in app.state.results)
        text, prompt = " ".join(app.panel.plain_text().split()), app.state.prompt
        assert "m searches for changes of the prompt too" in text
        assert (" t applies " in text or " t tries " in text) == holds
        assert key is None or f" {key}" in text
        await pilot.press("1")  # Why points to it, where it surely gains
        await settle(pilot, lambda: any(said in app.panel.plain_text() for said in ("m searches", "O has a repair")))
        assert ("O has a repair: " in app.panel.plain_text()) == sure
        await pilot.press("O", "t")
        await settle(pilot)
        assert (app.state.applied is not None) == holds
        assert holds or app.state.prompt is prompt


async def test_overview_says_that_the_answers_are_not_the_logs(tmp_path: Path, model_folder: Path) -> None:
    rows = [choice_row(number, text, gold, gold) for number, (text, gold) in enumerate(TEXTS)]
    async with running(write(tmp_path, rows), model_folder, (100, 40)) as (app, pilot):
        await settle(pilot, lambda: request() in app.state.results)
        told = " ".join(app.panel.plain_text().split())
        assert "The answers are the loaded model's, not those in the log (lm-eval); " in told
        assert "of 4 answers differ" in told
