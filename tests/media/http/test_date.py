"""The Date header (RFC 9110 section 6.6.1): players and caches count with it."""

from __future__ import annotations

import asyncio
import time
from email.utils import parsedate_to_datetime

import pytest

from metropole_media.http import listener as listener_module
from metropole_media.http.origin import Response

from .conftest import ANYONE, Serve, until


async def test_every_answer_tells_when_it_was_made(serve: Serve) -> None:
    server = await serve(max_connections=1)
    client = await server.client()
    before = int(time.time())
    for path, method, *headers in (
        ("/shelf/text", "GET"),
        ("/shelf/text", "HEAD"),
        ("/shelf/text", "GET", "Range: bytes=0-1"),
        ("/shelf/big", "GET"),
        ("/shelf/gone", "GET"),
        ("/elsewhere", "GET"),
        ("/shelf/text", "OPTIONS"),
        ("/shelf/text", "POST"),
    ):
        client.get(path, *headers, method=method)
        _, answered, _ = await client.answer(body=method != "HEAD")
        told = parsedate_to_datetime(answered["date"]).timestamp()
        assert answered["date"].endswith(" GMT")
        assert before - 1 <= told <= time.time()
    refused = await server.client()
    assert "date" in (await refused.answer())[1]


async def test_the_time_goes_on_for_an_answer_that_was_sent_before(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 1_000_000_000.9
    monkeypatch.setattr(listener_module, "time", lambda: now)
    server = await serve()
    client = await server.client()
    client.get("/shelf/text")
    assert (await client.answer())[1]["date"] == "Sun, 09 Sep 2001 01:46:40 GMT"
    old = server.listener.date
    now += 0.05
    await asyncio.sleep(0.1)
    assert server.listener.date is old
    now += 0.1
    await until(lambda: server.listener.date is not old)
    client.get("/shelf/text")
    assert (await client.answer())[1:] == (
        {
            "date": "Sun, 09 Sep 2001 01:46:41 GMT",
            "content-type": "text/plain",
            "content-length": "10",
            "access-control-allow-origin": "*",
        },
        b"0123456789",
    )


def test_an_answer_is_put_together_once_for_all_who_get_it_in_a_second() -> None:
    response = Response(200, b"x" * 1000, (ANYONE,))
    first, second = b"Date: a\r\n", b"Date: b\r\n"
    wire = response.wire(first)
    assert wire is response.wire(first)
    assert response.wire(second) == wire.replace(first, second)
