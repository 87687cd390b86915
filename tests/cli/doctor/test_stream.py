"""`metropole doctor --channel`: what is said of a stream, and that it is seen as it is."""

from __future__ import annotations

import asyncio
import json
import socket
from dataclasses import replace

import pytest
from metropole_cli.stream import examine, playlist
from metropole_cli.stream.frames import Packets
from metropole_cli.stream.judge import judge
from metropole_cli.stream.others import look_at
from metropole_cli.stream.seen import Audio, PartSeen, Seen, Video

from metropole_core.config import load_config
from metropole_core.contracts.checks import Finding, Level
from metropole_core.site import Site
from tests.support.publisher import publishing
from tests.support.site_process import ADMIN, SiteProcess, run_command

VIDEO = Video("avc1.64001f", 1920, 1080, 30.0, 30.0, 6_000_000, 7_000_000, (2.0, 2.0, 2.0), 1.0)
AUDIO = Audio("mp4a.40.2", 48_000, 2, 160_000, -12.0)
PARTS = tuple(PartSeen(0.2, 100 + 0.2 * n, 0.3) for n in range(20))
GOOD = Seen(24.0, VIDEO, AUDIO, PARTS, 0.2, 0, False, True, 1300)


def bad(seen: Seen) -> dict[str, Finding]:
    return {each.code: each for each in judge(seen) if each.level is not Level.OK}


def test_nothing_is_wrong_with_a_good_stream() -> None:
    assert bad(GOOD) == {}
    said = " ".join(each.sentence for each in judge(GOOD))
    for words in ("H.264, 1920x1080, 30 frames", "48 kHz, stereo", "6.0 Mbit/s", "2 s", "1.6 s"):
        assert words in said


@pytest.mark.parametrize(
    ("change", "code", "level"),
    [
        ({"key_intervals": (3.0, 3.0)}, "stream_keyframes_long", "warning"),
        ({"key_intervals": (8.33, 8.33)}, "stream_keyframes_far", "warning"),
        ({"key_intervals": (2.0, 20.0)}, "stream_keyframes_far", "error"),
        ({"key_intervals": (), "since_key": 7.0}, "stream_keyframes_far", "warning"),
        ({"key_intervals": (), "since_key": 24.0}, "stream_keyframes_far", "error"),
        ({"bit_rate": 20_000_000}, "stream_bitrate_high", "warning"),
        ({"peak": 16_000_000}, "stream_bitrate_uneven", "warning"),
        ({"frame_rate": 22.0}, "stream_frame_rate", "warning"),
        ({"frame_rate": 10.0, "declared_rate": 0.0}, "stream_frame_rate", "warning"),
        ({"codec": "hvc1.1.6.L93.B0"}, "stream_codec", "warning"),
        ({"codec": "avc1.6e0028"}, "stream_codec", "warning"),
    ],
)
def test_what_is_wrong_with_the_picture(change: dict[str, object], code: str, level: str) -> None:
    found = bad(replace(GOOD, video=replace(VIDEO, **change)))  # type: ignore[arg-type]
    assert {code: each.level.value for code, each in found.items()} == {code: level}
    assert "Settings > " in found[code].advice


def test_the_keyframe_interval_is_told_in_the_words_of_obs() -> None:
    found = bad(replace(GOOD, video=replace(VIDEO, key_intervals=(8.0, 8.0))))
    finding = found["stream_keyframes_far"]
    assert finding.sentence.startswith("your keyframe interval is 8 s")
    assert finding.advice.startswith("Set it to 2 s in OBS: Settings > Output")


@pytest.mark.parametrize(
    ("change", "code", "level"),
    [
        ({"audio": None}, "stream_no_audio", "warning"),
        ({"video": None}, "stream_no_video", "warning"),
        ({"audio": replace(AUDIO, peak_db=-120.0)}, "stream_silent", "warning"),
        ({"parts": ()}, "stream_stalled", "error"),
        (
            {"parts": (*PARTS, PartSeen(0.2, PARTS[-1].arrived + 3, 0.3))},
            "stream_stalled",
            "warning",
        ),
        ({"jumps": 2}, "stream_jumps", "warning"),
        ({"part_target": 0.1}, "stream_parts", "warning"),
        ({"parts": tuple(replace(part, age=5.0) for part in PARTS)}, "stream_late", "warning"),
    ],
)
def test_what_is_wrong_with_the_rest(change: dict[str, object], code: str, level: str) -> None:
    found = bad(replace(GOOD, **change))  # type: ignore[arg-type]
    assert {code: each.level.value for code, each in found.items()} == {code: level}


def test_without_pyav_it_says_so() -> None:
    codes = [each.code for each in judge(replace(GOOD, decoded=False))]
    assert "stream_unmeasured" in codes


def test_packets() -> None:
    times = tuple(n / 25 for n in range(100))
    packets = Packets(times, times, (1000,) * 100, tuple(n % 50 == 0 for n in range(100)))
    assert packets.rate == pytest.approx(25)
    assert packets.bit_rate == 200_000
    assert packets.peak() == 200_000
    assert packets.key_intervals() == (pytest.approx((2.0,)), pytest.approx(1.96))
    assert (packets.jumps(), packets.reordered()) == (0, False)
    later = tuple(time + (2.0 if time > 2 else 0.0) for time in times)
    assert Packets(later, times, packets.sizes, packets.keys).jumps() == 1


PLAYLIST = """#EXTM3U
#EXT-X-VERSION:9
#EXT-X-TARGETDURATION:2
#EXT-X-PART-INF:PART-TARGET=0.5
#EXT-X-MEDIA-SEQUENCE:7
#EXT-X-MAP:URI="init0.mp4"
#EXT-X-PROGRAM-DATE-TIME:2026-01-01T00:00:00.000Z
#EXT-X-PART:DURATION=0.5,URI="p1",INDEPENDENT=YES
#EXT-X-PART:DURATION=0.5,URI="p2"
#EXTINF:1.0,
s7
#EXT-X-DISCONTINUITY
#EXT-X-MAP:URI="init1.mp4"
#EXT-X-PART:DURATION=0.4,URI="p3",INDEPENDENT=YES
#EXT-X-PRELOAD-HINT:TYPE=PART,URI="p4"
"""


def test_a_playlist_is_read() -> None:
    read = playlist.media(PLAYLIST)
    first, second = read.segments
    assert (first.number, first.uri, first.map, first.duration) == (7, "s7", "init0.mp4", 1.0)
    assert [part.at - first.at for part in first.parts] == [0.0, 0.5]
    assert (second.number, second.uri, second.map) == (8, "", "init1.mp4")
    assert second.discontinuity
    assert second.at == first.at + 1.0
    assert read.next() == (8, 1)
    whole = PLAYLIST.partition("#EXT-X-DISCONTINUITY")[0]
    assert playlist.media(whole).next() == (8, 0)
    assert (read.part_target, read.ended) == (0.5, False)
    with pytest.raises(ValueError, match="no HLS"):
        playlist.media("<html>")


def test_the_best_quality_is_chosen() -> None:
    text = (
        "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1,RESOLUTION=640x360\nlow\n"
        '#EXT-X-STREAM-INF:BANDWIDTH=9,CODECS="avc1.64001f,mp4a.40.2",FRAME-RATE=29.970\nhigh\n'
    )
    best = playlist.variants(text)[0]
    assert (best.uri, best.codecs, best.frame_rate) == ("high", "avc1.64001f,mp4a.40.2", 29.97)


HALF = playlist.Variant("v1", 5, "avc1.64001e", 854, 480, 30.0)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (("", ""), "stream_quality"),
        (("TARGETDURATION:2", "TARGETDURATION:3"), "stream_quality_apart"),
        (("00:00:00.000Z", "00:00:00.030Z"), "stream_quality"),
        (("00:00:00.000Z", "00:00:00.040Z"), "stream_quality_apart"),
        (("MEDIA-SEQUENCE:7", "MEDIA-SEQUENCE:9"), "stream_quality_apart"),
        (('"p3",INDEPENDENT=YES', '"p3"'), "stream_quality_keyframes"),
        (("#EXTM3U", "503"), "stream_quality_missing"),
    ],
)
def test_another_quality_is_compared(change: tuple[str, str], code: str) -> None:
    source = playlist.media(PLAYLIST)
    seen = look_at(source, [HALF], lambda uri: playlist.media(PLAYLIST.replace(*change)))
    (finding,) = [each for each in judge(replace(GOOD, others=seen)) if "Quality" in each.subject]
    assert (finding.code, finding.subject) == (code, "Quality 854x480")
    assert finding.level is (Level.OK if code == "stream_quality" else Level.WARNING)
    assert finding.advice or finding.level is Level.OK


async def key_of(site: SiteProcess) -> str:
    async with Site.offline(load_config(site.config, {})) as offline:
        channel = await offline.channels.by_name(ADMIN)
        assert channel is not None
        return await offline.channels.stream_key(channel.id)


async def test_a_stream_with_rare_key_frames_and_no_sound(site: SiteProcess) -> None:
    """Seen through a real site, from a real encoder: 5 s from key frame to key frame."""
    key = await key_of(site)
    await site.start()
    try:
        config = load_config(site.config, {})
        nothing = {each.finding.code for each in await asyncio.to_thread(examine, config, ADMIN)}
        assert "stream_none" in nothing
        options = ("--size", "512x288", "--fps", "20", "--gop", "5", "--no-audio")
        async with publishing(site.rtmp_url(key), *options):
            async with asyncio.timeout(20):
                path = f"/api/v1/channels/{ADMIN}/status"
                while '"state":"live"' not in await site.get(path):  # noqa: ASYNC110
                    await asyncio.sleep(0.1)
            looked = await asyncio.to_thread(examine, config, ADMIN, 7.0)
    finally:
        await site.stop()
    found = {each.finding.code: each.finding for each in looked}
    assert found["stream_no_audio"].level is Level.WARNING
    assert found["stream_keyframes_far"].sentence.startswith("your keyframe interval is 5")
    assert "H.264, 512x288" in found["stream_video"].sentence
    assert "stream_delay" in found or "stream_late" in found


def test_a_site_that_does_not_run(tmp_path: object) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
    done = run_command("doctor", "--channel", "x", "--json", METROPOLE_BIND=f"127.0.0.1:{port}")
    assert done.returncode == 1
    assert [each["code"] for each in json.loads(done.stdout)] == ["site_down"]
