"""The egress as the core and the provider see it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path

import pytest
from metropole_egress_hls import egress as egress_module
from metropole_egress_hls.checks import check_assets
from metropole_egress_hls.egress import HlsEgress
from metropole_egress_hls.origin import MAX_ENDED
from metropole_egress_hls.plugin import Plugin
from metropole_egress_hls.settings import HlsSettings

from metropole_core.contracts.checks import Check, Level
from metropole_core.contracts.egress import Engine
from metropole_core.contracts.events import StreamUnwell
from metropole_core.testing import CHANNEL, conformance, make_context
from metropole_media.http.limits import ListenerLimits
from metropole_media.http.listener import Listener
from tests.support.playlist_check import check_playlist


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.002)


async def test_it_is_an_egress() -> None:
    await conformance.check_egress(HlsEgress(make_context(HlsSettings())))


async def test_the_plugin_registers_it_and_its_check() -> None:
    plugin = Plugin(make_context(HlsSettings()))
    egresses: list[object] = []
    checks: list[Check] = []
    plugin.register_egress(egresses.append)
    plugin.register_checks(checks.append)
    (egress,) = egresses
    assert isinstance(egress, HlsEgress)
    assert egress.engine == Engine("hls", "src/engine.ts")
    (finding,) = await checks[0].run()
    assert finding.subject == "HLS player"


def test_the_check_of_the_assets(tmp_path: Path) -> None:
    assert check_assets(tmp_path).level is Level.ERROR
    (tmp_path / "manifest.json").write_text('{"src/engine.ts": {"file": "engine-1.js"}}')
    assert check_assets(tmp_path).level is Level.ERROR
    assert check_assets(tmp_path).advice
    (tmp_path / "engine-1.js").write_text("")
    assert check_assets(tmp_path).level is Level.OK
    (tmp_path / "manifest.json").write_text("[]")
    assert check_assets(tmp_path).level is Level.ERROR


def test_the_source(house) -> None:
    source = house.output.source()
    assert source.url == f"https://media.example/hls/{house.id}/index.m3u8"
    assert (source.engine, source.mime_type) == ("hls", "application/vnd.apple.mpegurl")
    assert source.latency_ms == 1300


async def test_after_the_end_players_find_the_end_for_a_while(
    house, make_media, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(egress_module, "AFTER_END_SECONDS", 0.02)
    house.send(house.publish(), make_media(5))
    house.stream.end()
    house.output.close()
    house.output.close()
    assert check_playlist(house.text()).ended
    await until(lambda: not len(house.egress.origin))
    assert house.get("v0.m3u8").status == 404


async def test_ended_streams_are_kept_in_a_bounded_number(house, make_media) -> None:
    for _ in range(MAX_ENDED + 10):
        house.stream, house.output = house.open()
        house.began = house.clock.monotonic()
        house.send(house.publish(), make_media(0.5))
        house.stream.end()
        house.output.close()
    # And the first one, which nobody has closed.
    assert len(house.egress.origin) == MAX_ENDED + 1


def test_a_stream_that_never_was_is_forgotten_at_once(house) -> None:
    house.output.close()
    assert len(house.egress.origin) == 0


def test_a_plugin_that_stops_leaves_nothing(house, make_media) -> None:
    """Without a loop no task can be had: nobody will fetch anything."""
    publisher = house.publish()
    house.send(publisher, make_media(5))
    house.output.close()
    assert len(house.egress.origin) == 0
    assert house.output.playout.window.ended
    parts = house.output.playout.window.next_part
    house.send(publisher, make_media(2, start=5))
    assert house.output.playout.window.next_part == parts


async def test_what_is_wrong_with_a_stream_is_told_once(
    house, make_media, caplog: pytest.LogCaptureFixture
) -> None:
    heard: list[StreamUnwell] = []

    async def hear(event: StreamUnwell) -> None:
        heard.append(event)

    house.context.events.subscribe(StreamUnwell, hear)
    with caplog.at_level(logging.WARNING):
        house.send(house.publish(), make_media(30, gop=1000))
    assert [record.getMessage() for record in caplog.records] == [
        (
            f"{CHANNEL.name}: key frames are too far apart, viewers start late:"
            " set the key frame interval of the encoder to 2 s"
        )
    ]
    await until(lambda: len(heard) > 0)
    (event,) = heard
    assert (event.channel_id, event.code) == (CHANNEL.id, "long_gop")
    assert event.sentence.startswith("Key frames are too far apart")


def test_settings_change_the_cut(make_house, make_media) -> None:
    house = make_house(HlsSettings(part_ms=100))
    house.send(house.publish(), make_media(5))
    assert check_playlist(house.text()).part_target == pytest.approx(0.102)


class Reader:
    """One keep-alive connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def get(self, path: str) -> tuple[int, bytes]:
        self.writer.write(f"GET {path} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
        async with asyncio.timeout(10):
            head = (await self.reader.readuntil(b"\r\n\r\n")).decode()
            size = int(head.lower().split("content-length: ")[1].split("\r\n")[0])
            return int(head.split()[1]), await self.reader.readexactly(size)


async def test_through_the_media_port(house, make_media) -> None:
    listener = Listener({"hls": house.egress.origin}, limits=ListenerLimits())
    await listener.start("127.0.0.1", 0)
    reader, writer = await asyncio.open_connection("127.0.0.1", listener.port)
    player = Reader(reader, writer)
    try:
        publisher = house.publish()
        packets = make_media(10)
        house.send(publisher, [p for p in packets if p.dts < 5000])
        status, text = await player.get(f"/hls/{house.id}/v0.m3u8")
        assert status == 200
        newest = check_playlist(text.decode()).segments[-1]
        query = f"_HLS_msn={newest.number}&_HLS_part={len(newest.parts)}"
        waiting = asyncio.create_task(player.get(f"/hls/{house.id}/v0.m3u8?{query}"))
        await until(lambda: house.output.playout.waiting == 1)
        house.send(publisher, [p for p in packets if 5000 <= p.dts < 5300])
        status, text = await waiting
        assert status == 200
        part = check_playlist(text.decode()).segments[-1].parts[-1]
        status, data = await player.get(f"/hls/{house.id}/{part.uri}")
        assert (status, data[4:8]) == (200, b"moof")
    finally:
        writer.close()
        await listener.close()
