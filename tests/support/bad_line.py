"""A bad line to the media port: every answer comes later, some of them much later."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator, Callable


def jitter(seed: int = 1) -> Callable[[], float]:
    """Seconds that an answer takes longer: 50 to 100 ms, one in a hundred 500 ms more."""
    dice = random.Random(seed)

    def seconds() -> float:
        return dice.uniform(0.05, 0.1) + (0.5 if dice.random() < 0.01 else 0.0)

    return seconds


@contextlib.asynccontextmanager
async def bad_line(port: int, behind: int, late: Callable[[], float]) -> AsyncIterator[None]:
    """Stand before a port of this machine until the block ends.

    Arguments:
        late: how long the next request is held back, in seconds. Browsers send one at a time on
            each connection, in one piece.
    """
    ways: set[asyncio.Task[None]] = set()

    async def come(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            answers, inner = await asyncio.open_connection("127.0.0.1", behind)
        except OSError:
            writer.transport.abort()
            return
        both = {
            asyncio.ensure_future(carry(reader, inner, late)),
            asyncio.ensure_future(carry(answers, writer, None)),
        }
        ways.update(both)
        try:
            await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in both:
                way.cancel()
            ways.difference_update(both)
            for each in (inner, writer):
                each.transport.abort()

    server = await asyncio.start_server(come, "127.0.0.1", port)
    try:
        yield
    finally:
        server.close()
        for way in list(ways):
            way.cancel()


async def carry(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, late: Callable[[], float] | None
) -> None:
    """All that comes, until there is no more."""
    with contextlib.suppress(OSError):
        while data := await reader.read(65536):
            if late is not None:
                await asyncio.sleep(late())
            writer.write(data)
            await writer.drain()
