"""Every binding in random order: no panel ever sees half a change, nothing raises, and undo is the inverse."""

from __future__ import annotations

import random
import stat
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from icldiag.tui import editor, requests
from icldiag.tui.app import DiagnosisApp
from icldiag.tui.panels.base import Panel
from icldiag.tui.state import State
from tests.tui.pilot import PROMPT, bound_keys, running, settle

STEPS = 40  # of each seed
WORDS = ("Who ?", "", "Where [b", "  ", "Person", "x" * 300)
EDITORS = (
    ":",
    "sed -i 's/park/garden/; s/garden/park/2' \"$1\"",
    "sed -i 's/bridges/boats/' \"$1\"",
    "sed -i 's/label: Number/label: Nmber/' \"$1\"",
    "sed -i 's/label: Nmber/label: Number/' \"$1\"",
    "exit 3",
)
CHANGING = ("m", "d", "l", "a", "e", "r", "0", "b", "t", "u", "plus", "A")


def check(state: State) -> None:
    """What a panel may rely on whenever it is drawn."""
    if state.prompt is None:
        assert state.session is None
        assert state.prediction is None
        return
    count = len(state.prompt.queries)
    assert 0 <= state.query < count
    if state.prediction is not None:
        assert len(state.prediction) == count
        assert state.session is not None
    if state.session is not None:
        assert len(state.session.prompt.queries) == count
        assert state.session.prompt.demonstrations == state.prompt.demonstrations
        assert state.session.prompt.labels == state.prompt.labels
    else:
        assert state.prediction is None


async def typed(pilot: Pilot[None], rng: random.Random) -> None:
    """Answer a question that is open."""
    await pilot.pause()
    focused = pilot.app.screen.focused
    if isinstance(focused, Input):
        focused.value = rng.choice(WORDS)
        await pilot.press(rng.choice(["enter", "enter", "escape"]))


@pytest.fixture
def use_editor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    script = tmp_path / "editor.sh"
    monkeypatch.setenv("VISUAL", str(script))
    monkeypatch.setattr(editor, "_AT_ONCE", 0.0)
    monkeypatch.setattr(DiagnosisApp, "suspend", lambda app: nullcontext())

    def use(command: str) -> None:
        script.write_text(f"#!/bin/sh\n{command}\n")
        script.chmod(script.stat().st_mode | stat.S_IXUSR)

    use(":")
    return use


@pytest.mark.parametrize("seed", range(2))
async def test_every_binding_in_random_order(
    seed: int, prompt_file: Path, model_folder: Path, use_editor: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def stay(self: DiagnosisApp) -> None:
        pass

    drawn = Panel.refresh_panel

    def checked(panel: Panel) -> None:
        check(panel.state)
        drawn(panel)

    monkeypatch.setattr(DiagnosisApp, "action_quit", stay)
    monkeypatch.setattr(Panel, "refresh_panel", checked)
    rng, done, every = random.Random(seed), [], bound_keys(*CHANGING, *CHANGING)
    async with running(prompt_file, model_folder, (130, 50)) as (app, pilot):
        await settle(pilot, lambda: app.state.prediction)
        try:
            for _ in range(STEPS):
                key = rng.choice(every)
                command = rng.choice(EDITORS)
                if rng.random() < 0.1:  # in another window
                    prompt_file.write_text(PROMPT.replace("opera", rng.choice(["opera", "play"])))
                use_editor(command)
                done.append(key)
                await pilot.press(key)
                await typed(pilot, rng)
                check(app.state)
                assert app.unexpected == []
                if rng.random() < 0.3:
                    while len(app.screen_stack) > 1:
                        await pilot.press("escape")
                        await pilot.pause()
                    await settle(pilot, lambda: app.state.prediction or app.state.prompt is None)
            while len(app.screen_stack) > 1:
                await pilot.press("escape")
                await pilot.pause()
            await settle(pilot, lambda: app.state.prediction or app.state.prompt is None)
            assert not [text for text in app.state.failures.values() if text.startswith("unexpected")]
        except BaseException as error:
            error.add_note(f"seed {seed}: {' '.join(done)}\n{app.unexpected}")
            raise


@pytest.mark.parametrize("seed", range(2))
async def test_undo_is_the_inverse(seed: int, prompt_file: Path, model_folder: Path, use_editor: Any) -> None:
    rng, done = random.Random(100 + seed), []
    async with running(prompt_file, model_folder, (130, 50)) as (app, pilot):
        await settle(pilot, lambda: app.state.prediction)
        await pilot.press("6", "s")
        await settle(pilot, lambda: requests.reweighting() in app.state.results)
        await pilot.press("b", "8")
        await settle(pilot, lambda: app.state.beta_on and app.state.prediction)
        for _ in range(12):
            state = app.state
            before = (state.prompt, list(state.undo), state.beta_on, state.query)
            prediction = state.prediction
            assert prediction is not None
            use_editor(rng.choice(EDITORS[1:3]))
            key = rng.choice(["m", "d", "l", "a", "e", "r", "left_square_bracket", "right_square_bracket"])
            done.append(key)
            await pilot.press(key)
            await typed(pilot, rng)
            await settle(pilot, lambda: app.state.prediction)
            if len(state.undo) == len(before[1]):
                assert state.prompt == before[0]
                continue
            if rng.random() < 0.3:
                continue  # one change on top of another
            await pilot.press("u")
            await settle(pilot, lambda: app.state.prediction)
            assert (state.prompt, list(state.undo), state.beta_on, state.query) == before, f"seed {seed}: {done}"
            assert state.prediction is not None
            assert state.prediction.probabilities.tolist() == prediction.probabilities.tolist(), f"seed {seed}: {done}"
