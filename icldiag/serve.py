"""`icldiag serve`: the app in a browser, by textual-serve; each page that is opened runs an app of its own."""

from __future__ import annotations

import ipaddress
import shlex
import socket
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from icldiag.errors import IcldiagError
from icldiag.visible import visible

if TYPE_CHECKING:
    from aiohttp import web
    from textual_serve.server import Server

# The page's own script and style are inline; nothing may come from, or be sent to, any other place.
_POLICY = "default-src 'self' 'unsafe-inline' data: blob:; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"


def serve(arguments: Sequence[str], host: str, port: int, public_url: str | None = None) -> None:
    """Serve `icldiag ARGUMENTS` until Ctrl-C.

    Args:
        public_url: what browsers open, where it is not host and port, as behind a proxy.

    Raises:
        IcldiagError: textual-serve is not installed, or the port cannot be had.
    """
    _require_port(host, port)
    command = shlex.join([sys.executable, "-m", "icldiag", *arguments])
    server = make_server(command, host, port, public_url or f"http://{_named(host)}:{port}")
    if not is_loopback(host):
        print(
            f"icldiag: warning: whoever reaches port {port} of this machine can use the app with your rights, without "
            "a password; Ctrl-C stops it",
            file=sys.stderr,
        )
    print(f"serving {visible(shlex.join(arguments))}; open {server.public_url} (Ctrl-C stops)", file=sys.stderr)
    server.serve()


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach a server on `host`."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def make_server(command: str, host: str, port: int, public_url: str) -> Server:
    """textual-serve's server, which answers only pages of its own. Raises IcldiagError where it is not installed."""
    try:
        from aiohttp import web
        from textual_serve.server import Server
    except ImportError:
        raise IcldiagError("icldiag serve needs textual-serve; install it with: pip install 'icldiag[serve]'") from None

    class OwnPages(Server):  # type: ignore[misc]
        """A page of another site in the same browser could otherwise reach the app through the browser."""

        async def _make_app(self) -> web.Application:
            app: web.Application = await super()._make_app()
            app.on_response_prepare.append(_add_policy)
            return app

        async def handle_websocket(self, request: web.Request) -> web.StreamResponse:
            if request.headers.get("Origin") != self.public_url:
                raise web.HTTPForbidden(text=f"open {self.public_url} instead")
            response: web.StreamResponse = await super().handle_websocket(request)
            return response

        async def on_startup(self, app: web.Application) -> None:
            return None  # `serve` says where to look, and parses no path as markup

    return OwnPages(command, host, port, title="icldiag", public_url=public_url.rstrip("/"))


async def _add_policy(request: web.Request, response: web.StreamResponse) -> None:
    response.headers["Content-Security-Policy"] = _POLICY


def _named(host: str) -> str:
    """What a browser calls the host; one that stands for all addresses is called by this machine's name."""
    if host in ("0.0.0.0", "::"):
        return socket.gethostname()
    return f"[{host}]" if ":" in host else host


def _require_port(host: str, port: int) -> None:
    try:
        family, *_, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        raise IcldiagError(
            f"cannot serve on {host}:{port}: {error.strerror}; choose others with --host, --port"
        ) from None
