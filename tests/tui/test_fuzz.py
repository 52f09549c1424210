"""Random keys, clicks and sizes: nothing raises, and the app lives."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from textual import events

from icldiag.tui.app import DiagnosisApp
from tests.tui.pilot import bound_keys, running, screen_text

EVENTS = 700  # of each seed
SIZES = ((120, 40), (80, 24), (160, 50), (40, 12), (20, 5), (200, 60), (1, 1))
#: Every key that is bound anywhere, and those of Textual's own lists and lines.
KEYS = [*bound_keys(), *"who ?[]", "home", "end", "backspace", "ctrl+p", "ctrl+u", "ctrl+a", "shift+tab"]

CLICKS = (
    (events.MouseDown, events.MouseUp, events.Click),
    (events.MouseMove,),
    (events.MouseScrollDown,),
    (events.MouseScrollUp,),
)


def burst(app: DiagnosisApp, rng: random.Random) -> list[str]:
    """Many things that a user might do, faster than the app can follow; what was done."""
    done = []
    for _ in range(rng.randint(1, 100)):
        if rng.random() < 0.95:
            key = rng.choice(KEYS)
            app.post_message(events.Key(key, key if len(key) == 1 else None))
        else:
            x, y = rng.randrange(app.size.width), rng.randrange(app.size.height)
            key = f"mouse {x}, {y}"
            for kind in rng.choice(CLICKS):
                app.post_message(kind(None, x, y, 0, 0, 1, False, False, False, x, y))
        done.append(key)
    return done


@pytest.mark.parametrize("seed", range(3))
async def test_nothing_raises(
    seed: int, prompt_file: Path, model_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await hammer(prompt_file, str(model_folder), seed, EVENTS, tmp_path, monkeypatch)


@pytest.mark.real
async def test_nothing_raises_on_a_pretrained_model(
    prompt_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await hammer(prompt_file, "smollm2", 9, 150, tmp_path, monkeypatch)


async def hammer(
    prompt_file: Path, model: str, seed: int, count: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So many events; the app lives, and no panel failed in a way that was not foreseen."""

    async def stay(self: DiagnosisApp) -> None:
        pass

    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("VISUAL", "true")
    monkeypatch.setattr(DiagnosisApp, "action_quit", stay)
    monkeypatch.setattr(DiagnosisApp, "action_screenshot", stay)
    rng = random.Random(seed)
    done: list[str] = []
    async with running(prompt_file, model, SIZES[seed % len(SIZES)]) as (app, pilot):
        try:
            while len(done) < count:
                assert app.is_running
                done += burst(app, rng)
                await pilot.pause(rng.choice([0.0, 0.0, 0.05]))
                if rng.random() < 0.2:
                    await pilot.resize_terminal(*rng.choice(SIZES))
        except BaseException as error:
            error.add_note(f"seed {seed}, after {len(done)} events: {done[-60:]}")
            raise
        assert app.is_running
        await pilot.resize_terminal(120, 40)
        while len(app.screen_stack) > 1:
            await app.pop_screen()
        await pilot.press("escape", "1")
        await pilot.pause()
        assert app._exception is None
        assert "palette" in screen_text(app)  # in the footer; the line at the top gives up names where more is on
        assert not [failure for failure in app.state.failures.values() if failure.startswith("unexpected")]
