"""Media through the site's own port: a real server, and an origin made for these tests."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import re
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from metropole_core.addresses import SiteAddresses
from metropole_core.config import split_bind
from metropole_core.contracts.egress import Engine, Output
from metropole_core.pages import media
from metropole_core.site import Site
from metropole_media.http.origin import Origin, Pending, Request, Response
from tests.core.site.conftest import configure, running
from tests.support.house import SOCKETS

HEADERS = (
    ("Content-Type", "video/mp4"),
    ("Cache-Control", "public, max-age=3600, immutable"),
    ("Access-Control-Allow-Origin", "*"),
)
PART = Response(200, bytes(range(256)) * 800, HEADERS)
PLAYLIST = Response(200, b"#EXTM3U\n" * 100, HEADERS, gzip.compress(b"#EXTM3U\n" * 100))
SEGMENT = Response(200, b"s" * 16 * 1024 * 1024, HEADERS)
OLD = Response(200, b"unchanged", (("Cache-Control", "no-store"),))
NEW = Response(200, b"changed", HEADERS)

__all__ = ["configure"]


class Stage:
    """An origin and egress: `pending` answers "s/wait"."""

    name = "stage"
    prefix = "stage"
    engine: Engine | None = None

    def __init__(self) -> None:
        self.origin: Origin | None = self
        self.asked: list[Request] = []
        self.pending = Pending(0.3, lambda: OLD)

    def open(self, *_: Any, **__: Any) -> Output:
        raise NotImplementedError

    def handle(self, request: Request) -> Response | Pending:
        self.asked.append(request)
        name = request.path.partition("/")[2]
        if name == "fail":
            raise ValueError("on purpose")
        if name == "wait":
            return self.pending
        found = {"part": PART, "list": PLAYLIST, "segment": SEGMENT}.get(name)
        return found or Response(404, b"not here\n", HEADERS)


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes


@dataclass
class Port:
    """The site's port, as somebody on the network has it."""

    site: Site
    stage: Stage
    port: int
    open: list[asyncio.StreamWriter] = field(default_factory=list)

    async def send(
        self, path: str, method: str = "GET", /, **headers: str
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        self.open.append(writer)
        lines = [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        head = "\r\n".join([f"{method} {path} HTTP/1.1", "Host: x", *lines])
        writer.write(f"{head}\r\n\r\n".encode())
        return reader, writer

    async def ask(self, path: str, method: str = "GET", /, **headers: str) -> Answer:
        reader, writer = await self.send(path, method, Connection="close", **headers)
        async with asyncio.timeout(10):
            raw = await reader.read()
        writer.close()
        head, _, body = raw.partition(b"\r\n\r\n")
        status, *lines = head.decode("latin-1").split("\r\n")
        pairs = (line.split(": ", 1) for line in lines)
        return Answer(int(status.split()[1]), {name.lower(): value for name, value in pairs}, body)

    async def until(self, true: Callable[[], bool]) -> None:
        async with asyncio.timeout(5):
            while not true():  # noqa: ASYNC110
                await asyncio.sleep(0.005)


@pytest.fixture
async def port(
    configure: Callable[..., Any],
    sqlite_template: Path,
    tmp_path: Path,
    request: pytest.FixtureRequest,
) -> AsyncIterator[Port]:
    settings = getattr(request, "param", {})
    database = tmp_path / "site.sqlite3"
    database.write_bytes(sqlite_template.read_bytes())
    config = configure(
        f"sqlite:///{database}", plugins={"disabled": SOCKETS}, plugin={}, media_fallback=settings
    )
    async with running(config) as (site, _):
        stage = Stage()
        site.registry.add("test", "register_egress", stage)
        opened = Port(site, stage, split_bind(config.bind)[1])
        yield opened
        for writer in opened.open:
            writer.close()


async def test_a_part_is_answered_as_the_origin_says(port: Port) -> None:
    answer = await port.ask("/-/media/stage/s/part?a=%201&b", Cookie="metropole_guest=x")
    assert answer.status == 200
    assert answer.body == PART.body
    assert answer.headers["content-length"] == str(len(PART.body))
    for name, value in HEADERS:
        assert answer.headers[name.lower()] == value
    assert "set-cookie" not in answer.headers
    assert "vary" not in answer.headers
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-security-policy"].startswith("default-src 'none'")
    assert answer.headers["cross-origin-resource-policy"] == "cross-origin"
    (asked,) = port.stage.asked
    assert (asked.method, asked.path, asked.query) == ("GET", "s/part", "a=%201&b")
    assert asked.headers["host"] == "x"


async def test_head_has_the_length_and_no_body(port: Port) -> None:
    answer = await port.ask("/-/media/stage/s/part", "HEAD")
    assert (answer.status, answer.body) == (200, b"")
    assert answer.headers["content-length"] == str(len(PART.body))
    assert port.stage.asked[0].method == "HEAD"


async def test_a_range_of_it(port: Port) -> None:
    answer = await port.ask("/-/media/stage/s/part", Range="bytes=256-511")
    assert (answer.status, answer.body) == (206, bytes(range(256)))
    assert answer.headers["content-range"] == f"bytes 256-511/{len(PART.body)}"
    beyond = await port.ask("/-/media/stage/s/part", Range="bytes=999999999-")
    assert (beyond.status, beyond.body) == (416, b"")
    assert beyond.headers["access-control-allow-origin"] == "*"


async def test_compressed_for_who_takes_it(port: Port) -> None:
    small = await port.ask("/-/media/stage/s/list", Accept_Encoding="gzip, br")
    assert small.headers["content-encoding"] == "gzip"
    assert small.headers["vary"] == "Accept-Encoding"
    assert gzip.decompress(small.body) == PLAYLIST.body
    plain = await port.ask("/-/media/stage/s/list")
    assert "content-encoding" not in plain.headers
    assert plain.headers["vary"] == "Accept-Encoding"
    assert plain.body == PLAYLIST.body
    ranged = await port.ask("/-/media/stage/s/list", Accept_Encoding="gzip", Range="bytes=0-6")
    assert (ranged.status, ranged.body) == (206, b"#EXTM3U")


async def test_a_long_body_arrives_whole(port: Port) -> None:
    answer = await port.ask("/-/media/stage/s/segment")
    assert answer.headers["content-length"] == str(len(SEGMENT.body))
    assert answer.body == SEGMENT.body


async def test_who_waits_is_answered_when_it_is_there(port: Port) -> None:
    port.stage.pending = Pending(10, lambda: OLD)
    asking = [asyncio.create_task(port.ask("/-/media/stage/s/wait")) for _ in range(3)]
    await port.until(lambda: port.site.media_fallback.waiting == 3)
    assert len(port.stage.pending) == 3
    port.stage.pending.release(NEW)
    assert [(await each).body for each in asking] == [b"changed"] * 3
    assert port.site.media_fallback.waiting == 0
    assert (await port.ask("/-/media/stage/s/wait")).body == b"changed"


async def test_who_waits_in_vain_is_answered_all_the_same(port: Port) -> None:
    began = time.monotonic()
    answer = await port.ask("/-/media/stage/s/wait")
    assert (answer.status, answer.body) == (200, b"unchanged")
    assert 0.25 < time.monotonic() - began < 3
    assert len(port.stage.pending) == port.site.media_fallback.waiting == 0


async def test_who_leaves_no_longer_waits(port: Port) -> None:
    port.stage.pending = Pending(20, lambda: OLD)
    _, writer = await port.send("/-/media/stage/s/wait")
    await port.until(lambda: len(port.stage.pending) == 1)
    writer.transport.abort()
    await port.until(lambda: len(port.stage.pending) == 0)
    assert port.site.media_fallback.waiting == 0


async def test_who_waits_hears_that_the_site_stops(port: Port) -> None:
    port.stage.pending = Pending(20, lambda: OLD)
    asking = asyncio.create_task(port.ask("/-/media/stage/s/wait"))
    await port.until(lambda: len(port.stage.pending) == 1)
    await port.site.say_goodbye()
    answer = await asking
    assert (answer.status, answer.headers["retry-after"]) == (503, "1")


async def test_a_slow_client_is_cut_off(port: Port, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(media, "SEND_SECONDS", 0.3)
    monkeypatch.setattr("metropole_core.hypercorn_parts.CLOSE_SECONDS", 0.3)
    reader, writer = await port.send("/-/media/stage/s/segment")
    writer.transport.pause_reading()  # type: ignore[attr-defined]
    await port.until(lambda: bool(port.stage.asked))
    tasks = len(asyncio.all_tasks())
    await port.until(lambda: len(asyncio.all_tasks()) < tasks)
    writer.transport.resume_reading()  # type: ignore[attr-defined]
    got = 0
    async with asyncio.timeout(5):
        with contextlib.suppress(ConnectionError):
            while piece := await reader.read(1 << 20):
                got += len(piece)
    assert got < len(SEGMENT.body), "the connection ends in the middle"


@pytest.mark.parametrize(
    ("path", "status", "words"),
    [
        ("/-/media/other/s/part", 404, b"nothing here"),
        ("/-/media/stage/s/nothing", 404, b"not here"),
        ("/-/media/stage/../stage/s/part", 400, b"dot segments"),
        ("/-/media/stage/s/%2e%2e/part", 400, b"dot segments"),
        ("/-/media/stage/./s/part", 400, b"dot segments"),
        ("/-/media/stage/s%2Fpart", 400, b"encoded slash"),
        ("/-/media/stage/s/%5Cpart", 400, b"backslash"),
        ("/-/media/stage/s/%00", 400, b"control character"),
        ("/-/media/stage/s/%ff", 400, b"not UTF-8"),
    ],
)
async def test_what_is_not_there(port: Port, path: str, status: int, words: bytes) -> None:
    answer = await port.ask(path)
    assert answer.status == status
    assert words in answer.body
    assert answer.headers["access-control-allow-origin"] == "*"
    assert "set-cookie" not in answer.headers
    assert port.site.media_fallback.viewers == 0, "what is refused takes no seat"


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
async def test_other_methods_are_refused(port: Port, method: str) -> None:
    answer = await port.ask("/-/media/stage/s/part", method)
    assert answer.status == 405
    assert answer.headers["allow"] == "GET, HEAD, OPTIONS"
    assert port.stage.asked == []


async def test_other_sites_may_ask_first(port: Port) -> None:
    answer = await port.ask("/-/media/stage/s/part", "OPTIONS", Origin="https://other.example")
    assert (answer.status, answer.body) == (204, b"")
    assert answer.headers["access-control-allow-origin"] == "*"
    assert "content-length" not in answer.headers


async def test_an_origin_that_fails_costs_one_answer(
    port: Port, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(3):
        assert (await port.ask("/-/media/stage/s/fail")).status == 500
    assert [record.message for record in caplog.records].count("the origin of stage failed") == 1
    assert (await port.ask("/-/media/stage/s/part")).status == 200


@pytest.mark.parametrize("port", [{"max_viewers": 2}], indirect=True)
async def test_there_are_as_many_seats_as_the_operator_says(port: Port) -> None:
    for name in ("one", "two"):
        assert (await port.ask("/-/media/stage/s/part", User_Agent=name)).status == 200
    full = await port.ask("/-/media/stage/s/part", User_Agent="three")
    assert full.status == 503
    assert full.headers["retry-after"] == "10"
    assert full.headers["metropole-fallback"] == "full"
    assert b"no room" in full.body
    assert (await port.ask("/-/media/stage/s/part", User_Agent="one")).status == 200
    assert port.site.media_fallback.viewers == 2


@pytest.mark.parametrize("port", [{"max_waiting": 1}], indirect=True)
async def test_beyond_some_nobody_waits(port: Port) -> None:
    port.stage.pending = Pending(20, lambda: OLD)
    first = asyncio.create_task(port.ask("/-/media/stage/s/wait"))
    await port.until(lambda: len(port.stage.pending) == 1)
    began = time.monotonic()
    assert (await port.ask("/-/media/stage/s/wait")).body == b"unchanged"
    assert time.monotonic() - began < 2
    port.stage.pending.release(NEW)
    assert (await first).body == b"changed"


@pytest.mark.parametrize("port", [{"enabled": False}], indirect=True)
async def test_the_operator_may_not_want_it(port: Port) -> None:
    assert (await port.ask("/-/media/stage/s/part")).status == 404
    assert port.stage.asked == []
    assert SiteAddresses(port.site.config).fallback_url is None


async def test_the_sources_of_a_page_name_it(port: Port) -> None:
    addresses = SiteAddresses(port.site.config)
    assert addresses.fallback_url == f"{port.site.config.public_url}/-/media"
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+/-/media", addresses.fallback_url)
