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
    from icldiag.page_server import PageServer

SESSIONS = 4  # at a time: each has the model in memory


def serve(
    arguments: Sequence[str],
    host: str,
    port: int,
    public_url: str | None = None,
    sessions: int = SESSIONS,
    what: str = "icldiag",
) -> None:
    """Serve `icldiag ARGUMENTS` until Ctrl-C, to whoever has the address that is printed: it holds a secret.

    Args:
        what: is served, for people.
        public_url: what browsers open, where it is not host and port, as behind a proxy.
        sessions: how many pages may run an app at a time.

    Raises:
        IcldiagError: textual-serve is not installed, the port cannot be had, or `public_url` is no address.
    """
    _require_port(host, port)
    command = shlex.join([sys.executable, "-m", "icldiag", *arguments])
    server = make_server(command, host, port, public_url or f"http://{_named(host)}:{port}", sessions)
    if not is_loopback(host):
        print(
            f"icldiag: warning: whoever reaches port {port} of this machine and has the address below can use the app "
            "with your rights, without a password; Ctrl-C stops it",
            file=sys.stderr,
        )
    print(f"serving {visible(what)}; open {server.address} (Ctrl-C stops)", file=sys.stderr)
    server.serve()


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach a server on `host`."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def make_server(command: str, host: str, port: int, public_url: str, sessions: int) -> PageServer:
    """The server of pages. Raises IcldiagError where textual-serve is not installed."""
    try:
        from icldiag.page_server import PageServer
    except ImportError:
        raise IcldiagError("icldiag serve needs textual-serve; install it with: pip install 'icldiag[serve]'") from None
    return PageServer(command, host, port, public_url, sessions)


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
