"""Every codec through the packager: what comes out is what went in, and other software plays it."""

from __future__ import annotations

import hashlib
import io
import itertools
import json
import subprocess
from pathlib import Path

import av
import pytest

from metropole_media.live import Packet
from metropole_media.timeline import BASE_SECONDS, VIDEO_TIMESCALE
from tests.support.clips import KINDS, clip, flv
from tests.support.encoded import Encoded
from tests.support.packaging import Chain, Taken

BASE = BASE_SECONDS * VIDEO_TIMESCALE
SECONDS = 1.2
AUDIO = ["aac", "opus", "opus60", "opus2.5", "opus-5.1"]


def taken(source: Encoded) -> Taken:
    chain = Chain()
    chain.send(chain.publish(*source.tracks), source.packets)
    chain.stream.end()
    assert len(chain.taken.inits) == 1
    return chain.taken


def digests(packets: list[Packet] | list[av.Packet]) -> list[str]:
    datas = [p.data if isinstance(p, Packet) else bytes(p) for p in packets]
    return [hashlib.sha256(data).hexdigest() for data in datas]


@pytest.mark.parametrize("kind", KINDS)
def test_every_picture_comes_out_at_its_time_and_is_decoded(kind: str, tmp_path: Path) -> None:
    source = clip(kind, "opus", SECONDS, gop=20)
    data = taken(source).file()
    with av.open(io.BytesIO(data)) as read:
        stream = read.streams.video[0]
        got = [packet for packet in read.demux(stream) if packet.size]
    sent = source.of(0)
    start = source.packets[0].dts
    assert digests(got) == digests(sent)
    assert [p.is_keyframe for p in got] == [p.key for p in sent]
    assert [p.pts for p in got] == [(p.pts - start) * 90 + BASE for p in sent]
    if kind != "vp9":  # FFmpeg looks for a duration inside the frames
        for one, other in itertools.pairwise(got):
            assert one.dts + one.duration == other.dts
    with av.open(io.BytesIO(data)) as read:
        read.streams.video[0].codec_context.options = {"err_detect": "explode"}
        frames = list(read.decode(video=0))
    assert {(f.width, f.height) for f in frames} == {(320, 180)}
    assert len(frames) == len(sent) == 36
    file = tmp_path / "clip.mp4"
    file.write_bytes(data)
    assert probe(file)["streams"][0]["nb_read_frames"] == "36"


@pytest.mark.parametrize("kind", AUDIO)
def test_every_sound_comes_out_at_its_time_and_is_decoded(kind: str, tmp_path: Path) -> None:
    source = clip("", kind, SECONDS)
    data = taken(source).file()
    with av.open(io.BytesIO(data)) as read:
        got = [packet for packet in read.demux() if packet.size]
    assert digests(got) == digests(source.of(100))
    for one, other in itertools.pairwise(got):
        assert one.dts + one.duration == other.dts
    start = source.packets[0].dts
    for p, s in zip(got, source.of(100), strict=True):
        assert abs(p.pts - 48_000 * (BASE_SECONDS + (s.pts - start) / 1000)) <= 60
    with av.open(io.BytesIO(data)) as read:
        channels = read.streams.audio[0].codec_context.channels
        samples = sum(frame.samples for frame in read.decode(audio=0))
    assert channels == source.tracks[0].channels
    assert abs(samples - SECONDS * 48_000) <= 3_000
    file = tmp_path / "clip.mp4"
    file.write_bytes(data)
    # The first 2.5 ms lie before what is heard.
    assert len(got) - int(probe(file)["streams"][0]["nb_read_frames"]) <= 1


@pytest.mark.parametrize("kind", ["hevc-pq", "av1-pq"])
def test_what_is_bright_is_told(kind: str, tmp_path: Path) -> None:
    file = tmp_path / "clip.mp4"
    # Without frames nothing but the sample entry can say it.
    file.write_bytes(taken(clip(kind, "")).inits[0].data)
    stream = probe(file, counted=False)["streams"][0]
    assert stream["color_space"] == "bt2020nc"
    assert stream["color_transfer"] == "smpte2084"
    assert stream["color_primaries"] == "bt2020"
    mastering, light = stream["side_data_list"]
    assert (light["max_content"], light["max_average"]) == (1000, 400)
    assert mastering["red_x"] == "34000/50000"
    assert mastering["green_y"] == "34500/50000"
    assert mastering["max_luminance"] == "10000000/10000"
    assert mastering["min_luminance"] == "1/10000"


@pytest.mark.parametrize("kind", [kind for kind in KINDS if not kind.startswith("hevc")])
def test_ffmpeg_writes_the_same_strings(kind: str, tmp_path: Path) -> None:
    """Its HLS muxer names no HEVC that it did not encode itself."""
    octets = flv(kind, "opus", SECONDS, gop=20)
    options = {"hls_segment_type": "fmp4", "master_pl_name": "main.m3u8"}
    with (
        av.open(io.BytesIO(octets)) as read,
        av.open(str(tmp_path / "media.m3u8"), "w", format="hls", options=options) as out,
    ):
        streams = [out.add_stream_from_template(s, opaque=True) for s in read.streams]
        for packet in read.demux():
            if packet.dts is not None:
                packet.stream = streams[packet.stream.index]
                out.mux_one(packet)
    codecs = ",".join(track.codec for track in clip(kind, "opus", SECONDS, gop=20).tracks)
    assert f'CODECS="{codecs}"' in (tmp_path / "main.m3u8").read_text()


def probe(file: Path, *, counted: bool = True) -> dict:
    """What the distribution's ffprobe says, which must not complain."""
    count = ["-count_frames"] if counted else []
    done = subprocess.run(
        ["ffprobe", "-v", "error" if counted else "quiet", *count, "-show_streams", "-of", "json",
         file],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.stderr == ""
    return json.loads(done.stdout)
