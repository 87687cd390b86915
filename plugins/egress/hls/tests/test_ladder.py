"""Several renditions of one stream: named, served, shed."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from metropole_egress_hls.playout import PATIENCE
from metropole_egress_hls.rendition import FIRST_WAIT
from metropole_egress_hls.settings import HlsSettings

from metropole_core.testing import make_broadcast
from metropole_media.http.origin import Pending, Response
from metropole_media.ladder import RenditionPlan
from tests.support.packaging import AUDIO, VIDEO, frames, sound, together
from tests.support.playlist_check import (
    ReadPlaylist,
    attributes,
    check_history,
    check_playlist,
    check_with_hls_parser,
)

HD = RenditionPlan("480p", 854, 480, 30.0, 1_500_000, "avc1.64001e")
SD = RenditionPlan("240p", 426, 240, 30.0, 400_000, "avc1.640015")
SOUND = RenditionPlan("audio", 0, 0, 0.0, 0, "")


def variants(house) -> list[str]:
    text = house.get("index.m3u8").body.decode()
    return [line for line in text.splitlines() if line and not line.startswith("#")]


def playlist(house, name: str) -> ReadPlaylist:
    return check_playlist(house.get(name).body.decode())


def dates(read: ReadPlaylist) -> dict[int, float]:
    return {segment.number: segment.date.timestamp() for segment in read.segments}


def test_renditions_are_aligned_and_served(make_house, make_media, make_feed) -> None:
    house = make_house(plans=(HD, SD, SOUND))
    publisher = house.publish()
    feeds = {"hd": make_feed(house, HD, 0.3), "sd": make_feed(house, SD, 0.9)}
    house.transcode(publisher, make_media(21), **feeds)
    assert variants(house)[-1] == "a0.m3u8"
    assert sorted(variants(house)) == ["a0.m3u8", "v0.m3u8", "v1.m3u8", "v2.m3u8"]
    source = playlist(house, "v0.m3u8")
    for name in ("v1.m3u8", "v2.m3u8", "a0.m3u8"):
        other = playlist(house, name)
        assert (other.target, other.first, other.discontinuities) == (2, 1, 0)
        for number, at in dates(other).items():
            assert at == pytest.approx(dates(source)[number], abs=0.012)
        assert {each for each, _, _ in other.reports} == {
            "v0.m3u8", "v1.m3u8", "v2.m3u8", "a0.m3u8"
        } - {name}  # fmt: skip
        assert all(segment.parts[0].independent for segment in other.segments[-2:])
        for segment in other.segments:
            assert house.get(segment.map).body[4:8] == b"ftyp"
            assert segment.uri is None or house.get(segment.uri).body
    assert house.available == [pytest.approx(house.began + 2.9, abs=0.05)]


def rows(house) -> dict[str, dict[str, str]]:
    """The variants by their URI, in order."""
    found, given = {}, ""
    for line in house.get("index.m3u8").body.decode().splitlines():
        if line.startswith("#EXT-X-STREAM-INF:"):
            given = line.partition(":")[2]
        elif not line.startswith("#"):
            found[line] = attributes(given)
    return found


def body(answer: Response | Pending) -> str:
    assert isinstance(answer, Response)
    return answer.body.decode()


def test_what_is_planned_is_named_before_it_is_made(make_house, make_media, make_player) -> None:
    house = make_house(plans=(HD, SD))
    publisher = house.publish()
    house.send(publisher, make_media(2 + PATIENCE - 0.2))
    assert house.available == []
    first = make_player()
    assert first.wait(house.ask("index.m3u8")).timeout == FIRST_WAIT
    house.send(publisher, [p for p in make_media(6) if p.dts >= 4800])
    assert house.available == [pytest.approx(house.began + 2 + PATIENCE, abs=0.05)]
    assert body(first.got[0]) == house.get("index.m3u8").body.decode()
    found = rows(house)
    assert found["v1.m3u8"] == {
        "BANDWIDTH": str(round((1_500_000 + 192_000) * 1.1)), "AVERAGE-BANDWIDTH": "1692000",
        "CODECS": "avc1.64001e,mp4a.40.2", "RESOLUTION": "854x480", "FRAME-RATE": "30.000",
    }  # fmt: skip
    # What is not there yet is waited for, whatever is asked; then it is to be tried again.
    for query in ("", "_HLS_msn=3", "_HLS_msn=2&_HLS_part=4"):
        pending = make_player().wait(house.ask("v1.m3u8", query))
        assert pending.timeout == FIRST_WAIT
        answer = pending.expired()
        assert (answer.status, dict(answer.headers)["Retry-After"]) == (503, "1")
    assert house.get("v1.m3u8", "_HLS_msn=99").status == 400
    assert "v1.m3u8" not in house.text()


def test_measured_replaces_planned(make_house, make_media, make_feed) -> None:
    house = make_house(plans=(HD,))
    publisher = house.publish()
    house.transcode(publisher, make_media(9), hd=make_feed(house, HD))
    before = rows(house)
    assert int(before["v1.m3u8"]["BANDWIDTH"]) < 100_000
    assert house.get("index.m3u8") is house.get("index.m3u8")
    house.send(publisher, [p for p in make_media(11) if p.dts >= 9000])
    assert rows(house).keys() == before.keys()


@pytest.mark.parametrize("decided", [False, True])
def test_nobody_waits_for_a_ladder_that_is_never_decided(make_house, make_media, decided) -> None:
    house = make_house(plans=() if decided else None)
    house.send(house.publish(), make_media(9))
    wait = 0 if decided else PATIENCE
    assert house.available == [pytest.approx(house.began + 2 + wait, abs=0.05)]
    assert list(rows(house)) == ["v0.m3u8"]


def test_sound_alone_holds_nobody_up(make_house, make_media) -> None:
    """It is planned when the frame rate is known, in the middle of the first segment."""
    house = make_house(plans=None)
    publisher = house.publish()
    packets = make_media(7)
    house.send(publisher, [p for p in packets if p.dts < 700])
    house.stream.ladder.declare((SOUND,))
    house.send(publisher, [p for p in packets if p.dts >= 700])
    assert house.available == [pytest.approx(house.began + 2.0, abs=0.04)]
    first, second = playlist(house, "a0.m3u8").segments[:2]
    source = playlist(house, "v0.m3u8")
    assert (first.number, first.duration) == (1, pytest.approx(1.3, abs=0.03))
    assert second.date.timestamp() == pytest.approx(dates(source)[2], abs=0.012)


def test_a_rendition_that_is_shed_is_gone_at_once(
    make_house, make_media, make_feed, make_player
) -> None:
    house = make_house(HlsSettings(linger_seconds=5), plans=(HD, SD))
    publisher = house.publish()
    feeds = {"hd": make_feed(house, HD), "sd": make_feed(house, SD)}
    packets = make_media(20)
    house.transcode(publisher, [p for p in packets if p.dts < 9000], **feeds)
    text = house.get("v1.m3u8").body.decode()
    newest = check_playlist(text).segments[-1]
    waiting = {
        name: make_player().wait(house.ask(f"{name}.m3u8", f"_HLS_msn={newest.number + 1}"))
        for name in ("v0", "v1", "v2")
    }
    hint = make_player().wait(house.ask(check_playlist(text).hint))
    house.stream.ladder.shed("480p")
    assert [waiting[name].answer is None for name in waiting] == [True, False, True]
    assert waiting["v1"].answer.status == hint.answer.status == 404
    assert house.get("v1.m3u8").status == house.get("v1.m3u8", "_HLS_msn=1").status == 404
    assert list(rows(house)) == ["v0.m3u8", "v2.m3u8"]
    named = re.findall(r"v1_\w+\.m[p4s]+", text)
    assert {house.get(name).status for name in named if name != check_playlist(text).hint} == {200}
    # The others go on, and say nothing of it; its octets are given back after a while.
    del feeds["hd"]
    used = house.egress._budget.used
    house.transcode(publisher, [p for p in packets if p.dts >= 9000], **feeds)
    assert [uri for uri, _, _ in playlist(house, "v2.m3u8").reports] == ["v0.m3u8"]
    assert house.get(named[0]).status == house.get("v1.m3u8").status == 404
    windows = [each.window for each in house.output.playout.renditions]
    assert house.egress._budget.used == sum(window.octets for window in windows) > used / 2
    # Planned again it is another one: caches may hold what it was.
    house.stream.ladder.declare((HD, SD))
    assert sorted(rows(house)) == ["v0.m3u8", "v2.m3u8", "v3.m3u8"]


def test_a_rendition_that_comes_late_goes_on_at_the_current_number(
    make_house, make_media, make_feed
) -> None:
    house = make_house(plans=(HD,))
    publisher = house.publish()
    late = make_feed(house, HD, 1.2, takes=lambda packet: packet.dts >= 8500)
    house.transcode(publisher, make_media(17), hd=late)
    other = playlist(house, "v1.m3u8")
    assert other.first == 6
    walls = dates(playlist(house, "v0.m3u8"))
    assert dates(other) == {n: pytest.approx(walls[n]) for n in dates(other)}
    assert len(house.available) == 1


def test_a_rendition_that_lost_segments_begins_anew(
    make_house, make_media, make_feed, make_player
) -> None:
    house = make_house(plans=(HD,))
    publisher = house.publish()
    texts: list[str] = []
    feed = make_feed(house, HD, 0.3, takes=lambda packet: not 9000 <= packet.dts < 14_000)
    packets = make_media(24)
    for begin in range(0, 24_000, 500):
        piece = [p for p in packets if begin <= p.dts < begin + 500]
        house.transcode(publisher, piece, hd=feed)
        answer = house.ask("v1.m3u8")
        if begin == 14_500:
            # Its window is empty, and a player that held on waits.
            assert isinstance(answer, Pending)
            assert isinstance(house.ask("v1.m3u8", "_HLS_msn=5&_HLS_part=8"), Pending)
        if isinstance(answer, Response):
            texts.append(answer.body.decode())
    assert [check_playlist(text).first for text in (texts[0], texts[-1])] == [1, 8]
    assert "GAP" not in "".join(texts)
    check_history([text for text in texts if check_playlist(text).first == 8])
    source = playlist(house, "v0.m3u8")
    other = playlist(house, "v1.m3u8")
    assert (other.target, other.discontinuities) == (source.target, source.discontinuities)
    assert all(at == pytest.approx(dates(source)[n]) for n, at in dates(other).items())
    check_with_hls_parser([texts[0], texts[-1]])


def test_a_restart_of_the_server_goes_on_in_all(make_house, make_media, make_feed) -> None:
    house = make_house(plans=(HD,))
    seen: dict[str, list[ReadPlaylist]] = {"v0.m3u8": [], "v1.m3u8": []}
    began = house.clock.time()
    for run in range(2):
        if run:
            house.clock.advance(1.5)
            house.egress = type(house.egress)(house.context)
        house.stream, house.output = house.open(make_broadcast("same", started_at=began))
        house.began = house.clock.monotonic()
        feed = make_feed(house, HD)
        house.transcode(house.publish(), make_media(9), hd=feed)
        for name, found in seen.items():
            found.append(playlist(house, name))
    for (before, after), name in zip(seen.values(), seen, strict=True):
        assert after.first > before.segments[-1].number, name
        assert after.segments[0].discontinuity
        assert after.discontinuities >= before.discontinuities
    assert seen["v0.m3u8"][1].discontinuities == seen["v1.m3u8"][1].discontinuities
    assert seen["v0.m3u8"][1].first == seen["v1.m3u8"][1].first


def test_several_tracks_and_sounds(make_house, make_media) -> None:
    house = make_house(plans=(SOUND,))
    german = replace(AUDIO, language="de")
    english = replace(AUDIO, id=101, language="en", channels=1)
    small = replace(VIDEO, id=1, codec="avc1.640015", width=426, height=240)
    publisher = house.publish(VIDEO, small, german, english)
    pictures, voice = frames(400, size=8000), sound(13)
    packets = [*pictures, *(replace(p, track=1, data=bytes(900)) for p in pictures)]
    house.send(publisher, together(packets, voice, [replace(p, track=101) for p in voice]))
    text = house.get("index.m3u8").body.decode()
    media = [attributes(line) for line in text.splitlines() if line.startswith("#EXT-X-MEDIA:")]
    assert [(m["NAME"], m["LANGUAGE"], m["DEFAULT"], m["CHANNELS"], m["URI"]) for m in media] == [
        ("1 (de)", "de", "YES", "2", "a0.m3u8"),
        ("2 (en)", "en", "NO", "1", "a1.m3u8"),
    ]
    found = rows(house)
    assert list(found) == ["v0.m3u8", "v1.m3u8", "a0.m3u8"]
    assert {row["AUDIO"] for row in found.values()} == {"audio"}
    assert found["v1.m3u8"]["CODECS"] == "avc1.640015,mp4a.40.2"
    assert found["a0.m3u8"]["CODECS"] == "mp4a.40.2"
    assert "RESOLUTION" not in found["a0.m3u8"]
    source = playlist(house, "v0.m3u8")
    for name in ("v1.m3u8", "a0.m3u8", "a1.m3u8"):
        other = playlist(house, name)
        assert (other.first, other.target) == (source.first, source.target)
        assert all(
            at == pytest.approx(dates(source)[n], abs=0.012) for n, at in dates(other).items()
        )
    init = house.get(source.segments[0].map).body
    assert init.count(b"trak") == 1
    check_with_hls_parser([text, *(house.get(f"{n}.m3u8").body.decode() for n in ("v1", "a1"))])
    # A track that goes is a rendition that is gone; sounds stay apart for those who play.
    publisher.detach()
    house.send(house.publish(VIDEO, german), together(frames(90), sound(3)))
    assert list(rows(house)) == ["v0.m3u8", "a0.m3u8"]
    assert house.get("v1.m3u8").status == house.get("a1.m3u8").status == 404


def test_a_stream_in_sound_alone_has_one_rendition(make_house) -> None:
    house = make_house(plans=(HD, SOUND))
    house.send(house.publish(AUDIO), sound(9))
    assert list(rows(house)) == ["v0.m3u8"]
    assert len(house.available) == 1


def test_the_memory_of_a_stream_is_for_all_its_renditions(make_house, make_feed) -> None:
    house = make_house(HlsSettings(memory_mib=16), plans=(HD, SD))
    feeds = {"hd": make_feed(house, HD), "sd": make_feed(house, SD)}
    packets = together(frames(900, size=30_000), sound(30))
    publisher = house.publish()
    for begin in range(0, 30_000, 1000):
        house.transcode(publisher, [p for p in packets if 0 <= p.dts - begin < 1000], **feeds)
        assert sum(each.window.octets for each in house.output.playout.renditions) <= 16 << 20
    firsts = {each.window.listed[0].number for each in house.output.playout.renditions}
    assert len(firsts) <= 2, "they reach back equally far"
    for name in ("v0.m3u8", "v1.m3u8", "v2.m3u8"):
        assert len(playlist(house, name).segments) >= 3


def test_many_tracks_of_an_encoder_take_no_more_than_one_stream_may(make_house) -> None:
    """However much larger than the best of them the others are, and without a key frame."""
    house = make_house(HlsSettings(memory_mib=16))
    tracks = [replace(VIDEO, id=number) for number in range(10)]
    publisher = house.publish(*tracks, AUDIO)
    others = [
        [replace(packet, track=number) for packet in frames(300, gop=10_000, size=30_000)]
        for number in range(1, 10)
    ]
    packets = together(frames(300), *others, sound(10))
    most = 0
    for begin in range(0, 10_000, 200):
        house.send(publisher, [p for p in packets if 0 <= p.dts - begin < 200])
        used = sum(each.window.octets for each in house.output.playout.renditions)
        most = max(most, used)
    assert 8 << 20 < most <= 16 << 20


async def test_the_end_is_told_in_all(make_house, make_media, make_feed, make_player) -> None:
    house = make_house(plans=(HD, SOUND))
    feed = make_feed(house, HD)
    house.transcode(house.publish(), make_media(7), hd=feed)
    players = {name: make_player() for name in ("v0", "v1", "a0")}
    for name, player in players.items():
        player.wait(house.ask(f"{name}.m3u8", "_HLS_msn=5"))
    house.stream.end()
    house.output.close()
    for name, player in players.items():
        assert check_playlist(body(player.got[0])).ended
        assert playlist(house, f"{name}.m3u8").ended
    assert house.output.playout.waiting == 0
    house.egress.origin.forget(house.id, house.output.playout)
    assert house.egress._budget.used == 0


def test_a_rendition_that_fails_takes_nobody_along(
    make_house, make_media, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    house = make_house(plans=(SOUND,))
    publisher = house.publish()
    packets = make_media(9)
    house.send(publisher, [p for p in packets if p.dts < 5000])
    (follower,) = house.output._renditions.followers
    monkeypatch.setattr(follower, "on_packet", lambda packet: 1 / 0)
    house.send(publisher, [p for p in packets if p.dts >= 5000])
    assert "a rendition of stream test failed" in caplog.text
    assert house.get("a0.m3u8").status == 404
    assert playlist(house, "v0.m3u8").segments[-1].number == 5
