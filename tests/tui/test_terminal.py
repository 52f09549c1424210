"""The app in a real terminal: resized, hung up, killed, interrupted; and resumed."""

from __future__ import annotations

import re
import signal
from pathlib import Path

from icldiag.saved import session_files
from tests.tui.terminal import Terminal, terminal

READY = re.compile(r"\d of 4 right.* ready")


def ready(screen: str) -> bool:
    return READY.search(screen) is not None


def cut_two_layers(app: Terminal) -> None:
    """In panel Isolate, with the second query selected."""
    app.until(ready)
    app.press("4")
    app.until("Nothing is cut")
    app.press("]f")
    app.until("ISOLATE CUTS 0-1")


def test_the_line_drops_and_the_session_goes_on(prompt_file: Path, model_folder: Path, tmp_path: Path) -> None:
    with terminal(tmp_path, "open", str(prompt_file), "--model", str(model_folder)) as app:
        cut_two_layers(app)
        app.resize(80, 24)
        app.until(
            lambda screen: "ISOLATE CUTS 0-1" in screen and "cut in layers 0-1, this answer" in " ".join(screen.split())
        )
        app.press("5")  # no second later it has gone, before the next regular look at what has changed
        app.until("AUCROC")
        app.hang_up()
        assert app.ended() == 128 + signal.SIGHUP
    (file,) = session_files(tmp_path / "state")
    assert not file.is_open
    with terminal(tmp_path, "resume") as app:
        app.until(lambda screen: ready(screen) and "ISOLATE CUTS 0-1" in screen and "AUCROC" in screen)
        app.press("4")
        app.until(lambda screen: "cut in layers 0-1, this answer" in " ".join(screen.split()))
        app.press("q")
        assert app.ended() == 0
        assert f"icldiag resume {file.id}" in app.screen


def test_kill_gives_the_terminal_back(prompt_file: Path, model_folder: Path, tmp_path: Path) -> None:
    with terminal(tmp_path, "open", str(prompt_file), "--model", str(model_folder)) as app:
        cut_two_layers(app)
        app.kill(signal.SIGTERM)
        assert app.ended() == 128 + signal.SIGTERM
        assert b"\x1b[?1049l" in app.written  # the alternate screen is left
        assert b"Traceback" not in app.written
    (file,) = session_files(tmp_path / "state")
    assert file.read().now.cut_layers == (0, 1)


def test_control_c_leaves_even_while_the_model_loads(prompt_file: Path, model_folder: Path, tmp_path: Path) -> None:
    with terminal(tmp_path, "open", str(prompt_file), "--model", str(model_folder)) as app:
        app.until("loading")
        app.press("\x03")
        assert app.ended() == 0
        assert b"\x1b[?1049l" in app.written
        assert b"Traceback" not in app.written
    with terminal(tmp_path, "open", str(prompt_file), "--model", str(model_folder)) as app:
        app.until("loading")
        app.kill(signal.SIGINT)
        assert app.ended() == 128 + signal.SIGINT
        assert b"Traceback" not in app.written
    assert len(session_files(tmp_path / "state")) == 2
