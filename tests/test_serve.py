"""The app in a browser: for those who have the address, on loopback unless told otherwise, and ending with its page."""

from __future__ import annotations

import asyncio
import json
import os
import shlex
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientConnectionError, ClientSession, ClientWebSocketResponse, WSMsgType
from aiohttp.test_utils import TestClient, TestServer

import icldiag.serve
from icldiag.cli import main
from icldiag.errors import IcldiagError
from icldiag.saved import session_files
from icldiag.serve import is_loopback, make_server, serve
from tests.tui.pilot import PROMPT

URL = "http://localhost:8000"
OWN = {"Origin": URL}
WITHIN = 3.0  # seconds in which a session must have ended

#: An app that starts quickly and says, in a file, that it is there.
_APP = """
import os, sys
from textual.app import App
class Small(App):
    def on_mount(self):
        open(sys.argv[1] + "/" + str(os.getpid()), "w").close()
        if len(sys.argv) > 2:
            exec(sys.argv[2])
Small().run()
"""


def small_app(folder: Path, does: str = "") -> str:
    return shlex.join([sys.executable, "-c", _APP, str(folder), *([does] if does else [])])


@pytest.fixture
def begun(tmp_path: Path) -> Path:
    """A folder with a file for each app that runs or ran, by its process."""
    folder = tmp_path / "begun"
    folder.mkdir()
    return folder


@asynccontextmanager
async def pages(server: Any) -> AsyncIterator[TestClient[Any, Any]]:
    async with TestClient(TestServer(await server._make_app())) as client:
        yield client


class Page:
    """What a browser does: it answers pings, and shows what comes."""

    def __init__(self, socket_: ClientWebSocketResponse) -> None:
        self.socket, self.text, self.messages = socket_, "", []  # type: ignore[var-annotated]
        self.task = asyncio.create_task(self._show())

    async def _show(self) -> None:
        async for message in self.socket:
            if message.type is WSMsgType.BINARY:
                self.text += message.data.decode("utf-8", "replace")
            elif message.type is WSMsgType.TEXT:
                self.messages.append(message.json())

    async def close(self) -> None:
        await self.socket.close()
        await self.task


async def open_page(client: Any, server: Any) -> Page:
    return Page(await client.ws_connect(f"/{server.token}/ws?width=80&height=24", headers=OWN))


async def until(condition: Callable[[], Any], seconds: float = 20.0) -> float:
    """The seconds until a condition holds."""
    began = time.monotonic()
    while not condition():
        assert time.monotonic() - began < seconds, "not in time"
        await asyncio.sleep(0.02)
    return time.monotonic() - began


def running(folder: Path) -> list[int]:
    """Of the apps that began, those that still run."""
    return [int(path.name) for path in folder.iterdir() if _is_running(int(path.name))]


def _is_running(process: int) -> bool:
    with suppress(OSError):
        os.kill(process, 0)
        state = Path(f"/proc/{process}/stat")  # in a container, nobody may bury the dead
        return not state.exists() or state.read_text().rpartition(")")[2].split()[0] != "Z"
    return False


async def test_nothing_is_had_without_the_token() -> None:
    server = make_server("echo '[/red]'", "localhost", 8000, f"{URL}/", 1)
    right = f"/{server.token}"
    wrong = ("", "/", "/" + "0" * len(server.token), right[:-1], right + "0", right.upper() + "x", "/é", "/%00")
    async with pages(server) as client:
        for prefix in wrong:
            for path in ("/", "/ws", "/static/js/textual.js", "/static/", "/download/0", "/favicon.ico"):
                refused = await client.get(prefix + path if prefix != "/" else path, headers=OWN, allow_redirects=False)
                assert refused.status == 403, prefix + path
                assert "with its token" in await refused.text()
                assert server.token not in str(refused.headers)
        assert (await client.post("/", headers=OWN)).status == 403
        page = await client.get(right)  # without the last slash, too
        assert page.status == 200
        assert page.headers["Referrer-Policy"] == "no-referrer"
        for path, status in (("/static/js/textual.js", 200), ("/download/0", 404), ("/nothing", 404)):
            assert (await client.get(right + path)).status == status
    assert make_server("", "localhost", 8000, URL, 1).token != server.token
    assert len(server.token) >= 32


@pytest.mark.parametrize(
    "target", [b"*", b"/\xff", b"x:1", b"http://localhost/", b"/%ff%00", b"//", b"/../..//etc/passwd"]
)
async def test_no_odd_request_gets_further(target: bytes, caplog: pytest.LogCaptureFixture) -> None:
    server = make_server("echo", "localhost", 8000, URL, 1)
    async with pages(server) as client:
        for method in (b"GET", b"OPTIONS", b"CONNECT"):
            reader, writer = await asyncio.open_connection("127.0.0.1", client.port)
            writer.write(method + b" " + target + b" HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            assert (await asyncio.wait_for(reader.readline(), 5)).split()[1] in (b"400", b"403")
            writer.close()
    assert "Traceback" not in caplog.text


async def test_only_its_own_page_reaches_the_app() -> None:
    server = make_server("echo '[/red]'", "localhost", 8000, f"{URL}/", 1)
    async with pages(server) as client:
        page = await client.get(f"/{server.token}/")
        assert page.status == 200
        assert "default-src 'self'" in page.headers["Content-Security-Policy"]
        assert f"ws://localhost:8000/{server.token}/ws" in await page.text()
        for origin in ({"Origin": "http://evil.example"}, {"Origin": "http://localhost:9999"}, {}):
            refused = await client.get(f"/{server.token}/ws", headers=origin)
            assert refused.status == 403
            assert await refused.text() == f"open {URL} instead"
        async with client.ws_connect(f"/{server.token}/ws", headers=OWN) as socket_:
            assert not socket_.closed


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("http://localhost:80", "http://localhost"),
        ("https://Example.org:443/icldiag/", "https://example.org"),
        ("https://example.org:8443", "https://example.org:8443"),
        ("http://[::1]:8000", "http://[::1]:8000"),
    ],
)
def test_a_page_is_from_where_browsers_say(address: str, expected: str) -> None:
    server = make_server("", "localhost", 8000, address, 1)
    assert server.origin == expected
    assert server.address == f"{address.rstrip('/')}/{server.token}/"


@pytest.mark.parametrize(
    "address", ["", "example.org", "ftp://example.org", "http://", "http://a:99999", "http://[::1"]
)
def test_a_public_url_that_is_none_is_one_sentence(address: str) -> None:
    with pytest.raises(IcldiagError, match="--public-url"):
        make_server("", "localhost", 8000, address, 1)


async def test_a_session_ends_with_its_page(begun: Path) -> None:
    server = make_server(small_app(begun), "localhost", 8000, URL, 2)
    async with pages(server) as client:
        page, other = await open_page(client, server), await open_page(client, server)
        await until(lambda: len(running(begun)) == 2)
        await page.close()
        assert await until(lambda: len(running(begun)) == 1) < WITHIN
        other.task.cancel()  # it answers no more, as when its line drops
        assert await until(lambda: not running(begun)) < WITHIN


async def test_an_app_that_does_not_listen_is_ended_too(begun: Path) -> None:
    does = "import signal, time\nsignal.signal(signal.SIGHUP, signal.SIG_IGN)\ntime.sleep(60)"
    server = make_server(small_app(begun, does), "localhost", 8000, URL, 1)
    async with pages(server) as client:
        page = await open_page(client, server)
        await until(lambda: running(begun))
        await page.close()
        assert await until(lambda: not running(begun)) < WITHIN


async def test_one_page_too_many_is_told_and_its_place_is_free_again(begun: Path) -> None:
    server = make_server(small_app(begun), "localhost", 8000, URL, 2)
    async with pages(server) as client:
        first, second = await open_page(client, server), await open_page(client, server)
        await until(lambda: len(running(begun)) == 2)
        third = await open_page(client, server)
        assert await until(lambda: third.text) < 5
        assert "2 sessions are open, as many as --sessions allows.\r\nClose the page of one" in third.text
        assert len([*begun.iterdir()]) == 2
        again = asyncio.create_task(open_page(client, server))  # as a page that is loaded again
        await first.close()
        page = await again
        await until(lambda: len([*begun.iterdir()]) == 3)
        assert "sessions are open" not in page.text
        for one in (second, third, page):
            await one.close()
        assert await until(lambda: not running(begun)) < WITHIN


async def test_an_app_that_ends_ends_its_page_and_one_that_cannot_start_says_why(begun: Path) -> None:
    server = make_server(small_app(begun, "self.exit()"), "localhost", 8000, URL, 1)
    async with pages(server) as client:
        page = await open_page(client, server)
        await asyncio.wait_for(page.task, 20)
        assert len([*begun.iterdir()]) == 1
        for command, words in (
            ([sys.executable, "-c", "import sys; sys.exit('the settings are [/wrong] \\x1b[2J')"], "[/wrong] "),
            (["/there/is/nothing"], "cannot be started: No such file"),
        ):
            server.command = shlex.join(command)
            page = await open_page(client, server)
            await until(lambda page=page: page.text)  # type: ignore[misc]
            assert words in page.text
            assert "\x1b" not in page.text
            await page.close()


@pytest.mark.parametrize("sent", ["", "{", "[]", "[1]", '["stdin"]', '["resize", {"width": "x"}]', "[" * 100_000])
async def test_what_a_page_should_not_send_ends_its_session_alone(sent: str, begun: Path) -> None:
    server = make_server(small_app(begun), "localhost", 8000, URL, 2)
    async with pages(server) as client:
        page = await open_page(client, server)
        await page.socket.send_str(sent)
        await page.close()
        page = await open_page(client, server)
        await until(lambda: page.text)
        await page.close()


async def test_a_download_is_under_the_token(begun: Path) -> None:
    does = "import io; self.deliver_text(io.StringIO('what it says'), save_filename='x.txt')"
    server = make_server(small_app(begun, does), "localhost", 8000, URL, 1)
    async with pages(server) as client:
        page = await open_page(client, server)
        await until(lambda: page.messages)
        (kind, key), *_ = page.messages
        assert kind == "deliver_file_start"
        answer = await client.get(f"/download/{key}")  # as the page makes it
        assert answer.status == 200
        assert await answer.text() == "what it says"
        assert f"/{server.token}/download/" in str(answer.url)
        await page.close()


_SERVER = """
import sys
from icldiag.serve import make_server
port = int(sys.argv[1])
server = make_server(sys.argv[2], "127.0.0.1", port, f"http://127.0.0.1:{port}", 4)
print(server.address, flush=True)
server.serve()
"""


@contextmanager
def process(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen([sys.executable, *arguments], stdout=-1, stderr=-1, text=True) as begun:
        try:
            yield begun
        finally:
            begun.kill()


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


async def _connected(session: ClientSession, address: str) -> Page:
    origin = address.rsplit("/", 2)[0]
    while True:
        try:
            return Page(await session.ws_connect(f"{address}ws", headers={"Origin": origin}))
        except ClientConnectionError:
            await asyncio.sleep(0.05)


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP", "SIGKILL"])
async def test_no_session_outlives_the_server(name: str, begun: Path) -> None:
    with process("-c", _SERVER, str(free_port()), small_app(begun)) as served:
        assert served.stdout is not None
        address = served.stdout.readline().strip()
        async with asyncio.timeout(30), ClientSession() as session:
            opened = [await _connected(session, address) for _ in range(2)]
            await until(lambda: len(running(begun)) == 2)
            served.send_signal(getattr(signal, name))
            assert await until(lambda: not running(begun)) < WITHIN
            assert await until(lambda: served.poll() is not None) < WITHIN
            for page in opened:
                await page.close()
        assert served.stderr is not None
        assert served.stderr.read() == ""


async def test_an_app_whose_server_is_killed_has_saved_its_session(tmp_path: Path) -> None:
    prompt = tmp_path / "prompt.yaml"
    prompt.write_text(PROMPT)
    where = "--host", "127.0.0.1", "--port", str(free_port())
    with process("-m", "icldiag", "serve", str(prompt), *where) as served:
        assert served.stderr is not None
        address = served.stderr.readline().rsplit("open ", 1)[1].split()[0]
        async with asyncio.timeout(60), ClientSession() as session:
            page = await _connected(session, address)
            await until(session_files)
            first = session_files()[0].read().panel
            await page.socket.send_str(json.dumps(["stdin", "4"]))
            await until(lambda: session_files()[0].read().panel != first)  # it looks once a second
            second = session_files()[0].read().panel
            await page.socket.send_str(json.dumps(["stdin", "3"]))
            await asyncio.sleep(0.3)
            served.kill()
            assert await until(lambda: not session_files()[0].is_open) < WITHIN
            assert session_files()[0].read().panel not in (first, second)
            await page.close()


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
    assert "open http://localhost:8123/token/ " in told
    assert "warning" not in told


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
    monkeypatch.delitem(sys.modules, "icldiag.pages", raising=False)
    monkeypatch.setitem(sys.modules, "textual_serve.server", None)
    with pytest.raises(IcldiagError, match=r"pip install 'icldiag\[serve\]'"):
        make_server("", "localhost", 8000, URL, 1)
