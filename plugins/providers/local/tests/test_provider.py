"""The local provider with a real media port: broadcasts, failing egresses, a taken port."""

from __future__ import annotations

import asyncio
import errno
import logging
import os
import socket
import time
from typing import Any

import pytest
from metropole_provider_local.plugin import Plugin
from metropole_provider_local.port import why_not
from metropole_provider_local.provider import LocalProvider
from metropole_provider_local.settings import LocalSettings

from metropole_core.contracts.channels import ChannelRef
from metropole_core.contracts.checks import Check
from metropole_core.contracts.egress import PlaybackSource
from metropole_core.errors import ConfigError, Unavailable
from metropole_core.testing import CHANNEL, conformance, make_broadcast, make_context
from metropole_media.live import LiveStream

from .conftest import (
    VIDEO,
    CountingEgress,
    CountingOutput,
    Parts,
    Start,
    TestIngest,
    fetch,
    packet,
)

OTHER = ChannelRef(2, "garage", 8)
BROADCAST, OTHER_BROADCAST = make_broadcast(), make_broadcast("def", OTHER)


def publish(stream: LiveStream, packets: int = 1) -> None:
    publisher = stream.attach()
    publisher.describe((VIDEO,))
    for index in range(packets):
        publisher.write(packet(40 * index))
    publisher.detach()


async def test_the_contract() -> None:
    context = make_context(LocalSettings(bind="127.0.0.1:0"), registry=Parts([], []))
    await conformance.check_provider(LocalProvider(context))


async def test_a_broadcast(start: Start) -> None:
    egress = CountingEgress(after=2)
    provider = await start(egress)
    told: list[int] = []
    stream = provider.open(BROADCAST, lambda: told.append(1))
    publisher = stream.attach()
    publisher.describe((VIDEO,))
    publisher.write(packet(0))
    assert told == []
    assert provider.playback(CHANNEL) == ()
    publisher.write(packet(40))
    publisher.write(packet(80))
    assert told == [1]
    url = f"https://live.example:{provider.port}/count/lab"
    by_site = "https://live.example/-/media/count/lab"
    assert provider.playback(CHANNEL) == (
        PlaybackSource("count", url, "text/plain", 1000, by_site),
    )
    assert provider.media_origins() == (f"https://live.example:{provider.port}",)
    assert await fetch(provider.port, "/count/lab") == (200, b"lab:3")
    provider.end(CHANNEL)
    provider.end(CHANNEL)
    assert stream.ended
    assert egress.outputs[0].said == ["epoch 1", "interrupted", "end", "close"]
    assert provider.playback(CHANNEL) == ()
    # What is still served of it is the egress's affair: it stays mounted.
    assert await fetch(provider.port, "/count/lab") == (200, b"lab:3")


async def test_a_publisher_that_returns_finds_the_same_broadcast(start: Start) -> None:
    egress = CountingEgress()
    provider = await start(egress)
    told: list[str] = []
    stream = provider.open(BROADCAST, lambda: told.append("first"))
    publish(stream)
    assert provider.open(BROADCAST, lambda: told.append("second")) is stream
    publish(stream)
    assert told == ["first"]
    assert len(egress.outputs) == 1
    assert len(provider.playback(CHANNEL)) == 1


async def test_two_broadcasts_in_a_row_and_two_channels_at_once(start: Start) -> None:
    egress = CountingEgress()
    provider = await start(egress)
    told: list[str] = []
    first = provider.open(BROADCAST, lambda: told.append("first"))
    other = provider.open(OTHER_BROADCAST, lambda: told.append("other"))
    publish(first, 2)
    provider.end(CHANNEL)
    assert provider.playback(CHANNEL) == ()
    second = provider.open(BROADCAST, lambda: told.append("second"))
    assert second is not first
    assert provider.playback(CHANNEL) == ()
    publish(second, 3)
    assert told == ["first", "second"]
    assert len(provider.playback(CHANNEL)) == 1
    assert [output.packets for output in egress.outputs] == [2, 0, 3]
    publish(other)
    assert told == ["first", "second", "other"]
    assert not other.ended


async def test_a_stream_that_ended_by_itself_is_not_handed_out_again(start: Start) -> None:
    egress = CountingEgress()
    provider = await start(egress)
    first = provider.open(BROADCAST, lambda: None)
    first.end()
    assert provider.open(BROADCAST, lambda: None) is not first
    assert egress.outputs[0].said == ["end", "close"]


async def test_the_lowest_latency_comes_first(start: Start) -> None:
    slow, never = CountingEgress("slow", 5000), CountingEgress("never", 1, after=99)
    fast = CountingEgress("fast", 300, after=2)
    provider = await start(slow, never, fast)
    told: list[int] = []
    stream = provider.open(BROADCAST, lambda: told.append(1))
    publish(stream)
    assert [source.latency_ms for source in provider.playback(CHANNEL)] == [5000]
    publish(stream)
    assert [source.latency_ms for source in provider.playback(CHANNEL)] == [300, 5000]
    assert told == [1]


async def test_without_an_egress_a_stream_arrives_and_nothing_can_be_played(start: Start) -> None:
    provider = await start()
    stream = provider.open(BROADCAST, lambda: pytest.fail("nothing is available"))
    publish(stream)
    assert provider.playback(CHANNEL) == ()
    assert (await fetch(provider.port, "/count/lab"))[0] == 404


async def test_an_egress_that_serves_nothing_itself(start: Start) -> None:
    egress = CountingEgress()
    egress.origin = None
    provider = await start(egress)
    publish(provider.open(BROADCAST, lambda: None))
    assert len(provider.playback(CHANNEL)) == 1
    assert (await fetch(provider.port, "/count/lab"))[0] == 404


class BrokenOutput(CountingOutput):
    """Fails in what it is asked for."""

    def source(self) -> PlaybackSource:
        raise LookupError("a bug in an output")

    def close(self) -> None:
        raise LookupError("a bug in an output")


class EarlyOutput(CountingOutput):
    """Available before `open` has returned."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.available()


class BrokenEgress(CountingEgress):
    """Fails after it has said that it is available."""

    def open(self, *arguments: Any) -> CountingOutput:
        arguments[3]()
        raise LookupError("a bug in an egress")


async def test_an_egress_that_fails_is_left_out(
    start: Start, caplog: pytest.LogCaptureFixture
) -> None:
    broken, good, odd = BrokenEgress("broken"), CountingEgress("good"), CountingEgress("odd")
    odd.output_class = BrokenOutput
    provider = await start(broken, odd, good)
    told: list[int] = []
    with caplog.at_level(logging.ERROR):
        stream = provider.open(BROADCAST, lambda: told.append(1))
        assert told == []
        assert provider.playback(CHANNEL) == ()
        publish(stream)
        assert [source.url.split("/")[3] for source in provider.playback(CHANNEL)] == ["good"]
        provider.end(CHANNEL)
    assert told == [1]
    assert good.outputs[0].said[-1] == "close"
    assert [record.getMessage() for record in caplog.records] == [
        "lab: egress broken is left out",
        "lab: egress odd names no source",
        "lab: egress odd does not close",
    ]


async def test_an_egress_that_is_available_at_once(start: Start) -> None:
    egress = CountingEgress()
    egress.output_class = EarlyOutput
    provider = await start(egress)
    told: list[int] = []
    provider.open(BROADCAST, lambda: told.append(len(provider.playback(CHANNEL))))
    assert told == [1]


async def test_ingress_points_are_those_of_the_ingests(
    start: Start, caplog: pytest.LogCaptureFixture
) -> None:
    ingests = (TestIngest("rtmp"), TestIngest("odd", broken=True), TestIngest("srt"))
    provider = await start(ingests=ingests)
    with caplog.at_level(logging.ERROR):
        points = provider.ingress_points(CHANNEL)
    assert [point.url for point in points] == ["rtmp://live.example", "srt://live.example"]
    assert "ingest odd names no address" in caplog.text


async def test_connections_are_bounded_by_the_settings(start: Start) -> None:
    provider = await start(CountingEgress(), max_connections=2)
    held = [await asyncio.open_connection("127.0.0.1", provider.port) for _ in range(2)]
    deadline = time.monotonic() + 5
    while provider.stats.connections < 2:
        assert time.monotonic() < deadline
        await asyncio.sleep(0.01)
    assert (await fetch(provider.port, "/count/x"))[0] == 503
    for _, writer in held:
        writer.close()
        await writer.wait_closed()


async def test_stopping_ends_everything_within_a_second(start: Start) -> None:
    egress = CountingEgress()
    provider = await start(egress)
    stream = provider.open(BROADCAST, lambda: None)
    port = provider.port
    waiting = asyncio.create_task(fetch(port, "/count/wait"))
    deadline = time.monotonic() + 5
    while provider.stats.waiters < 1:
        assert time.monotonic() < deadline
        await asyncio.sleep(0.01)
    started = time.monotonic()
    await provider.stop()
    assert time.monotonic() - started < 1
    assert stream.ended
    assert egress.outputs[0].said == ["end", "close"]
    # Not "it is over": the server may be back in a moment.
    assert (await waiting)[0] == 503
    with pytest.raises(Unavailable, match="not running"):
        provider.open(BROADCAST, lambda: None)
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", port)) != 0
    await provider.stop()


def refused(bind: str) -> LocalProvider:
    return LocalProvider(make_context(LocalSettings(bind=bind), registry=Parts([], [])))


async def test_a_port_that_is_taken() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        bind = f"127.0.0.1:{other.getsockname()[1]}"
        with pytest.raises(Unavailable) as caught:
            await refused(bind).start()
    sentence = caught.value.sentence
    assert sentence.startswith(f"The media port {bind} is taken by ")
    assert f"(process {os.getpid()}): end that program" in sentence
    assert "`bind` of [plugin.provider_local]" in sentence


async def test_an_address_that_is_not_ours() -> None:
    with pytest.raises(ConfigError, match=r"192\.0\.2\.1:8001 .*`bind` of"):
        await refused("192.0.2.1:8001").start()


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.EADDRINUSE, "is taken by another program"),
        (errno.EACCES, "may not be opened by this user"),
        (errno.EADDRNOTAVAIL, "does not belong to this machine"),
        (errno.EAFNOSUPPORT, "cannot be opened (address family not supported by protocol)"),
    ],
)
def test_why_a_port_cannot_be_opened(number: int, words: str) -> None:
    sentence, advice = why_not(OSError(number, os.strerror(number)), "127.0.0.1:1", 1)
    assert words in sentence
    assert "`bind` of [plugin.provider_local]" in advice


async def check(bind: str) -> tuple[str, str, str]:
    """What the doctor gets to see."""
    checks: list[Check] = []
    plugin = Plugin(make_context(LocalSettings(bind=bind), registry=Parts([], [])))
    plugin.register_checks(checks.append)
    (finding,) = await checks[0].run()
    assert finding.subject == "Media port"
    assert finding.code.startswith("media_port_")
    return finding.level.value, finding.sentence, finding.advice


async def test_what_the_doctor_finds(start: Start) -> None:
    assert await check("127.0.0.1:0") == ("ok", "127.0.0.1:0 is free", "")
    provider = await start()
    bind = f"127.0.0.1:{provider.port}"
    assert await check(bind) == ("ok", f"Metropole serves players at {bind}", "")
    level, sentence, _ = await check("192.0.2.1:8001")
    assert level == "error"
    assert "192.0.2.1:8001" in sentence


async def test_the_doctor_finds_another_program() -> None:
    async def other(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nServer: other\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(other, "127.0.0.1", 0)
    bind = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
    level, sentence, advice = await check(bind)
    server.close()
    assert level == "error"
    assert f"{bind} is taken by " in sentence
    assert advice.startswith("End that program, or set another port: `bind` of")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("bind", "8001"),
        ("bind", "::1:8001"),
        ("bind", "127.0.0.1:99999"),
        ("bind", ":8001"),
        ("max_connections", 0),
        ("uncapped", ("10.0.0.1/8",)),
        ("nonsense", 1),
    ],
)
def test_settings_that_cannot_be(name: str, value: object) -> None:
    with pytest.raises(ValueError, match=name):
        LocalSettings(**{name: value})


def test_settings_have_words() -> None:
    for name, field in LocalSettings.model_fields.items():
        assert field.title, name
        assert field.description, name
