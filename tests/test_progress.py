"""Progress on a terminal: bars that go, stages that stay, and texts that are shown as they are."""

from __future__ import annotations

import io
import sys

import pytest

from icldiag.progress import progress_on_stderr


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("terminal", [True, False])
def test_what_is_told_while_something_computes(terminal: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(sys, "stderr", stream := Terminal() if terminal else io.StringIO())
    with progress_on_stderr() as (stage, progress):
        for count in (1, 2, 3):
            stage(f"weights {count} of 3 tensors")
        progress("section 1 of 2: [bold]Why[/x]", 0, 0)
        for done in range(5):
            progress("queries [red]", done, 4)
    told = stream.getvalue()
    assert told.count("loading: weights") == 1
    assert "section 1 of 2: [bold]Why[/x]" in told  # a title is no markup
    if terminal:
        assert "queries [red]" in told
        assert "4/4" in told
    else:
        assert told.splitlines()[-1] == "computing: queries [red] (0 of 4)"


def test_nobody_need_read_it(monkeypatch: pytest.MonkeyPatch) -> None:
    class Gone(io.StringIO):
        def write(self, text: str) -> int:
            raise BrokenPipeError

    monkeypatch.setattr(sys, "stderr", Gone())
    with progress_on_stderr() as (stage, progress):
        stage("weights")
        progress("queries", 1, 4)


def test_without_bars_a_line_says_every_so_often_how_far_it_is(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    clock = iter([0.0, 1.0, 2.5, 12.5, 23.0])
    monkeypatch.setattr("icldiag.progress.time.monotonic", lambda: next(clock))
    with progress_on_stderr() as (_, progress):
        for done in (0, 1, 2, 2):
            progress("rows", done, 4)
    assert capsys.readouterr().err.splitlines() == [
        "computing: rows (0 of 4)",
        "computing: rows (2 of 4), about 12 s left",
    ]


def test_on_a_terminal_the_bar_says_how_long_it_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(sys, "stderr", stream := Terminal())
    now = 0.0
    monkeypatch.setattr("icldiag.progress.time.monotonic", lambda: now)
    with progress_on_stderr() as (_, progress):
        progress("rows", 0, 4)
        now = 10.0
        progress("rows", 1, 4)
    assert "about 30 s left" in stream.getvalue()
