"""What a browser does with a server of pages, and apps for it that start quickly."""

from __future__ import annotations

import asyncio
import os
import shlex
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

from aiohttp import ClientWebSocketResponse, WSMsgType
from aiohttp.test_utils import TestClient, TestServer

from tests.patience import LONG, slowness

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


async def until(condition: Callable[[], Any], seconds: float = LONG) -> float:
    """The seconds until a condition holds, as they would be on a machine that nobody else uses."""
    began, slow = time.monotonic(), slowness()
    while not condition():
        assert time.monotonic() - began < seconds, "not in time"
        await asyncio.sleep(0.02)
    return (time.monotonic() - began) / max(slow, slowness())


def running(folder: Path) -> list[int]:
    """Of the apps that began, those that still run."""
    return [int(path.name) for path in folder.iterdir() if _is_running(int(path.name))]


def _is_running(process: int) -> bool:
    with suppress(OSError):
        os.kill(process, 0)
        state = Path(f"/proc/{process}/stat")  # in a container, nobody may bury the dead
        return not state.exists() or state.read_text().rpartition(")")[2].split()[0] != "Z"
    return False
