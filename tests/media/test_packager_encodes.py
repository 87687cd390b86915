"""Real encodes through the packager: every frame comes out as it went in, at its time."""

from __future__ import annotations

import hashlib
import io
import itertools
import subprocess
from pathlib import Path

import av
import pytest

from metropole_media.live import Packet
from metropole_media.timeline import BASE_SECONDS, VIDEO_TIMESCALE
from tests.support.encoded import Encoded, encode
from tests.support.packaging import Chain, Taken
from tests.support.playlist_check import check_history, check_with_hls_parser

BASE = BASE_SECONDS * VIDEO_TIMESCALE
SHAPES = [(24, 0), (24, 3), (25, 0), (25, 2), (30, 0), (30, 2), (60, 0), (60, 2)]


def run(source: Encoded) -> Taken:
    chain = Chain()
    chain.send(chain.publish(*source.tracks), source.packets)
    chain.stream.end()
    assert chain.taken.ended
    return chain.taken


def digests(packets: list[Packet]) -> list[str]:
    return [hashlib.sha256(packet.data).hexdigest() for packet in packets]


@pytest.mark.parametrize(("fps", "bframes"), SHAPES)
def test_every_frame_comes_out_at_its_time(fps: int, bframes: int, tmp_path: Path) -> None:
    source = encode(fps=fps, bframes=bframes, gop=fps * 2)
    taken = run(source)
    data = taken.file()

    with av.open(io.BytesIO(data)) as read:
        video, audio = read.streams.video[0], read.streams.audio[0]
        pictures, sounds = video.index, audio.index
        found: dict[int, list[av.Packet]] = {pictures: [], sounds: []}
        for packet in read.demux():
            if packet.size:
                found[packet.stream.index].append(packet)
        assert (video.width, video.height) == (160, 90)
        assert audio.codec_context.sample_rate == 48_000

    sent = source.of(0)
    start = source.packets[0].dts  # LiveStream begins its timeline there
    got = found[pictures]
    assert [hashlib.sha256(bytes(p)).hexdigest() for p in got] == digests(sent)
    assert [p.is_keyframe for p in got] == [p.key for p in sent]
    # What is shown when is exact to the tick; decode times have no hole and never pass it.
    assert [p.pts for p in got] == [(p.pts - start) * 90 + BASE for p in sent]
    for one, other in itertools.pairwise(got):
        assert one.dts + one.duration == other.dts
    for p, s in zip(got, sent, strict=True):
        assert p.pts >= p.dts
        assert abs(p.dts - ((s.dts - start) * 90 + BASE)) <= 270

    heard = source.of(100)[-len(found[sounds]) :]
    got = found[sounds]
    assert len(source.of(100)) - len(got) <= 4, "only sound before the first key frame is missing"
    assert [hashlib.sha256(bytes(p)).hexdigest() for p in got] == digests(heard)
    assert {b.dts - a.dts for a, b in itertools.pairwise(got)} == {1024}
    for p, s in zip(got, heard, strict=True):
        assert abs(p.pts - 48_000 * (BASE_SECONDS + (s.pts - start) / 1000)) <= 48

    file = tmp_path / "stream.mp4"
    file.write_bytes(data)
    done = subprocess.run(
        ["ffmpeg", "-v", "warning", "-xerror", "-i", file,
         "-fps_mode", "passthrough", "-enc_time_base", "-1", "-f", "null", "-"],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(("fps", "bframes"), SHAPES)
def test_the_playlists_keep_every_rule(fps: int, bframes: int) -> None:
    taken = run(encode(fps=fps, bframes=bframes, gop=fps * 2))
    playlists = check_history(taken.snapshots)
    assert playlists[-1].ended
    assert playlists[-1].target == 2
    assert taken.health == []
    whole = taken.durations()[:-1]
    assert whole == pytest.approx([2.0] * len(whole), abs=0.003)
    assert taken.inits[0].frame_rate == pytest.approx(fps, rel=0.002)
    check_with_hls_parser(taken.snapshots)


@pytest.mark.parametrize("fps", [24, 25, 30, 60])
def test_a_part_is_complete_with_its_last_frame(fps: int) -> None:
    """Nobody waits for the frame behind it."""
    source = encode(fps=fps, gop=fps * 2)
    chain = Chain()
    publisher = chain.publish(*source.tracks)
    per_part = round(0.2 * fps)
    seen, handed = 0, 0
    for packet in source.packets:
        before = len(chain.taken.parts)
        chain.send(publisher, [packet])
        seen += packet.track == 0
        # The first frames wait until the frame rate is known.
        if len(chain.taken.parts) > before and seen > 9:
            assert packet.track == 0
            # A key frame ends what is left of a GOP that is no multiple of a part.
            assert seen % (2 * fps) % per_part == 0 or packet.key
            handed += 1
    assert handed >= 15


def test_sound_alone_is_cut_by_its_own_time() -> None:
    taken = run(encode(video=False, seconds=5.0))
    playlists = check_history(taken.snapshots)
    assert all(part.independent for part in taken.parts)
    assert taken.inits[0].part_target == pytest.approx(9 * 1024 / 48000)
    assert playlists[-1].target == 2
    assert max(taken.durations()) <= 2.1
    with av.open(io.BytesIO(taken.file())) as read:
        times = [p.dts for p in read.demux() if p.size]
    assert len(times) == len(encode(video=False, seconds=5.0).packets)
    assert {b - a for a, b in itertools.pairwise(times)} == {1024}
