"""The app in a real terminal: resized, hung up, killed, interrupted; and resumed."""

from __future__ import annotations

import os
import re
import signal
import sys
from pathlib import Path

import pytest

from icldiag.session_file import session_files
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
    app.until("CUT IN LAYERS 0-1")


def test_the_line_drops_and_the_session_goes_on(prompt_file: Path, model_folder: Path, tmp_path: Path) -> None:
    with terminal(tmp_path, "open", str(prompt_file), "--model", str(model_folder)) as app:
        cut_two_layers(app)
        app.resize(80, 24)
        app.until(
            lambda screen: (
                "CUT IN LAYERS 0-1" in screen and "cut in layers 0-1, this answer" in " ".join(screen.split())
            )
        )
        app.press("5")  # no second later it has gone, before the next regular look at what has changed
        app.until("AUCROC")
        app.hang_up()
        assert app.ended() == 128 + signal.SIGHUP
    (file,) = session_files(tmp_path / "state")
    assert not file.is_open
    with terminal(tmp_path, "resume") as app:
        app.until(lambda screen: ready(screen) and "CUT IN LAYERS 0-1" in screen and "AUCROC" in screen)
        app.press("4")
        app.until(lambda screen: "cut in layers 0-1, this answer" in " ".join(screen.split()))
        app.press("q")
        assert app.ended() == 0
        assert f"icldiag resume {file.id}" in app.screen


@pytest.mark.parametrize("settings", ["", "wrong = ["], ids=["app", "error"])
def test_what_is_typed_before_the_app_is_there_is_for_it_alone(
    settings: str, prompt_file: Path, model_folder: Path, tmp_path: Path
) -> None:
    config = tmp_path / "config.toml"
    config.write_text(settings)
    start = "open", str(prompt_file), "--model", str(model_folder)
    with terminal(tmp_path, *start, ICLDIAG_CONFIG=str(config)) as app:
        before = app.modes
        app.until(lambda screen: not app.echoes, 30)
        assert app.written == b""  # long before the app has the screen
        app.press("8")
        if settings:
            assert app.ended() == 2
        else:
            app.until("[8 Prompt]")
            app.until(ready)
            app.press("q")
            assert app.ended() == 0
        assert not app.written.startswith(b"8")
        assert app.modes == before


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


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGTERM])
def test_the_terminal_is_given_back(number: int, prompt_file: Path, model_folder: Path, tmp_path: Path) -> None:
    """Also by SIGHUP, which may come without the terminal going away."""
    with terminal(tmp_path, "open", str(prompt_file), "--model", str(model_folder)) as app:
        before = app.modes
        app.until(ready)
        assert app.modes != before
        app.press("5")
        app.until("AUCROC")
        app.kill(number)
        assert app.ended() == 128 + number
        for left in (b"\x1b[?1049l", b"\x1b[?25h", b"\x1b[?1000l", b"\x1b[?2004l"):
            assert left in app.written
        assert app.modes == before
        assert b"Traceback" not in app.written
    (file,) = session_files(tmp_path / "state")
    assert file.read().panel == "extract"


def test_stdout_that_has_gone(prompt_file: Path, model_folder: Path, tmp_path: Path) -> None:
    with terminal(tmp_path, "open", str(prompt_file), "--model", str(model_folder), stdout=Path("/dev/full")) as app:
        app.until(ready)
        app.press("q")
        assert app.ended() in (0, 1)  # 0 where something was still computing, and nobody waits for it
        assert b"\x1b[?1049l" in app.written
        assert b"Traceback" not in app.written
    assert len(session_files(tmp_path / "state")) == 1


def test_an_end_that_nobody_foresaw(prompt_file: Path, model_folder: Path, tmp_path: Path) -> None:
    """What Textual would print has every frame with its variables."""
    (tmp_path / "sitecustomize.py").write_text(
        "import sys\n"
        "def later(name):\n"
        "    from icldiag.tui.app import DiagnosisApp\n"
        "    def broken(*arguments, **named):\n"
        "        secret = 'opera'\n"
        "        raise KeyError(secret)\n"
        "    DiagnosisApp.notify = DiagnosisApp.action_copy = broken\n"
        "import icldiag.tui.process as run\n"
        "original = run.run_app\n"
        "def run_app(*arguments, **named):\n"
        "    later(None)\n"
        "    return original(*arguments, **named)\n"
        "run.run_app = run_app\n"
    )
    python_path = os.pathsep.join([str(tmp_path), *sys.path])
    with terminal(tmp_path, "open", str(prompt_file), "--model", str(model_folder), PYTHONPATH=python_path) as app:
        app.until(ready)
        app.press("5")
        app.until("AUCROC")
        app.press("y")
        assert app.ended() == 1
        after = app.written.rpartition(b"\x1b[?1049l")[2].decode()
        assert "icldiag: something went wrong that was not foreseen (KeyError)" in after
        assert "opera" not in after
        assert "Traceback" not in after
        assert "icldiag resume" in after
        assert len(after.splitlines()) < 10
    (crash,) = [path for path in (tmp_path / "state" / "crashes").iterdir() if path.name in after.replace("\r\n", "")]
    assert "opera" not in crash.read_text()
    (file,) = session_files(tmp_path / "state")
    assert file.read().panel == "extract"
