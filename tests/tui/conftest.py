"""A prompt file for the app."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

import pytest

from tests.tui.pilot import PROMPT


@pytest.fixture
def prompt_file(tmp_path: Path) -> Path:
    path = tmp_path / "prompt.yaml"
    path.write_text(PROMPT)
    return path


@pytest.fixture
def watchdog() -> Iterator[None]:
    """A frozen event loop cannot time itself out."""

    def frozen(number: int, frame: FrameType | None) -> None:
        raise TimeoutError("the event loop did not come back")

    before = signal.signal(signal.SIGALRM, frozen)
    signal.alarm(300)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


@pytest.fixture
def as_quick_on_any_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """A time in a sentence says where its lines break."""
    monkeypatch.setattr("icldiag.tui.panels.cost.roughly", lambda seconds: "9 s")
    monkeypatch.setattr("icldiag.tui.panels.overview.in_short", lambda panel, passes: "about 9 s")
