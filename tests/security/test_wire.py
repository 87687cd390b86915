"""What only a real port shows: odd request lines, hosts and lengths, refused WebSockets."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.core.realtime.conftest import Place, started


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def wire(
    sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Place]:
    folder = tmp_path_factory.mktemp("wire")
    copied = shutil.copy(sqlite_template, folder / "metropole.sqlite3")
    async with started(folder, f"sqlite:///{copied}") as place:
        yield place


async def send(place: Place, *lines: str, body: str = "") -> tuple[str, str]:
    """Send a request as it stands: the head and the body of all that comes back."""
    reader, writer = await asyncio.open_connection("127.0.0.1", place.port)
    try:
        writer.write(("\r\n".join(lines) + "\r\n\r\n" + body).encode("latin-1"))
        answer = (await asyncio.wait_for(reader.read(), 10)).decode(errors="replace")
    finally:
        writer.close()
    head, _, rest = answer.partition("\r\n\r\n")
    return head, rest


@pytest.mark.parametrize(
    "target",
    ["//evil.example", "//evil.example/", "//evil.example/..", "///evil.example", "/\\evil.example",
     "/%5cevil.example/", "/.//evil.example/", "/..//evil.example", "//evil.example%2f..",
     "/signin/?next=//evil.example", "/dashboard//?next=https://evil.example",
     "http://evil.example/dashboard", "http://evil.example//owner/", "/%0d%0aLocation:%20x",
     "/signin?next=/%0d%0aSet-Cookie:%20a=b", "/dashboard?%0d%0aLocation:%20//evil.example"],
)  # fmt: skip
async def test_no_request_line_leads_elsewhere(wire: Place, target: str) -> None:
    for host in ("evil.example", f"127.0.0.1:{wire.port}"):
        head, body = await send(
            wire, f"GET {target} HTTP/1.1", f"Host: {host}", "Connection: close"
        )
        lines = head.lower().split("\r\n")
        places = [line.partition(": ")[2] for line in lines if line.startswith("location:")]
        assert len(places) <= 1
        for place in places:
            assert place.startswith("/"), place
            assert not place.startswith(("//", "/\\")), place
        assert "evil.example" not in body.replace("%2F%2Fevil.example", "") or not places
        assert not any(line.startswith("set-cookie: a=") for line in lines)
        assert " 500 " not in lines[0]


@pytest.mark.parametrize("target", ["/api//v1/channels", "/dashboard//owner?a=b"])
async def test_a_redirect_of_the_router_names_no_host(wire: Place, target: str) -> None:
    head, _ = await send(wire, f"GET {target} HTTP/1.1", "Host: evil.example", "Connection: close")
    assert head.split(" ")[1] == "308"
    assert f"location: {target.replace('//', '/')}" in head.lower().split("\r\n")
    assert "evil" not in head


@pytest.mark.parametrize(
    ("lines", "body"),
    [
        (("POST /signout HTTP/1.1", "Host: x", "Content-Length: 5", "Content-Length: 6"), "aaaaaa"),
        (("GET / HTTP/1.1", "Host: x", "Host: evil.example", "Connection: close"), ""),
        (("GET / HTTP/1.1", "Connection: close"), ""),
        (("GET / HTTP/1.1", "Host: x", "Content-Length: -1", "Connection: close"), ""),
        (("GET / HTTP/1.1", "Host : x", "Connection: close"), ""),
        (("GET / HTTP/1.1", "Host: x", " folded: y", "Transfer-Encoding: gzip"), ""),
    ],
)  # fmt: skip
async def test_what_can_be_read_in_two_ways_is_refused(
    wire: Place, lines: tuple[str, ...], body: str
) -> None:
    head, rest = await send(wire, *lines, body=body)
    status = head.split(" ")[1]
    assert status[0] in "45", head
    assert "HTTP/1.1 2" not in rest, "nothing behind it was answered"


async def test_nothing_is_read_behind_two_lengths(wire: Place) -> None:
    """A proxy that goes by the other length would have sent something else there."""
    head, rest = await send(
        wire, "GET / HTTP/1.1", "Host: x", "Content-Length: 40", "Transfer-Encoding: chunked",
        body="0\r\n\r\nGET /healthz HTTP/1.1\r\nHost: x\r\n\r\n",
    )  # fmt: skip
    assert "connection: close" in head.lower().split("\r\n")
    assert "HTTP/1.1 2" not in rest


async def test_head_answers_have_no_body(wire: Place) -> None:
    for path in ("/", "/healthz", "/no/such", "/api/v1/channels", "/favicon.svg"):
        head, body = await send(wire, f"HEAD {path} HTTP/1.1", "Host: x", "Connection: close")
        assert head.startswith("HTTP/1.1 ")
        assert body == "", path


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        ("/ws", ["Origin: https://evil.example"], "403"),
        ("/ws", ["Sec-Fetch-Site: cross-site"], "403"),
        ("/no/such", [], "404"),
    ],
)
async def test_a_refused_socket_says_little(
    wire: Place, path: str, headers: list[str], status: str
) -> None:
    head, body = await send(
        wire, f"GET {path} HTTP/1.1", "Host: x", "Connection: Upgrade", "Upgrade: websocket",
        "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", *headers,
    )  # fmt: skip
    low = head.lower()
    assert head.split(" ")[1] == status
    assert "text/plain" in low
    assert "set-cookie" not in low
    assert "access-control" not in low
    assert "x-content-type-options: nosniff" in low
    assert "cache-control: no-store" in low
    assert "<" not in body
