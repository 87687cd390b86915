"""Whether the doctor tells the ways apart in which players do not get to the media port."""

from __future__ import annotations

import asyncio

import pytest
from metropole_provider_local.reach import check_reach

from metropole_core.contracts.checks import Level

from .conftest import Start


async def ask(answer: str) -> tuple[Level, str]:
    async def other(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer.encode())
        writer.close()

    server = await asyncio.start_server(other, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        finding = await check_reach(f"http://127.0.0.1:{port}/media", True)
    return finding.level, finding.code


async def test_the_media_port_itself(start: Start) -> None:
    provider = await start()
    finding = await check_reach(f"http://localhost:{provider.port}", True)
    assert (finding.level, finding.code) == (Level.OK, "media_url_reach")
    assert "players reach" in finding.sentence


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (
            "HTTP/1.1 404 Not Found\r\nAccess-Control-Allow-Origin: *\r\n\r\n",
            (Level.OK, "media_url_reach"),
        ),
        ("HTTP/1.1 200 OK\r\nServer: nginx\r\n\r\n", (Level.ERROR, "media_url_cors")),
        ("HTTP/1.1 502 Bad Gateway\r\n\r\n", (Level.ERROR, "media_url_gateway")),
        ("220 mail.example ESMTP\r\n", (Level.WARNING, "media_url_unreached")),
    ],
)
async def test_what_answers(answer: str, expected: tuple[Level, str]) -> None:
    assert await ask(answer) == expected


async def test_nobody_there() -> None:
    refused = await check_reach("http://127.0.0.1:1", True)
    assert (refused.level, refused.code) == (Level.WARNING, "media_url_unreached")
    nameless = await check_reach("http://nobody.invalid:8001", False)
    assert (nameless.level, nameless.code) == (Level.ERROR, "media_url_name")
    idle = await check_reach("http://127.0.0.1:1", False)
    assert idle.level is Level.OK
    assert "does not run" in idle.sentence
