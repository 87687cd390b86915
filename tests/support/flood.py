"""Clients in great number, in a process of their own so that they do not slow the test down.

    python -m tests.support.flood shakes PORT COUNT     bad RTMP handshakes, as quickly as possible
    python -m tests.support.flood hold PORT COUNT WHAT  open connections, kept until standard input
                                                        ends; WHAT is one of `SAYS` or a path

Both print a JSON object a line: what they have done so far.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import os
import select
import socket
import struct
import sys
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from time import monotonic
from typing import Any

TIMEOUT = 10.0
SOURCES = [f"127.0.0.{number}" for number in range(2, 250)]
LINGER_NOT = struct.pack("ii", 1, 0)
"""SO_LINGER: closing sends a reset."""
CLIENT_HELLO = bytes.fromhex("16030100a1010000990303") + bytes(range(150))
GET = b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
UPGRADE = (
    b"GET /ws HTTP/1.1\r\nHost: %b\r\nOrigin: http://%b\r\nUpgrade: websocket\r\n"
    b"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
)
RESTART = b"\x03\xe9"
"""Code 1001 of a WebSocket's close frame: going away (RFC 6455, section 7.4.1)."""
HELLO = b"\x81\x93\0\0\0\0" + b'{"t":"hello","v":1}'
"""A frame whose mask is nought, sent once the socket is open."""
SAYS = {
    "hello": UPGRADE,
    "nothing": b"",
    "get": GET,
    "ws": UPGRADE,
    "half-head": GET[:20],
    "c0": b"\x03",
}


def shakes() -> Iterator[bytes]:
    """What comes instead of a handshake, over and over."""
    kinds = (
        lambda: os.urandom(1600),
        lambda: b"\x03" + os.urandom(700),  # half of one
        lambda: b"\x03" + os.urandom(1536) + os.urandom(1536) + os.urandom(900),
        lambda: CLIENT_HELLO,
        lambda: GET,
        lambda: b"",
    )
    for kind in itertools.cycle(kinds):
        yield kind()


def shake(port: int, count: int) -> dict[str, Any]:
    """Send that many, each over a connection of its own, a few at a time."""
    began, refused = monotonic(), 0
    open_now: list[socket.socket] = []
    sources = itertools.cycle(SOURCES)
    for number, octets in enumerate(itertools.islice(shakes(), count)):
        try:
            connection = socket.create_connection(
                ("127.0.0.1", port), TIMEOUT, source_address=(next(sources), 0)
            )
            if number % 3 == 0:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_NOT)
            connection.sendall(octets)
        except OSError:
            refused += 1
            continue
        open_now.append(connection)
        if len(open_now) > 64:
            open_now.pop(0).close()
    for connection in open_now:
        connection.close()
    return {"done": count, "failed": refused, "seconds": round(monotonic() - began, 2)}


def hold(port: int, count: int, what: str) -> None:
    """Open that many, and tell once a second how many are still open."""
    host = f"127.0.0.1:{port}".encode()
    path = f"GET {what} HTTP/1.1\r\nHost: x\r\n\r\n".encode()
    octets = path if what.startswith("/") else SAYS[what].replace(b"%b", host)
    poll = select.epoll()
    kept: dict[int, socket.socket] = {}
    last: dict[int, bytes] = {}
    words = {"going away": 0, "503": 0, "answer": 0, "nothing": 0}
    closed: list[float] = []
    sources = itertools.cycle(SOURCES)
    began = monotonic()
    failed = 0
    for _ in range(count):
        try:
            connection = socket.create_connection(
                ("127.0.0.1", port), TIMEOUT, source_address=(next(sources), 0)
            )
            connection.sendall(octets)
        except OSError:
            failed += 1
            continue
        kept[connection.fileno()] = connection
        poll.register(connection, select.EPOLLIN | select.EPOLLRDHUP)
    opened = round(monotonic() - began, 2)
    poll.register(sys.stdin, select.EPOLLIN | select.EPOLLHUP)
    told = 0.0
    while True:
        if monotonic() - told >= 0.5:
            told = monotonic()
            first = closed[0] if closed else None
            report = {
                "opened_in": opened, "failed": failed, "open": len(kept),
                "answered": len(last), "words": words,
                "first_closed": first, "last_closed": closed[-1] if closed else None,
            }  # fmt: skip
            print(json.dumps(report), flush=True)
        for number, _ in poll.poll(0.2):
            if number == sys.stdin.fileno():
                return
            with contextlib.suppress(OSError):
                if data := kept[number].recv(65536):
                    if what == "hello" and b" 101 " in data:
                        kept[number].sendall(HELLO)
                    else:
                        last[number] = data
                    continue
            poll.unregister(number)
            kept.pop(number).close()
            words[farewell(last.pop(number, b""))] += 1
            closed.append(round(monotonic() - began, 2))


def farewell(octets: bytes) -> str:
    """What the last octets of a connection say."""
    if octets.startswith(b"HTTP/1.1 503") or b"\r\n\r\nHTTP/1.1 503" in octets:
        return "503"
    if RESTART in octets[-128:]:
        return "going away"
    return "answer" if octets else "nothing"


@dataclass
class Flood:
    """A running one. `said`: what it told last."""

    process: asyncio.subprocess.Process
    said: dict[str, Any] = field(default_factory=dict)

    async def next(self, seconds: float = 120.0) -> dict[str, Any]:
        """What it tells next."""
        assert self.process.stdout is not None
        async with asyncio.timeout(seconds):
            line = await self.process.stdout.readline()
        assert line, "it ended"
        self.said = json.loads(line)
        return self.said

    async def until(self, open_at_most: int, seconds: float) -> dict[str, Any]:
        """Wait until no more than so many of its connections are open."""
        async with asyncio.timeout(seconds):
            while (await self.next())["open"] > open_at_most:
                pass
        return self.said


@contextlib.asynccontextmanager
async def flood(*arguments: object) -> AsyncIterator[Flood]:
    """Run one until the block ends. Its connections are broken then, not closed in order."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.support.flood", *map(str, arguments),
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        yield Flood(process)
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.communicate()


if __name__ == "__main__":
    if sys.argv[1] == "shakes":
        print(json.dumps(shake(int(sys.argv[2]), int(sys.argv[3]))), flush=True)
    else:
        hold(int(sys.argv[2]), int(sys.argv[3]), sys.argv[4])
