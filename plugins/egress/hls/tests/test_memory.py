"""The memory of all streams of the egress together."""

from __future__ import annotations

import logging
import re
from pathlib import Path

import pytest
from metropole_egress_hls import egress as egress_module
from metropole_egress_hls.memory import LEAST, machine_memory, total_octets
from metropole_egress_hls.settings import HlsSettings
from pydantic import ValidationError

from metropole_core.contracts.channels import ChannelRef
from metropole_core.testing import make_broadcast
from metropole_media.http.origin import Request, Response
from metropole_media.http.ranges import apply_range
from metropole_media.live import LiveStream
from tests.support.packaging import VIDEO, frames
from tests.support.playlist_check import check_playlist

MIB = 1024 * 1024


def names(text: str) -> list[str]:
    return re.findall(r"v0_\w+\.m[p4s]+", text)


def ask(house, path: str):
    return house.egress.origin.handle(Request("GET", path))


async def test_the_sum_of_all_streams_is_bounded(
    make_house, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(egress_module, "AFTER_END_SECONDS", 1000)
    house = make_house(HlsSettings(memory_total_mib=64))
    budget = house.egress._budget
    streams, outputs = [], []
    for number in range(12):
        stream = LiveStream(f"s{number}", house.clock.monotonic)
        channel = ChannelRef(number, f"s{number}", 1)
        broadcast = make_broadcast(f"s{number}", channel, house.clock.time())
        outputs.append(house.egress.open(broadcast, stream, "https://m/hls", lambda: None))
        publisher = stream.attach()
        publisher.describe((VIDEO,))
        streams.append((stream, publisher, 60_000 if number == 0 else 8_000))
    with caplog.at_level(logging.WARNING):
        for index, packet in enumerate(frames(1200)):
            house.clock.advance(1 / 30)
            for stream, publisher, size in streams:
                if not stream.ended:
                    data = bytes(size)
                    publisher.write(type(packet)(0, packet.dts, packet.pts, packet.key, data))
                    assert budget.used <= 64 * MIB
            if index == 600:  # these are kept for a while
                for (stream, _, _), output in zip(streams[8:], outputs[8:], strict=True):
                    stream.end()
                    output.close()
    windows = [output.playout.window for output in outputs]
    assert budget.used == sum(window.octets for window in windows)
    assert budget.used > 55 * MIB
    assert sum(window.octets for window in windows[8:]) > 0
    for window in windows[1:8]:
        assert window._listed_seconds >= 6
    # What the playlists name is there, of those that have ended as well.
    for number in range(12):
        answer = ask(house, f"s{number}/v0.m3u8")
        text = answer.body.decode()
        assert check_playlist(text).ended == (number >= 8)
        for name in names(text):
            found = ask(house, f"s{number}/{name}")
            assert not isinstance(found, Response) or found.status == 200, name
    told = [record.getMessage() for record in caplog.records]
    assert sum("memory_total_mib): viewers can rewind less" in each for each in told) >= 1
    assert len(told) == len(set(told)), "once for each stream"
    for output in outputs:
        output.close()
    for playback_id, playout in list(house.egress.origin._ended.items()):
        house.egress.origin.forget(playback_id, playout)
    assert budget.used == 0


def test_an_open_segment_ends_before_it_takes_the_share_of_others(make_house) -> None:
    house = make_house(HlsSettings(memory_total_mib=64))
    for number in range(15):
        house.egress.open(
            make_broadcast(f"s{number}"), LiveStream("x", lambda: 0.0), "", lambda: None
        )
    # A sixteenth of 64 MiB; one key frame in a minute, of 120 Mbit/s.
    house.send(house.publish(VIDEO), frames(600, gop=1800, size=500_000))
    window = house.output.playout.window
    assert window.octets <= 64 * MIB
    assert max(segment.octets for segment in window.listed) <= 2 * MIB + 4_000_000


async def test_broadcasts_that_have_ended_take_nothing_from_those_that_run(
    make_house, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(egress_module, "AFTER_END_SECONDS", 1000)
    house = make_house(HlsSettings(memory_total_mib=64))
    for number in range(40):
        stream = LiveStream("x", house.clock.monotonic)
        output = house.egress.open(make_broadcast(f"s{number}"), stream, "", lambda: None)
        publisher = stream.attach()
        publisher.describe((VIDEO,))
        for packet in frames(30):
            publisher.write(packet)
        stream.end()
        output.close()
    # 6 Mbit/s, a key frame every two seconds.
    publisher = house.publish(VIDEO)
    house.send(publisher, frames(600, gop=60, size=25_000))
    assert {round(each.seconds) for each in house.output.playout.window.listed} == {2}
    assert not caplog.records
    # When memory is short they are gone altogether, and whoever asks is told so.
    house.egress._budget.limit = house.output.playout.window.octets // 20
    house.send(publisher, frames(30, gop=60, size=25_000, start=20))
    for name in ("index.m3u8", "v0.m3u8", "v0_1.m4s"):
        assert ask(house, f"s0/{name}").status == 404


def test_slow_readers_of_all_that_is_there_hold_no_copies(house, make_media) -> None:
    house.send(house.publish(), make_media(31))
    listed = check_playlist(house.text()).segments
    whole = [segment.uri for segment in listed if segment.uri]
    assert len(whole) > 10
    for name in whole * 2:
        body = house.get(name).body
        number = int(name.removeprefix("v0_").removesuffix(".m4s"))
        segment = house.output.playout.window.segment(number)
        assert body is segment.data
        ranged = apply_range(Request("GET", name, "", {"range": "bytes=1-"}), house.get(name))
        assert ranged.body.obj is body
        assert ranged.body == body[1:]
        assert b"".join(part.data for part in segment.parts) == body
        for part in segment.parts:
            assert house.output.playout.window.part(part.number) is part
            assert part.data.obj is body


def test_the_share_of_the_machine(tmp_path: Path) -> None:
    assert total_octets(100) == 100 * MIB
    assert total_octets(0) == max(LEAST, machine_memory() // 4)
    cgroup = tmp_path / "memory.max"
    cgroup.write_text("536870912\n")
    assert machine_memory(cgroup) == 512 * MIB
    cgroup.write_text("max\n")
    assert machine_memory(cgroup) == machine_memory(tmp_path / "none") > 512 * MIB


def test_too_little_is_refused() -> None:
    with pytest.raises(ValidationError, match="64 MiB are the least"):
        HlsSettings(memory_total_mib=63)
    assert HlsSettings(memory_total_mib=64).memory_total_mib == 64
