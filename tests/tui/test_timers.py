"""A timer with no time left is a timer, and does not freeze the app."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.notifications import Notification
from textual.timer import Timer

from tests.tui.pilot import running, settle


@pytest.mark.usefixtures("watchdog")
async def test_a_timer_of_negative_or_no_time(prompt_file: Path, model_folder: Path) -> None:
    async with running(prompt_file, model_folder) as (app, pilot):
        for seconds in (-0.5, 0.0, 1e-9):
            called: list[float] = []
            timer = Timer(app, seconds, callback=lambda called=called, s=seconds: called.append(s), repeat=0)
            timer._start()
            once: list[int] = []
            app.set_timer(seconds, lambda once=once: once.append(1))
            await settle(pilot, lambda called=called, once=once: called and once)  # type: ignore[misc]


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
