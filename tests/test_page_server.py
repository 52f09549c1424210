"""The server of pages answers those who have the address, and nobody else."""

from __future__ import annotations

import asyncio

import pytest

from icldiag.errors import IcldiagError
from icldiag.serve import make_server
from tests.browser import OWN, URL, pages


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
            assert (await asyncio.wait_for(reader.readline(), 60)).split()[1] in (b"400", b"403")
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
