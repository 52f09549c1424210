"""The app in a browser: on loopback unless told otherwise."""

from __future__ import annotations

import shlex
import socket
import sys
from pathlib import Path
from typing import Any

import pytest

import icldiag.serve
from icldiag.cli import main
from icldiag.errors import IcldiagError
from icldiag.model.settings import ModelSettings
from icldiag.serve import is_loopback, make_server, serve

URL = "http://localhost:8000"


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("localhost", True),
        ("127.0.0.9", True),
        ("::1", True),
        ("0.0.0.0", False),
        ("192.168.0.1", False),
        ("me", False),
    ],
)
def test_loopback(host: str, expected: bool) -> None:
    assert is_loopback(host) is expected


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What would be served: (command, host, port, public address, sessions)."""
    calls: list[Any] = []

    class Recorder:
        def __init__(self, *arguments: Any) -> None:
            self.address = f"{arguments[3]}/token/"
            calls.append(arguments)

        def serve(self) -> None:
            return None

    monkeypatch.setattr(icldiag.serve, "make_server", Recorder)
    monkeypatch.setattr(icldiag.serve, "_require_port", lambda host, port: None)
    return calls


def test_the_command_serves_the_same_app(
    served: list[Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    prompt = tmp_path / "a [b] 'c'.yaml"
    prompt.write_text(
        'template: "{text} {label}"\nlabels: [A, B]\ndemonstrations: [{text: x, label: A}]\nqueries: [{text: y}]\n'
    )
    monkeypatch.setattr(sys, "argv", ["icldiag", "serve", str(prompt), "--dtype", "float32", "--port", "8123"])
    with pytest.raises(SystemExit):
        main()
    command, host, port, address, sessions = served[0]
    assert shlex.split(command) == [
        *(sys.executable, "-m", "icldiag", "open", str(prompt)),
        *("--model", "bundled", "--device", "auto", "--dtype", "float32"),
    ]
    assert (host, port, address, sessions) == ("localhost", 8123, "http://localhost:8123", 4)
    told = capsys.readouterr().err
    assert f"serving {prompt} on bundled; open http://localhost:8123/token/ (Ctrl-C stops)" in told
    assert "warning" not in told


def test_the_other_model_is_served_beside_and_is_another(
    served: list[Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """`open` takes what `serve` passes on; the same model twice is told here, not in a page."""
    asked = ["icldiag", "serve", "questions", "--dtype", "float32", "--against"]
    monkeypatch.setattr(sys, "argv", [*asked, str(tmp_path / "a model")])
    with pytest.raises(SystemExit):
        main()
    assert f"serving questions on bundled and {tmp_path / 'a model'}; open" in capsys.readouterr().err
    given: list[Any] = []

    def run_app(*_: Any, against: Any) -> int:
        given.append(against)
        return 0

    monkeypatch.setattr("icldiag.tui.process.run_app", run_app)
    monkeypatch.setattr(sys, "argv", shlex.split(served[0][0])[2:])
    with pytest.raises(SystemExit):
        main()
    assert given == [ModelSettings(str(tmp_path / "a model"), dtype="float32")]

    monkeypatch.setattr(sys, "argv", [*asked, "bundled"])
    with pytest.raises(SystemExit):
        main()
    assert "--against names the same model as --model; name another" in capsys.readouterr().err
    assert len(served) == 1


def test_others_are_let_in_only_with_a_warning(served: list[Any], capsys: pytest.CaptureFixture[str]) -> None:
    serve(["open", "x"], "0.0.0.0", 8000)
    assert "can use the app with your rights, without a password" in capsys.readouterr().err
    assert served[0][3] == f"http://{socket.gethostname()}:8000"
    serve(["open", "x"], "::1", 8000)
    assert "warning" not in capsys.readouterr().err
    assert served[1][3] == "http://[::1]:8000"


def test_a_missing_extra_and_a_taken_port_are_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(IcldiagError, match=r"cannot serve on 127\.0\.0\.1:.*choose others with --host"):
            serve([], "127.0.0.1", taken.getsockname()[1])
    monkeypatch.delitem(sys.modules, "icldiag.page_server", raising=False)
    monkeypatch.setitem(sys.modules, "textual_serve.server", None)
    with pytest.raises(IcldiagError, match=r"pip install 'icldiag\[serve\]'"):
        make_server("", "localhost", 8000, URL, 1)
