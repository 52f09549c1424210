"""What a signal does to the app's process."""

from __future__ import annotations

import os
import signal
from types import SimpleNamespace
from typing import Any

import pytest

from icldiag.tui import process


@pytest.mark.parametrize("second", ["SIGHUP", "SIGTERM"])
def test_a_second_signal_lets_the_first_one_save(second: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A page's driver hangs up twice where its server is killed: its input and its output both end."""
    events: list[Any] = []

    def save() -> None:
        events.append("begin")
        os.kill(os.getpid(), getattr(signal, second))
        events.append("end")

    app: Any = SimpleNamespace(
        autosave=SimpleNamespace(save=save),
        editor=SimpleNamespace(open=False),
        _driver=None,
        leave_soon=lambda code: events.append(("leave", code)),
    )
    monkeypatch.setattr(process, "give_back", lambda driver: events.append("give back"))
    monkeypatch.setattr(os, "_exit", events.append)
    with process._signals(app):
        os.kill(os.getpid(), signal.SIGHUP)
        assert events == ["begin", "end", "give back", 128 + signal.SIGHUP]
