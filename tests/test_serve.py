"""The app in a browser: for pages of its own only, on loopback unless told otherwise."""

from __future__ import annotations

import shlex
import socket
import sys
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer

import icldiag.serve
from icldiag.cli import main
from icldiag.errors import IcldiagError
from icldiag.serve import is_loopback, make_server, serve

URL = "http://localhost:8000"


async def test_only_its_own_page_reaches_the_app() -> None:
    app = await make_server("echo '[/red]'", "localhost", 8000, f"{URL}/")._make_app()
    async with TestClient(TestServer(app)) as client:
        page = await client.get("/")
        assert page.status == 200
        assert "default-src 'self'" in page.headers["Content-Security-Policy"]
        assert "ws://localhost:8000/ws" in await page.text()
        for origin in ({"Origin": "http://evil.example"}, {"Origin": "http://localhost:9999"}, {}):
            refused = await client.get("/ws", headers=origin)
            assert refused.status == 403
            assert await refused.text() == f"open {URL} instead"
        async with client.ws_connect("/ws", headers={"Origin": URL}) as socket_:
            assert not socket_.closed


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
    """What would be served: (command, host, port, address)."""
    calls: list[Any] = []

    class Recorder:
        def __init__(self, *arguments: Any) -> None:
            self.public_url = arguments[-1]
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
    command, host, port, address = served[0]
    assert shlex.split(command) == [
        *(sys.executable, "-m", "icldiag", "open", str(prompt)),
        *("--model", "bundled", "--device", "auto", "--dtype", "float32"),
    ]
    assert (host, port, address) == ("localhost", 8123, "http://localhost:8123")
    told = capsys.readouterr().err
    assert "open http://localhost:8123" in told
    assert "warning" not in told


def test_others_are_let_in_only_with_a_warning(served: list[Any], capsys: pytest.CaptureFixture[str]) -> None:
    serve(["open", "x"], "0.0.0.0", 8000)
    assert "can use the app with your rights, without a password" in capsys.readouterr().err
    assert served[0][-1] == f"http://{socket.gethostname()}:8000"
    serve(["open", "x"], "::1", 8000)
    assert "warning" not in capsys.readouterr().err
    assert served[1][-1] == "http://[::1]:8000"


def test_a_missing_extra_and_a_taken_port_are_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(IcldiagError, match=r"cannot serve on 127\.0\.0\.1:.*choose others with --host"):
            serve([], "127.0.0.1", taken.getsockname()[1])
    monkeypatch.setitem(sys.modules, "textual_serve.server", None)
    with pytest.raises(IcldiagError, match=r"pip install 'icldiag\[serve\]'"):
        make_server("", "localhost", 8000, URL)
