"""Real encoders: FFmpeg's library by way of PyAV, and Debian's ffmpeg."""

from __future__ import annotations

import itertools
import sys

import av
import pytest

from metropole_core.contracts.publishing import Refusal
from tests.support.publisher import publishing
from tests.support.publisher import running as running_encoder
from tests.support.rtmp_listener import Running, Until
from tests.support.rtmp_socket import connected

SMALL = ("--size", "512x288", "--fps", "25", "--bitrate", "300000")


async def test_a_broadcast_from_beginning_to_end(running: Running, until: Until) -> None:
    follower = running.doors.follow("secret")
    async with publishing(running.url("secret"), *SMALL, "--b-frames", "2") as publisher:
        await until(lambda: follower.keys() >= 2)
        assert await publisher.stop() == 0
    assert running.doors.asked == [("rtmp", "secret", "127.0.0.1")]
    assert [stay.outcome for stay in running.doors.stays["secret"]] == ["ended"]
    assert follower.interrupted == 1
    video, audio = follower.tracks
    assert (video.codec[:5], video.width, video.height) == ("avc1.", 512, 288)
    assert video.frame_rate == pytest.approx(25)
    assert (audio.codec, audio.sample_rate, audio.channels) == ("mp4a.40.2", 48000, 2)
    pictures = [packet for packet in follower.packets if packet.track == 0]
    assert [packet.dts for packet in pictures] == sorted({packet.dts for packet in pictures})
    assert any(packet.pts != packet.dts for packet in pictures)
    # Every frame that was sent decodes.
    decoder = av.CodecContext.create("h264", "r")
    decoder.extradata = video.config
    frames = [
        frame for packet in pictures for frame in decoder.decode(av.Packet(bytes(packet.data)))
    ]
    frames += decoder.decode(None)
    assert len(frames) == len(pictures)
    assert all(not frame.is_corrupt for frame in frames)


async def test_an_encoder_that_dies_comes_back(running: Running, until: Until) -> None:
    follower = running.doors.follow("secret")
    async with publishing(running.url("secret"), *SMALL) as publisher:
        await until(lambda: follower.keys() >= 1)
        publisher.kill()
    stays = running.doors.stays["secret"]
    await until(lambda: stays[0].outcome)
    assert stays[0].outcome is not None
    assert stays[0].outcome.startswith("lost: ")
    seen = len(follower.packets)
    async with publishing(running.url("secret"), *SMALL) as publisher:
        await until(lambda: len(follower.packets) > seen + 25)
    # One timeline without a hole or a step back, though the encoder began at 0 again.
    stamps = [packet.dts for packet in follower.packets if packet.track == 0]
    assert stamps == sorted(stamps)
    assert max(b - a for a, b in itertools.pairwise(stamps)) < 500


async def test_a_refused_encoder_gives_up(running: Running) -> None:
    running.doors.refusals["wrong"] = Refusal("bad_key", "Copy the stream key again.")
    async with publishing(running.url("wrong"), *SMALL) as publisher:
        status, complaints = await publisher.wait()
    assert status == 1
    assert "wrong" not in complaints
    assert running.doors.stays == {}


async def test_the_ffmpeg_program(running: Running, until: Until) -> None:
    follower = running.doors.follow("secret")
    source = ("-re", "-f", "lavfi", "-i", "testsrc2=size=320x240:rate=25")
    tone = ("-f", "lavfi", "-i", "sine=sample_rate=44100")
    how = ("-c:v", "libx264", "-preset", "ultrafast", "-g", "25", "-pix_fmt", "yuv420p")
    output = ("-c:a", "aac", "-t", "2", "-f", "flv", running.url("secret"))
    async with running_encoder("ffmpeg", "-v", "error", *source, *tone, *how, *output) as publisher:
        assert await publisher.wait() == (0, "")
    assert len([packet for packet in follower.packets if packet.track == 0]) == 50
    assert follower.keys() == 2
    assert follower.tracks[1].sample_rate == 44100
    assert running.doors.stays["secret"][0].outcome == "ended"


OLD = """
import sys, av
with av.open(sys.argv[1], "w", format="flv") as output:
    stream = output.add_stream("flv", rate=25)
    stream.width, stream.height, stream.pix_fmt = 320, 240, "yuv420p"
    for number in range(500):
        frame = av.VideoFrame(320, 240, "yuv420p")
        frame.pts = number
        output.mux(stream.encode(frame))
"""


async def test_another_codec_is_refused_in_words(
    running: Running, until: Until, caplog: pytest.LogCaptureFixture
) -> None:
    async with running_encoder(sys.executable, "-c", OLD, running.url("secret")):
        await until(lambda: running.doors.stays.get("secret"))
        stay = running.doors.stays["secret"][0]
        await until(lambda: stay.outcome)
    assert stay.outcome is not None
    assert "Sorenson H.263" in stay.outcome
    assert "H.264" in caplog.text


async def test_several_at_once_and_one_misbehaves(running: Running, until: Until) -> None:
    one, two = running.doors.follow("one"), running.doors.follow("two")
    async with (
        publishing(running.url("one"), *SMALL),
        publishing(running.url("two"), *SMALL, "--no-audio"),
    ):
        await until(lambda: one.keys() and two.keys())
        async with connected(running.port) as bad:
            await bad.go_live("bad")
            await bad.send(b"\xff" * 4096)
            await bad.closed()
        before = len(one.packets), len(two.packets)
        await until(lambda: len(one.packets) > before[0] + 25 and len(two.packets) > before[1] + 25)
    assert [stay.outcome for stay in running.doors.stays["bad"]] != ["ended"]
    assert [track.kind for track in two.tracks] == ["video"]
