"""Real encodes as two renditions: a player that changes over at a segment misses nothing."""

from __future__ import annotations

import io
import subprocess
from dataclasses import replace
from pathlib import Path

import av
import pytest

from metropole_media.following import FollowingPackager
from metropole_media.hls.window import Window, WindowLimits
from metropole_media.live import LiveStream
from metropole_media.numbers import Numbers
from metropole_media.packager import Choice
from metropole_media.segmenter import PackagerSettings
from tests.support.encoded import encode
from tests.support.packaging import Chain, Taken

SECONDS = 8.0
LARGE, SMALL = (160, 90), (96, 54)


def renditions(bframes: int, fps: int, theirs: int, delay: float) -> tuple[Taken, Taken]:
    """A source, and what a transcoder that does not reorder makes of it: in both each second
    second begins with a key frame."""
    source = encode(fps=fps, seconds=SECONDS, gop=fps * 2, bframes=bframes, size=LARGE)
    small = encode(fps=theirs, seconds=SECONDS, gop=theirs * 2, audio=False, size=SMALL)
    chain = Chain()
    taken = Taken(Window(WindowLimits(), chain.clock))
    grid = chain.packager._grid
    packager = FollowingPackager(
        taken, chain.clock, PackagerSettings(), Numbers(), grid, Choice(0, None)
    )
    feed = LiveStream("feed", chain.clock, is_rendition=True)
    feed.subscribe(packager)
    publisher, transcoder = chain.publish(*source.tracks), feed.attach()
    transcoder.describe(small.tracks)
    # On the timeline of the source, where its pictures are shown.
    shift = source.of(0)[0].pts - source.packets[0].dts
    dts, pts = small.packets[0].dts - shift, small.packets[0].pts - shift
    moved = [replace(p, dts=p.dts - dts, pts=p.pts - pts) for p in small.packets]
    rows = [((p.dts - source.packets[0].dts) / 1000, 0, publisher, p) for p in source.packets]
    rows += [(p.dts / 1000 + delay, 1, transcoder, p) for p in moved]
    for at, _, to, packet in sorted(rows, key=lambda row: row[:2]):
        chain.clock.now = max(chain.clock.now, 1000 + at)
        to.write(replace(packet))
    chain.stream.end()
    packager.on_end()
    return chain.taken, taken


def piece(taken: Taken, number: int) -> tuple[list[float], list[float]]:
    """When the pictures and the sounds of one segment are shown and heard, decoded."""
    parts = next(parts for segment, parts in taken.segments if segment.number == number)
    data = taken.inits[0].data + b"".join(part.data for part in parts)
    with av.open(io.BytesIO(data)) as read:
        seen = [frame.time for frame in read.decode(video=0) if frame.time is not None]
    with av.open(io.BytesIO(data)) as read:
        base = read.streams.audio[0].time_base
        heard = [float(p.pts * base) for p in read.demux(read.streams.audio[0]) if p.size]
    return seen, heard


@pytest.mark.parametrize(
    ("bframes", "fps", "theirs", "delay"),
    [(0, 30, 30, 0.1), (2, 30, 30, 0.8), (2, 60, 30, 0.4), (0, 25, 25, 3.0)],
)
def test_who_changes_over_misses_nothing(
    bframes: int, fps: int, theirs: int, delay: float, tmp_path: Path
) -> None:
    lead, other = renditions(bframes, fps, theirs, delay)
    assert [s.number for s, _ in lead.segments] == [s.number for s, _ in other.segments]
    for number in (1, 2, 3):
        for one, two, frame in ((lead, other, 1 / fps), (other, lead, 1 / theirs)):
            seen, heard = piece(one, number)
            seen_then, heard_then = piece(two, number + 1)
            assert seen_then[0] - seen[-1] == pytest.approx(frame, abs=0.004)
            assert heard_then[0] - heard[-1] == pytest.approx(1024 / 48_000, abs=1e-4)
    data = other.file()
    file = tmp_path / "rendition.mp4"
    file.write_bytes(data)
    done = subprocess.run(
        ["ffmpeg", "-v", "warning", "-xerror", "-i", file,
         "-fps_mode", "passthrough", "-enc_time_base", "-1", "-f", "null", "-"],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    with av.open(io.BytesIO(data)) as read:
        video = read.streams.video[0]
        assert (video.width, video.height) == SMALL
        assert sum(packet.size > 0 for packet in read.demux(video)) == SECONDS * theirs
