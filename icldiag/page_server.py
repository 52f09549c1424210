"""The server of `icldiag serve`: textual-serve's, for whoever has the address, with an end for every session."""

from __future__ import annotations

import asyncio
import hmac
import json
import logging
import os
import secrets
import shlex
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from urllib.parse import urlsplit

from aiohttp import WSMsgType, web
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.typedefs import Handler
from textual_serve.app_service import AppService
from textual_serve.server import Server

from icldiag.errors import IcldiagError
from icldiag.quoting import quoted
from icldiag.visible import visible

PING = 0.5  # seconds between two questions whether a page is still there
SILENCE = 1.8  # seconds without an answer, after which its connection has dropped
GRACE = 1.0  # seconds for the app to save its session
_PATIENCE = 3.0  # seconds for a place: a page that is loaded again leaves its own a moment later
_TOLD = 300.0  # seconds that a page shows why there is no session
_LARGEST = 1000  # columns or rows of a page
_TAIL = 2000  # characters of what an app says at its end
# The page's own script and style are inline; nothing may come from, or be sent to, any other place.
_POLICY = "default-src 'self' 'unsafe-inline' data: blob:; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
_HEADERS = {"Content-Security-Policy": _POLICY, "Referrer-Policy": "no-referrer", "Cache-Control": "no-store"}


class PageServer(Server):  # type: ignore[misc]
    """Answers only who has the token, which is the first part of every path, and only pages of its own.

    Args:
        public_url: what browsers open, without the token.
        sessions: how many there may be at a time.

    Raises:
        IcldiagError: `public_url` is no address of a page.
    """

    def __init__(self, command: str, host: str, port: int, public_url: str, sessions: int) -> None:
        super().__init__(command, host, port, title="icldiag", public_url=public_url.rstrip("/"))
        self.origin = origin(public_url)
        self.sessions = sessions
        self.token = secrets.token_hex(24)
        self.address = f"{self.public_url}/{self.token}/"
        self._places = asyncio.Semaphore(sessions)
        self._apps: set[PageApp] = set()

    def serve(self, debug: bool = False) -> None:
        """Until Ctrl-C, SIGTERM or SIGHUP."""
        web.run_app(self._make_app(), host=self.host, port=self.port, print=None, access_log=None, shutdown_timeout=1.0)

    async def _make_app(self) -> web.Application:
        @web.middleware
        async def for_the_token(request: web.Request, handler: Handler) -> web.StreamResponse:
            parts = request.rel_url.raw_path.split("/")
            given = "".join(parts[1:2]).encode("utf-8", "surrogateescape")
            if not hmac.compare_digest(given, self.token.encode()):
                raise web.HTTPForbidden(text="open the whole address that 'icldiag serve' printed, with its token")
            if len(parts) == 2:
                raise web.HTTPFound(f"{self.token}/")
            return await handler(request)

        logging.getLogger("aiohttp.server").addFilter(_is_ours)
        app = web.Application(middlewares=[for_the_token])
        app.on_response_prepare.append(_add_headers)
        app.add_subapp(f"/{self.token}", await super()._make_app())
        return app

    async def on_startup(self, app: web.Application) -> None:
        """`serve` says where to look. Hang-ups that are ignored, as by nohup, stay so."""
        hang_up = getattr(signal, "SIGHUP", None)
        if hang_up is not None and signal.getsignal(hang_up) is signal.SIG_DFL:
            with suppress(ValueError, RuntimeError):  # not in the main thread
                asyncio.get_running_loop().add_signal_handler(hang_up, self.request_exit)

    async def on_shutdown(self, app: web.Application) -> None:
        """No app outlives the server; where it is killed, they find their input closed."""
        await asyncio.gather(*(app.stop() for app in self._apps))

    async def handle_websocket(self, request: web.Request) -> web.StreamResponse:
        """A session, as long as its page is there."""
        if request.headers.get("Origin") != self.origin:  # another site in the same browser
            raise web.HTTPForbidden(text=f"open {self.public_url} instead")
        websocket = web.WebSocketResponse(timeout=0.5, receive_timeout=SILENCE)
        await websocket.prepare(request)
        with _pinged(websocket):
            try:
                async with asyncio.timeout(_PATIENCE):
                    await self._places.acquire()
            except TimeoutError:
                count = "1 session is" if self.sessions == 1 else f"{self.sessions} sessions are"
                cure = "Close the page of one; then load this one again."
                await _tell(websocket, f"{count} open, as many as --sessions allows.\n{cure}")
            else:
                try:
                    await self._run(websocket, _size(request, "width", 80), _size(request, "height", 24))
                finally:
                    self._places.release()
        await _close(websocket, request)
        return websocket

    async def _run(self, websocket: web.WebSocketResponse, width: int, height: int) -> None:
        async def write_str(text: str) -> None:
            kind, *rest = json.loads(text)
            if kind == "deliver_file_start":  # the page puts /download/ before it, where the token must be
                rest = [f"..{urlsplit(self.address).path}download/{rest[0]}"]
            await websocket.send_str(json.dumps([kind, *rest]))

        app = PageApp(
            self.command,
            write_bytes=websocket.send_bytes,
            write_str=write_str,
            close=websocket.close,
            download_manager=self.download_manager,
        )
        self._apps.add(app)
        try:
            try:
                await app.start(width, height)
            except OSError as error:
                await _tell(websocket, f"The app cannot be started: {error.strerror}.")
                return
            here = asyncio.create_task(self._process_messages(websocket, app))
            await asyncio.wait((here, app.reading), return_when=asyncio.FIRST_COMPLETED)
            here.cancel()
            await asyncio.gather(here, return_exceptions=True)  # whatever a page sent: its session ends
        finally:
            await app.stop()
            self._apps.discard(app)
        if not app.is_started:
            await _tell(websocket, app.said or "The app did not start.")


class PageApp(AppService):  # type: ignore[misc]
    """An app in a process of its own, which ends when its input does."""

    _task: asyncio.Task[None] | None
    is_started = False
    said = ""  # at last, on stderr

    async def _open_app_process(self, width: int = 80, height: int = 24) -> Process:
        environment = self._build_environment(width, height)
        environment["TEXTUAL_DRIVER"] = "icldiag.tui.textual_fixes.web_driver:SavingDriver"
        self._process = await asyncio.create_subprocess_exec(
            *shlex.split(self.command), stdin=PIPE, stdout=PIPE, stderr=PIPE, env=environment, start_new_session=True
        )  # a session of its own: Ctrl-C is for the server, which lets the apps save theirs
        self._stdin = self._process.stdin
        return self._process

    @property
    def reading(self) -> asyncio.Task[None]:
        """Done when the app has ended."""
        if self._task is None:
            raise RuntimeError("the app was not started")
        return self._task

    async def run(self) -> None:
        """Pass on what the app writes."""
        if (
            self._process is None
            or (stdout := self._process.stdout) is None
            or (stderr := self._process.stderr) is None
        ):
            raise RuntimeError("the app was not started")
        listening = asyncio.create_task(self._listen(stderr))
        receivers = {b"D": self.on_data, b"M": self.on_meta, b"P": self.on_packed}
        try:
            while await stdout.readuntil() != b"__GANGLION__\n":
                pass
            self.is_started = True
            while receive := receivers.get(await stdout.readexactly(1)):  # after its end it may write what it likes
                size = int.from_bytes(await stdout.readexactly(4), "big")
                await receive(await stdout.readexactly(size))
        except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, ConnectionError):
            await asyncio.wait((listening,), timeout=GRACE)
        finally:
            listening.cancel()

    async def _listen(self, stderr: asyncio.StreamReader) -> None:
        while data := await stderr.read(_TAIL):
            self.said = (self.said + data.decode("utf-8", "replace"))[-_TAIL:]

    async def stop(self) -> None:
        """End the app, which saves its session when its input is closed; within `GRACE` seconds, or it is killed."""
        process = self._process
        if process is None:
            return
        await self._download_manager.cancel_app_downloads(self.app_service_id)
        if not self.stdin.is_closing():
            self.stdin.transport.abort()  # not close(), which would wait for an app that does not read
        with suppress(TimeoutError):
            await asyncio.wait_for(process.wait(), GRACE)
        with suppress(ProcessLookupError, PermissionError):
            if hasattr(os, "killpg"):
                os.killpg(process.pid, signal.SIGKILL)  # also what it may have started
            else:
                process.kill()
        await process.wait()
        if self._task is not None:
            reading, self._task = self._task, None
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)
            if self.said:
                print(*_lines(self.said), sep="\n", file=sys.stderr)


def origin(address: str) -> str:
    """As a browser calls where a page is from. Raises IcldiagError."""
    with suppress(ValueError):
        parts = urlsplit(address)
        if parts.scheme in ("http", "https") and parts.hostname:
            host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
            usual = {"http": 80, "https": 443}[parts.scheme]
            return f"{parts.scheme}://{host}" + ("" if parts.port in (None, usual) else f":{parts.port}")
    raise IcldiagError(f"--public-url {quoted(address)}: not an address such as https://example.org/icldiag")


def _is_ours(record: logging.LogRecord) -> bool:
    """A traceback for what somebody sent that is no HTTP, as port scanners do, is of no use."""
    return not (record.exc_info and isinstance(record.exc_info[1], HttpProcessingError))


async def _add_headers(request: web.Request, response: web.StreamResponse) -> None:
    response.headers.update(_HEADERS)


@contextmanager
def _pinged(websocket: web.WebSocketResponse) -> Iterator[None]:
    """The answers reset the connection's `receive_timeout`."""

    async def ping() -> None:
        with suppress(ConnectionError, RuntimeError):
            while not websocket.closed:
                await websocket.ping()
                await asyncio.sleep(PING)

    task = asyncio.create_task(ping())
    try:
        yield
    finally:
        task.cancel()


async def _tell(websocket: web.WebSocketResponse, text: str) -> None:
    """Show a text in the page until it is closed."""
    with suppress(ConnectionError, RuntimeError, TimeoutError):
        await websocket.send_bytes("\r\n".join(_lines(text)).encode())
        async with asyncio.timeout(_TOLD):
            while (await websocket.receive()).type in (WSMsgType.TEXT, WSMsgType.BINARY):
                pass


async def _close(websocket: web.WebSocketResponse, request: web.Request) -> None:
    """Also where nobody answers."""
    try:
        async with asyncio.timeout(1.0):
            await websocket.close()
    except TimeoutError:
        if request.transport is not None:
            request.transport.abort()


def _lines(text: str) -> list[str]:
    return [visible(line) for line in text.splitlines()]


def _size(request: web.Request, name: str, default: int) -> int:
    value = request.query.get(name, "")
    return min(max(int(value), 1), _LARGEST) if value.isdecimal() and len(value) < 9 else default
