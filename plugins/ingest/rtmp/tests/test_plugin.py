"""Settings, the ingress point, what happens to a port that is taken, and the doctor's look."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator

import pytest
from metropole_ingest_rtmp.admission import source_of
from metropole_ingest_rtmp.checks import RTMP, check_reach, is_ours
from metropole_ingest_rtmp.listener import RtmpListener
from metropole_ingest_rtmp.plugin import Plugin
from metropole_ingest_rtmp.settings import RtmpSettings
from pydantic import ValidationError

from metropole_core.contracts.checks import Check, Level
from metropole_core.contracts.ingest import Ingest
from metropole_core.errors import Unavailable
from metropole_core.testing.context import make_context
from metropole_media.bind import split_bind
from tests.support.rtmp_listener import Running


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        yield other.getsockname()[1]


def test_what_it_registers() -> None:
    plugin = Plugin(make_context(RtmpSettings()))
    ingests: list[Ingest] = []
    checks: list[Check] = []
    plugin.register_ingest(ingests.append)
    plugin.register_checks(checks.append)
    assert [ingest.name for ingest in ingests] == ["rtmp"]
    assert ingests[0].point().url == "rtmp://live.example/live"
    assert [check.name for check in checks] == ["port", "address"]


def test_settings_describe_themselves() -> None:
    for name, field in RtmpSettings.model_fields.items():
        assert field.title, name
        assert field.description, name


@pytest.mark.parametrize(
    ("bind", "expected"),
    [("127.0.0.1:1935", ("127.0.0.1", 1935)), ("[::1]:0", ("::1", 0)), ("host:1", ("host", 1))],
)
def test_addresses(bind: str, expected: tuple[str, int]) -> None:
    assert split_bind(bind) == expected


@pytest.mark.parametrize(
    "bind", ["1935", ":1935", "host", "host:", "host:x", "::1:1935", "h:70000"]
)
def test_senseless_addresses(bind: str) -> None:
    with pytest.raises(ValidationError, match="write an"):
        RtmpSettings(bind=bind)


@pytest.mark.parametrize(
    ("address", "source"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("unknown", "unknown"),
    ],
)
def test_what_counts_as_one_address(address: str, source: str) -> None:
    assert source_of(address) == source


async def test_a_port_that_is_taken_is_said(taken: int) -> None:
    listener = RtmpListener(make_context(RtmpSettings(bind=f"127.0.0.1:{taken}")))
    with pytest.raises(Unavailable, match=rf"127.0.0.1:{taken} is taken by another program"):
        await listener.start()
    await listener.stop()


async def look(port: int) -> tuple[Level, str]:
    plugin = Plugin(make_context(RtmpSettings(bind=f"127.0.0.1:{port}")))
    checks: list[Check] = []
    plugin.register_checks(checks.append)
    (finding,) = await checks[0].run()
    assert finding.code.startswith("rtmp_port_")
    assert bool(finding.advice) == (finding.level is Level.ERROR)
    return finding.level, finding.sentence


async def test_the_doctor_finds_the_port_free(taken: int) -> None:
    assert await look(0) == (Level.OK, "127.0.0.1:0 is free")


async def test_the_doctor_finds_metropole_itself(running: Running) -> None:
    assert await look(running.port) == (
        Level.OK,
        f"Metropole takes encoders at 127.0.0.1:{running.port}",
    )
    assert running.doors.asked == []


async def test_the_doctor_finds_another_program(taken: int) -> None:
    level, sentence = await look(taken)
    assert (level, "another program" in sentence) == (Level.ERROR, True)


async def test_the_doctor_finds_another_rtmp_server() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(1537)
        writer.write(b"\3" + bytes(3072))
        await reader.readexactly(1536)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        level, sentence = await look(server.sockets[0].getsockname()[1])
    assert (level, "another RTMP server" in sentence) == (Level.ERROR, True)


async def test_the_doctor_asks_whether_encoders_get_through(running: Running, taken: int) -> None:
    assert await is_ours(f"127.0.0.1:{running.port}")
    there = await check_reach(RTMP, f"rtmp://localhost:{running.port}", True)
    assert (there.level, there.code) == (Level.OK, "rtmp_url")
    assert "encoders reach this server" in there.sentence
    elsewhere = await check_reach(RTMP, f"rtmp://127.0.0.1:{taken}", True)
    assert (elsewhere.level, elsewhere.code) == (Level.ERROR, "rtmp_url_other")
    nowhere = await check_reach(RTMP, "rtmp://127.0.0.1:1", True)
    assert (nowhere.level, nowhere.code) == (Level.WARNING, "rtmp_url_unreached")
    nameless = await check_reach(RTMP, "rtmp://nobody.invalid", True)
    assert (nameless.level, nameless.code) == (Level.ERROR, "rtmp_url_name")
    assert not await is_ours("127.0.0.1:1")
    assert "does not run" in (await check_reach(RTMP, "rtmp://localhost", False)).sentence
