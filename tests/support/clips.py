"""Short clips of every codec that an encoder may send, made by FFmpeg's libraries.

    source = clip("hevc-pq", "opus")        # tracks and packets, as an ingest makes them
    octets = flv("av1", "aac")              # a file, to be published as it is

Video: "h264", "h264-b" (with B-frames), "h264-lean" (fewer octets, for very large pictures),
"hevc", "hevc-b", "hevc-pq" (HDR10, 10 bits), "av1", "av1-pq", "vp9"; "" for none. Audio: "aac",
"opus", "opus-5.1", or "opus" with the milliseconds of a packet behind it ("opus60"); "" for none.
Encoding one takes some hundredths of a second; each is made once a session.
"""

from __future__ import annotations

import io
import os
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import av

from tests.support.encoded import Encoded, read_flv, tones

MASTERING = "G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,1)"
MASTERING_AV1 = "G(0.265,0.69)B(0.15,0.06)R(0.68,0.32)WP(0.3127,0.329)L(1000.0,0.0001)"
BT_2020, PQ, BT_2020_NCL = 9, 16, 9


@dataclass(frozen=True)
class Kind:
    """How a codec is encoded."""

    encoder: str
    options: dict[str, str] = field(default_factory=dict)
    hdr: bool = False


def _x264(bframes: int, more: str = "") -> Kind:
    parameters = f"scenecut=0:bframes={bframes}{more}"
    return Kind("libx264", {"preset": "ultrafast", "x264-params": parameters})


def _x265(bframes: int, more: str = "", hdr: bool = False) -> Kind:
    parameters = f"log-level=none:pools=1:frame-threads=1:scenecut=0:bframes={bframes}{more}"
    return Kind("libx265", {"preset": "ultrafast", "x265-params": parameters}, hdr)


def _svtav1(more: str, hdr: bool = False) -> Kind:
    # Preset 12 with hidden frames makes streams that dav1d refuses after 17 or 47 frames.
    return Kind("libsvtav1", {"preset": "10", "svtav1-params": f"lp=1{more}"}, hdr)


KINDS = {
    "h264": _x264(0),
    "h264-b": _x264(2),
    "h264-lean": _x264(0, ":crf=38"),
    "hevc": _x265(0),
    "hevc-b": _x265(2),
    "hevc-pq": _x265(
        0,
        ":colorprim=bt2020:transfer=smpte2084:colormatrix=bt2020nc:max-cll=1000,400"
        f":master-display={MASTERING}",
        hdr=True,
    ),
    "av1": _svtav1(":pred-struct=1"),  # low delay
    "av1-pq": _svtav1(
        ":color-primaries=9:transfer-characteristics=16:matrix-coefficients=9"
        f":content-light=1000,400:mastering-display={MASTERING_AV1}",
        hdr=True,
    ),
    "vp9": Kind("libvpx-vp9", {"deadline": "realtime", "cpu-used": "8", "lag-in-frames": "0"}),
}


def clip(
    video: str = "h264",
    audio: str = "aac",
    seconds: float = 2.0,
    fps: int = 30,
    gop: int = 30,
    size: tuple[int, int] = (320, 180),
) -> Encoded:
    """A clip as an ingest hands it on."""
    return _read(flv(video, audio, seconds, fps, gop, size))


@lru_cache(maxsize=32)
def flv(
    video: str = "h264",
    audio: str = "aac",
    seconds: float = 2.0,
    fps: int = 30,
    gop: int = 30,
    size: tuple[int, int] = (320, 180),
) -> bytes:
    """A clip as a file of (enhanced) FLV: that rounds times as RTMP does."""
    os.environ.setdefault("SVT_LOG", "1")  # errors only
    file = io.BytesIO()
    with av.open(file, "w", format="flv") as out:
        streams: list[tuple[Any, list[Any]]] = []
        if video:
            streams.append(_picture(out, KINDS[video], seconds, fps, gop, size))
        if audio:
            streams.append(_sound(out, audio, seconds))
        encoded = [
            p for stream, frames in streams for f in (*frames, None) for p in stream.encode(f)
        ]
        for packet in sorted(encoded, key=lambda p: float(p.dts * p.time_base)):
            out.mux(packet)
    return file.getvalue()


@lru_cache(maxsize=32)
def _read(file: bytes) -> Encoded:
    return read_flv(io.BytesIO(file))


def _picture(
    out: Any, kind: Kind, seconds: float, fps: int, gop: int, size: tuple[int, int]
) -> tuple[Any, list[Any]]:
    stream = out.add_stream(kind.encoder, rate=fps)
    pixels = "yuv420p10le" if kind.hdr else "yuv420p"
    stream.width, stream.height, stream.pix_fmt = *size, pixels
    stream.options = kind.options
    context = stream.codec_context
    context.gop_size, context.thread_count = gop, 1
    if kind.hdr:
        context.color_primaries, context.color_trc = BT_2020, PQ
        context.colorspace = BT_2020_NCL
    # Brightness that rises and falls, and moves: each row, and each frame, begins further on.
    slope = (*range(16, 232, 2), *range(232, 16, -2))
    ramp = bytes(slope) * (max(size) // len(slope) + 3)
    octets = 2 if kind.hdr else 1
    if kind.hdr:  # 10 bits lie in two octets, the lower ones first
        ramp = b"".join((level * 4).to_bytes(2, "little") for level in ramp)
    frames = []
    for number in range(round(seconds * fps)):
        frame = av.VideoFrame(*size, pixels)
        for plane in frame.planes:
            starts = (
                (row // 2 + number * 3) % len(slope) * octets
                for row in range(plane.buffer_size // plane.line_size)
            )
            plane.update(b"".join(ramp[start : start + plane.line_size] for start in starts))
        frame.pts = number
        frames.append(frame)
    return stream, frames


def _sound(out: Any, kind: str, seconds: float) -> tuple[Any, list[Any]]:
    layout = "5.1" if kind.endswith("5.1") else "stereo"
    if kind == "aac":
        return out.add_stream("aac", rate=48_000, layout=layout), tones(seconds, 48_000, layout)
    stream = out.add_stream("libopus", rate=48_000, layout=layout)
    if length := kind.removeprefix("opus").removesuffix("-5.1"):
        stream.options = {"frame_duration": length}
    return stream, tones(seconds, 48_000, layout, "flt", round(48 * float(length or 20)))
