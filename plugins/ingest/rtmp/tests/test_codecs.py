"""Every codec and several tracks, sent by FFmpeg's library to a real listener: each packet
arrives, unchanged and at its time."""

from __future__ import annotations

import pytest

from tests.support.flv_files import flv_file, sending
from tests.support.rtmp_listener import Running, Until

DELIMITER = b"\x12\0"
"""A temporal delimiter of AV1, which samples do not hold."""


@pytest.mark.parametrize(
    ("video", "audio", "codecs"),
    [
        (("libx264",), ("aac",), ("avc1.", "mp4a.40.2")),
        (("libx265",), ("aac",), ("hvc1.", "mp4a.40.2")),
        (("libsvtav1",), ("libopus",), ("av01.", "opus")),
        (("libvpx-vp9",), ("libopus",), ("vp09.", "opus")),
        (
            ("libx265", "libx264", "libsvtav1"),
            ("aac", "aac", "libopus"),
            ("hvc1.", "avc1.", "av01.", "mp4a.40.2", "mp4a.40.2", "opus"),
        ),
    ],
    ids=["h264", "hevc", "av1", "vp9", "multitrack"],
)
async def test_all_of_it_arrives(
    running: Running,
    until: Until,
    video: tuple[str, ...],
    audio: tuple[str, ...],
    codecs: tuple[str, ...],
) -> None:
    file = flv_file(video, audio)
    follower = running.doors.follow("secret")
    async with sending(file, running.url("secret")) as encoder:
        assert await encoder.wait() == (0, "")
    await until(lambda: running.doors.stays["secret"][0].outcome)
    assert running.doors.stays["secret"][0].outcome == "ended"

    assert follower.described == 1
    assert [track.id for track in follower.tracks] == sorted(file.packets)
    for track, codec in zip(follower.tracks, codecs, strict=True):
        assert track.codec.startswith(codec)
        config = file.configs[track.id]
        if track.fourcc == "vp09":
            # What PyAV does not copy right: the matrix of colours.
            assert track.config[:9] == config[:9]
        elif track.fourcc != "av01":  # SVT-AV1 says something else in its first frame
            assert track.config == config
        if track.kind == "video":
            assert (track.width, track.height) == (320 - 64 * track.id, 180 - 36 * track.id)
        else:
            assert (track.sample_rate, track.channels) == (48_000, 2 if track.id == 100 else 1)
        arrived = [p for p in follower.packets if p.track == track.id]
        sent = file.packets[track.id]
        first = arrived[0].dts - sent[0].dts
        assert [(p.dts - first, p.pts - first, p.key, bytes(p.data)) for p in arrived] == [
            (p.dts, p.pts, p.key, p.data.removeprefix(DELIMITER)) for p in sent
        ]
    if codecs[0] in ("avc1.", "hvc1."):
        assert any(p.pts != p.dts for p in follower.packets if p.track == 0), "no B-frames"
    # All tracks of a source keep the distance that they had.
    firsts = {
        track: next(p.dts for p in follower.packets if p.track == track) - each[0].dts
        for track, each in file.packets.items()
    }
    assert len(set(firsts.values())) == 1
