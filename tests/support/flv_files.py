"""Short files of any codecs and any number of tracks, as FFmpeg writes them for RTMP.

    file = flv_file(("libx265", "libsvtav1"), ("aac", "libopus"))
    async with sending(file, "rtmp://127.0.0.1:1935/live/KEY") as encoder:
        await encoder.wait()

From a shell: `python -m tests.support.flv_files FILE URL` publishes a file as fast as it can, with
`live` behind it in its own time.
"""

from __future__ import annotations

import io
import sys
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from tests.support.publisher import PublisherProcess, running

FPS = 25
OPTIONS = {
    "libx264": {"preset": "ultrafast", "x264-params": "bframes=2:keyint=12:scenecut=0"},
    "libx265": {
        "preset": "ultrafast",
        "x265-params": "log-level=none:pools=1:frame-threads=1:bframes=2:keyint=12:scenecut=0",
    },
    "libsvtav1": {"preset": "12", "svtav1-params": "lp=1:keyint=12"},
    "libvpx-vp9": {"deadline": "realtime", "cpu-used": "8", "lag-in-frames": "0", "g": "12"},
}


@dataclass(frozen=True)
class Sent:
    """One packet of the file: track, times in milliseconds, payload."""

    track: int
    dts: int
    pts: int
    key: bool
    data: bytes


@dataclass(frozen=True)
class FlvFile:
    """A file.

    Fields:
        configs: decoder configuration by track, b"" where FFmpeg keeps none.
        packets: by track, numbered as a `LiveStream` does.
    """

    octets: bytes
    configs: dict[int, bytes]
    packets: dict[int, list[Sent]]


def read_file(octets: bytes) -> FlvFile:
    """A file that somebody else made."""
    return _read(_without_end(octets))


@lru_cache(maxsize=16)
def flv_file(video: Sequence[str], audio: Sequence[str] = (), frames: int = 25) -> FlvFile:
    """Encode so many frames of each video track, the first 320 pixels wide and each further one
    less, and as much sound.

    Arguments:
        video, audio: names of FFmpeg's encoders, a tuple.
    """
    import av

    file = io.BytesIO()
    with av.open(file, "w", format="flv") as out:
        streams: list[tuple[Any, list[Any]]] = []
        for number, name in enumerate(video):
            stream: Any = out.add_stream(name, rate=FPS)
            stream.width, stream.height = 320 - 64 * number, 180 - 36 * number
            stream.pix_fmt = "yuv420p"
            stream.options = OPTIONS[name]
            streams.append((stream, [_picture(stream, n) for n in range(frames)]))
        for number, name in enumerate(audio):
            stream = out.add_stream(name, rate=48_000, layout="mono" if number else "stereo")
            length = 960 if "opus" in name else 1024
            count = frames * 48_000 // FPS // length
            streams.append((stream, [_sound(stream, n, length) for n in range(count)]))
        packets = [p for stream, each in streams for f in [*each, None] for p in stream.encode(f)]
        for packet in sorted(packets, key=lambda p: float(p.dts * p.time_base)):
            out.mux(packet)
    return _read(_without_end(file.getvalue()))


def _without_end(octets: bytes) -> bytes:
    """The file without the ends of sequences at its end: FFmpeg writes one of H.264 in the old way,
    and when it reads that again it takes it for one more track."""
    while octets:
        start = len(octets) - 4 - int.from_bytes(octets[-4:], "big")
        if octets[start] != 9 or octets[start + 11 : start + 13] != b"\x17\2":
            break
        octets = octets[:start]
    return octets


def _picture(stream: Any, number: int) -> Any:
    import av

    frame = av.VideoFrame(stream.width, stream.height, "yuv420p")
    for at, plane in enumerate(frame.planes):
        row = bytes((x * 3 + number * 7 + at * 40) % 256 for x in range(plane.line_size))
        plane.update(row * plane.height)
    frame.pts = number
    return frame


def _sound(stream: Any, number: int, length: int) -> Any:
    import av

    kind = "flt" if stream.codec_context.name == "libopus" else "fltp"
    frame = av.AudioFrame(format=kind, layout=stream.layout.name, samples=length)
    for plane in frame.planes:
        plane.update(bytes(plane.buffer_size))
    frame.sample_rate, frame.pts = 48_000, number * length
    return frame


def _read(octets: bytes) -> FlvFile:
    import av

    with av.open(io.BytesIO(octets), "r", format="flv") as source:
        numbers: dict[int, int] = {}
        configs: dict[int, bytes] = {}
        for first, kind in ((0, "video"), (100, "audio")):
            for number, stream in enumerate(s for s in source.streams if s.type == kind):
                numbers[stream.index] = first + number
                configs[first + number] = bytes(stream.codec_context.extradata or b"")
        packets: dict[int, list[Sent]] = {number: [] for number in sorted(configs)}
        for p in source.demux():
            if p.dts is not None and p.size:
                track = numbers[p.stream.index]
                packets[track].append(Sent(track, p.dts, p.pts or 0, p.is_keyframe, bytes(p)))
    return FlvFile(octets, configs, packets)


@asynccontextmanager
async def sending(file: FlvFile, url: str, *options: str) -> AsyncIterator[PublisherProcess]:
    """Publish a file with FFmpeg's library, in a process of its own; the option is "live"."""
    with tempfile.NamedTemporaryFile(suffix=".flv") as named:
        Path(named.name).write_bytes(file.octets)
        command = (sys.executable, "-m", "tests.support.flv_files", named.name, url, *options)
        async with running(*command) as encoder:
            yield encoder


def main(path: str, url: str, pace: str = "") -> None:
    """Send every packet of a file."""
    import time

    import av

    with av.open(path) as source, av.open(url, "w", format="flv") as out:
        to = {s.index: out.add_stream_from_template(s, opaque=True) for s in source.streams}
        began = time.monotonic()
        for packet in source.demux():
            if packet.dts is not None:
                if pace:
                    due = began + float(packet.dts * (packet.time_base or 0))
                    time.sleep(max(0.0, due - time.monotonic()))
                packet.stream = to[packet.stream.index]
                out.mux(packet)


if __name__ == "__main__":
    main(*sys.argv[1:])
