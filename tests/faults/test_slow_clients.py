"""Clients that are slow on purpose, on each port: cut off in a stated time, others unaffected."""

from __future__ import annotations

import asyncio
import contextlib
import re
import socket
from collections.abc import Awaitable, Callable
from pathlib import Path
from time import monotonic
from urllib.parse import urlsplit

import pytest

from tests.support.bystanders import Bystanders, watching
from tests.support.rtmp_socket import connected
from tests.support.stage import Stage

pytestmark = pytest.mark.timeout(240)

SMALL_BUFFER = 4096
"""SO_RCVBUF of who does not read: the kernel would else take megabytes for them."""

Slow = Callable[[Stage, Bystanders], Awaitable[None]]


async def dial(port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A connection that the kernel takes little for."""
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SMALL_BUFFER)
    sock.setblocking(False)
    await asyncio.get_running_loop().sock_connect(sock, ("127.0.0.1", port))
    return await asyncio.open_connection(sock=sock, limit=1024)


async def drip(port: int, octets: bytes, every: float = 1.0) -> None:
    """Send an octet a second, until the other side has closed."""
    reader, writer = await dial(port)
    try:
        with contextlib.suppress(OSError):
            for octet in octets:
                writer.write(bytes([octet]))
                await writer.drain()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(every):
                        while await reader.read(1024):
                            pass
                        return
    finally:
        writer.close()


HEAD = b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: " + b"z" * 200


async def head_on_the_site(stage: Stage, others: Bystanders) -> None:
    await drip(stage.site.port, HEAD)


async def head_on_the_media_port(stage: Stage, others: Bystanders) -> None:
    await drip(stage.site.media_port, HEAD)


async def handshake_on_the_rtmp_port(stage: Stage, others: Bystanders) -> None:
    await drip(stage.site.rtmp_port, b"\x03" + bytes(200))


async def reads_nothing(stage: Stage, port: int, requests: bytes) -> None:
    """Ask and ask, and never read, until the other side has cut the connection."""
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SMALL_BUFFER)
    sock.setblocking(False)
    loop = asyncio.get_running_loop()
    with sock:
        await loop.sock_connect(sock, ("127.0.0.1", port))
        with contextlib.suppress(OSError):
            while True:
                with contextlib.suppress(BlockingIOError):
                    requests = requests[sock.send(requests) :] if requests else b""
                if not is_held(sock):
                    return
                await asyncio.sleep(0.1)


def is_held(sock: socket.socket) -> bool:
    """Whether the server still has its end open. What it sent before it closed is in the way of
    its last word, so the client's end does not show it."""
    ends = [f":{end[1]:04X}" for end in (sock.getpeername(), sock.getsockname())]
    for line in Path("/proc/net/tcp").read_text().splitlines():
        columns = line.split()
        if columns[1].endswith(ends[0]) and columns[2].endswith(ends[1]):
            return columns[3] == "01"
    return False


async def player_that_never_reads(stage: Stage, others: Bystanders) -> None:
    parts = urlsplit(others.player.url)
    page = await others.player.fetch()
    name = re.search(r'#EXT-X-MAP:URI="([^"]+)"', page)
    assert name is not None
    path = parts.path.rpartition("/")[0]
    last = re.findall(r"^[^#\n]+$", page, re.M)[-1]
    request = f"GET {path}/{last} HTTP/1.1\r\nHost: x\r\n\r\n".encode()
    await reads_nothing(stage, stage.site.media_port, request * 200)


async def reader_of_pages(stage: Stage, others: Bystanders) -> None:
    request = f"GET /{stage.name} HTTP/1.1\r\nHost: x\r\n\r\n".encode()
    await reads_nothing(stage, stage.site.port, request * 3000)


CASES: dict[str, tuple[Slow, float]] = {
    "head, site": (head_on_the_site, 16.0),
    "head, media": (head_on_the_media_port, 11.0),
    "handshake, RTMP": (handshake_on_the_rtmp_port, 12.0),
    "player": (player_that_never_reads, 20.0),
}
FULL: dict[str, tuple[Slow, float]] = {"pages": (reader_of_pages, 80.0)}


@pytest.mark.parametrize(
    "cases", [CASES, pytest.param(CASES | FULL, marks=pytest.mark.full)], ids=["quick", "all"]
)
async def test_slow_clients(stage: Stage, cases: dict[str, tuple[Slow, float]]) -> None:
    async with stage.on_air(), watching(stage) as others:
        before = stage.usage()

        async def measured(name: str) -> float:
            case, bound = cases[name]
            began = monotonic()
            async with asyncio.timeout(bound + 20):
                await case(stage, others)
            return monotonic() - began

        names = [name for name in cases for _ in range(5)]
        took = await asyncio.gather(*map(measured, names), return_exceptions=True)
        others.alive()
        print("\n", others.figures())
        for name in cases:
            print(
                f" {name}: cut after {[t for n, t in zip(names, took, strict=True) if n == name]}"
            )
        for name, seconds in zip(names, took, strict=True):
            assert isinstance(seconds, float), (name, seconds)
            assert seconds <= cases[name][1] + 3, name
        others.check(stream=3.0, pages=3.0, chat=3.0)
        after = await stage.calms_down(before.files)
        print(f" RSS {before.rss} -> {after.rss} KiB")
        assert after.rss - before.rss < 32 * 1024


@pytest.mark.parametrize(
    "stage", [{"plugin.ingest_rtmp": "silence_seconds = 2"}], indirect=True, ids=["silence 2 s"]
)
async def test_a_publisher_who_drips(stage: Stage) -> None:
    """An octet a second after it was let in: it is no stream, and does not keep the channel."""
    async with connected(stage.site.rtmp_port) as encoder:
        await encoder.go_live(stage.key)
        began = monotonic()
        body = encoder.chunks.message(4, 9, b"\x17" + bytes(2000))
        for octet in body[:20]:
            await encoder.send(bytes([octet]))
            await asyncio.sleep(0.5)
            if stage.lines("no picture and no sound"):
                break
        took = monotonic() - began
        print(f"\n a publisher who drips is cut off after {took:.1f} s")
        assert took < 6
    async with stage.on_air():
        pass
