"""Sessions in pages: not too many, and each ends with its page and with the server."""

from __future__ import annotations

import asyncio
import json
import shlex
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from aiohttp import ClientConnectionError, ClientSession

from icldiag import page_server
from icldiag.serve import make_server
from icldiag.session_file import session_files
from tests.browser import URL, WITHIN, Page, open_page, pages, running, small_app, until
from tests.patience import LONG
from tests.tui.pilot import PROMPT


@pytest.fixture
def begun(tmp_path: Path) -> Path:
    """A folder with a file for each app that runs or ran, by its process."""
    folder = tmp_path / "begun"
    folder.mkdir()
    return folder


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


async def test_one_page_too_many_is_told_and_its_place_is_free_again(
    begun: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = make_server(small_app(begun), "localhost", 8000, URL, 2)
    async with pages(server) as client:
        first, second = await open_page(client, server), await open_page(client, server)
        await until(lambda: len(running(begun)) == 2)
        third = await open_page(client, server)
        assert await until(lambda: third.text) < 5
        assert "2 sessions are open, as many as --sessions allows.\r\nClose the page of one" in third.text
        assert len([*begun.iterdir()]) == 2
        monkeypatch.setattr(page_server, "_PATIENCE", LONG)  # the first may be slow to go
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
        await asyncio.wait_for(page.task, LONG)
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
import signal, sys
signal.signal(signal.SIGHUP, signal.SIG_DFL)  # ignored where the tests were started by nohup
from icldiag import page_server
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
        async with asyncio.timeout(LONG), ClientSession() as session:
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
        async with asyncio.timeout(2 * LONG), ClientSession() as session:
            page = await _connected(session, address)
            await until(session_files)
            first = session_files()[0].read().panel
            await page.socket.send_str(json.dumps(["stdin", "4"]))
            await until(lambda: session_files()[0].read().panel != first)  # it looks once a second
            second = session_files()[0].read().panel
            shown = len(page.text)
            await page.socket.send_str(json.dumps(["stdin", "3"]))
            await until(lambda: "next label word" in page.text[shown:])  # the keys of panel Flow
            served.kill()
            assert await until(lambda: not session_files()[0].is_open) < WITHIN
            assert session_files()[0].read().panel not in (first, second)
            await page.close()
