"""The site is told to stop while everything is going on: quick, in words, nothing lost."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from time import monotonic
from urllib.parse import urljoin, urlsplit

import pytest

from tests.support.bystanders import watching
from tests.support.flood import flood
from tests.support.stage import Stage
from tests.support.visitor import Signed

pytestmark = pytest.mark.timeout(120)

STOPS = 4.0
"""Seconds: 3 on a machine with nothing else to do."""
SOCKETS, PARKED, UPLOADS = 500, 100, 20


async def test_stopping_under_load(stage: Stage) -> None:
    site = stage.site
    async with contextlib.AsyncExitStack() as stack:
        publisher = await stack.enter_async_context(stage.on_air())
        others = await stack.enter_async_context(watching(stage))
        media = urljoin(others.player.url, await others.player.media_path())
        sockets = await stack.enter_async_context(flood("hold", site.port, SOCKETS, "hello"))
        while (await sockets.next())["answered"] < SOCKETS:
            pass
        uploads = [await half_an_upload(stage) for _ in range(UPLOADS)]
        accepted = dict(others.talk.accepted)
        assert accepted
        assert publisher.running

        position = others.player.position
        assert position is not None
        # A reload that waits as long as it may: two segments ahead.
        parked = f"{urlsplit(media).path}?_HLS_msn={position[0] + 2}&_HLS_part=0"
        reloads = await stack.enter_async_context(flood("hold", site.media_port, PARKED, parked))
        await reloads.next()

        began = monotonic()
        code = await site.stop(signal.SIGTERM)
        took = monotonic() - began
        told = (await sockets.until(0, 10))["words"]
        waited = (await reloads.until(0, 10))["words"]

        print(f"\n stopped in {took:.2f} s; sockets were told {told}; reloads {waited}")
        assert code == 0
        assert took < STOPS
        assert told["going away"] == SOCKETS
        assert waited["503"] + waited["answer"] == PARKED
        for _, writer in uploads:
            writer.close()

        accepted |= others.talk.accepted
        began = monotonic()
        await site.start()
        print(f" the next start took {monotonic() - began:.2f} s")
        visitor = Signed(site)
        _, page = await visitor.ask("GET", f"/{stage.name}")
        assert all(f'data-id="{message}"' in page for message in list(accepted)[-20:])


async def half_an_upload(stage: Stage) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A picture of which half has arrived."""
    reader, writer = await asyncio.open_connection("127.0.0.1", stage.site.port)
    writer.write(
        f"POST /dashboard/{stage.name}/avatar HTTP/1.1\r\nHost: 127.0.0.1:{stage.site.port}\r\n"
        f"Origin: {stage.site.url}\r\nCookie: metropole_session={stage.token}\r\n"
        "Content-Type: multipart/form-data; boundary=b\r\nContent-Length: 200000\r\n\r\n".encode()
        + b"x" * 100_000
    )
    await writer.drain()
    return reader, writer
