"""A timer with no time left is a timer, and does not freeze the app."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest
from textual.notifications import Notification
from textual.timer import Timer

from tests.tui.pilot import running, settle


def _both(first: list[int], second: list[int]) -> bool:
    return bool(first and second)


@pytest.mark.usefixtures("watchdog")
async def test_a_timer_of_negative_or_no_time(prompt_file: Path, model_folder: Path) -> None:
    async with running(prompt_file, model_folder) as (app, pilot):
        for seconds in (-0.5, 0.0, 1e-9):
            called: list[int] = []
            once: list[int] = []
            Timer(app, seconds, callback=partial(called.append, 1), repeat=0)._start()
            app.set_timer(seconds, partial(once.append, 1))
            await settle(pilot, partial(_both, called, once))


@pytest.mark.usefixtures("watchdog")
async def test_a_toast_whose_time_is_over(
    prompt_file: Path, model_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running(prompt_file, model_folder) as (app, pilot):
        await settle(pilot, lambda: app.state.prediction)
        monkeypatch.setattr(Notification, "time_left", property(lambda self: -3.0))
        monkeypatch.setattr(Notification, "has_expired", property(lambda self: False))
        app.notify("late")
        await settle(pilot)
        await pilot.press("3")
        await settle(pilot)
        assert app.panel.title == "Flow"
