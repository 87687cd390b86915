"""Real encodes as an RTMP encoder would send them: H.264 and AAC, time stamps in milliseconds."""

from __future__ import annotations

import array
import io
import math
import random
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from typing import Any

import av

from metropole_media.codecs.aac import parse_asc
from metropole_media.codecs.avc import parse_avcc
from metropole_media.live import Packet, Track

RATE = 48_000


@dataclass(frozen=True)
class Encoded:
    """What an encoder sends.

    Fields:
        tracks: video 0 and audio 100, as far as there is any.
        packets: in the order of sending.
    """

    tracks: tuple[Track, ...]
    packets: tuple[Packet, ...]

    def of(self, track: int) -> list[Packet]:
        return [packet for packet in self.packets if packet.track == track]


@lru_cache(maxsize=16)
def encode(
    fps: int | Fraction = 30,
    seconds: float = 4.0,
    gop: int = 60,
    bframes: int = 0,
    audio: bool = True,
    video: bool = True,
    size: tuple[int, int] = (160, 90),
    x264: str = "",
    rate: int = RATE,
    layout: str = "stereo",
    take: int = 0,
) -> Encoded:
    """Encode noise and a tone, written as FLV and read back: that rounds as RTMP does.

    Arguments:
        x264: further x264 parameters, "name=value:name=value".
        rate, layout: of the sound.
        take: another number gives other octets.
    """
    file = io.BytesIO()
    with av.open(file, "w", format="flv") as out:
        streams: list[tuple[Any, list[Any]]] = []
        if video:
            streams.append(_video(out, fps, seconds, gop, bframes, size, x264, take))
        if audio:
            streams.append(_audio(out, seconds, rate, layout, take))
        encoded = [
            p for stream, frames in streams for f in [*frames, None] for p in stream.encode(f)
        ]
        for packet in sorted(encoded, key=lambda p: float(p.dts * p.time_base)):
            out.mux(packet)
    file.seek(0)
    return _read(file)


def _video(
    out: Any,
    fps: int | Fraction,
    seconds: float,
    gop: int,
    bframes: int,
    size: tuple[int, int],
    x264: str,
    take: int,
) -> tuple[Any, list[Any]]:
    stream = out.add_stream("libx264", rate=fps)
    stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
    stream.codec_context.gop_size = gop
    stream.codec_context.max_b_frames = bframes
    parameters = f"scenecut=0:bframes={bframes}" + (f":{x264}" if x264 else "")
    stream.options = {"preset": "ultrafast", "x264-params": parameters}
    noise = random.Random(7 + take)
    frames = []
    for number in range(round(seconds * fps)):
        frame = av.VideoFrame(*size, "yuv420p")
        for plane in frame.planes:
            plane.update(noise.randbytes(plane.buffer_size))
        frame.pts = number
        frames.append(frame)
    return stream, frames


def _audio(out: Any, seconds: float, rate: int, layout: str, take: int) -> tuple[Any, list[Any]]:
    stream = out.add_stream("aac", rate=rate, layout=layout)
    frames = []
    for number in range(int(seconds * rate) // 1024):
        at = range(number * 1024, (number + 1) * 1024)
        # A tone that rises, so that no two packets are alike.
        hertz = [440 + 99 * take + n / rate * 20 for n in at]
        wave = array.array(
            "f",
            (math.sin(n / rate * f * 2 * math.pi) * 0.3 for n, f in zip(at, hertz, strict=True)),
        )
        frame = av.AudioFrame(format="fltp", layout=layout, samples=1024)
        for plane in frame.planes:
            plane.update(wave.tobytes())
        frame.sample_rate, frame.pts = rate, number * 1024
        frames.append(frame)
    return stream, frames


def _read(file: io.BytesIO) -> Encoded:
    with av.open(file, "r", format="flv") as source:
        tracks, numbers = [], {}
        for stream in source.streams:
            config = bytes(stream.codec_context.extradata or b"")
            if stream.type == "video":
                avc = parse_avcc(config)
                numbers[stream.index] = 0
                tracks.append(
                    Track(0, "video", "avc1", avc.codec, 1000, config, width=avc.width,
                          height=avc.height, frame_rate=avc.frame_rate)
                )  # fmt: skip
            else:
                aac = parse_asc(config)
                numbers[stream.index] = 100
                tracks.append(
                    Track(100, "audio", "mp4a", aac.codec, 1000, config, channels=aac.channels,
                          sample_rate=aac.sample_rate, samples_per_packet=aac.samples_per_packet)
                )  # fmt: skip
        packets = [
            Packet(numbers[p.stream.index], p.dts, p.pts, p.is_keyframe, bytes(p))
            for p in source.demux()
            if p.dts is not None and p.size
        ]
    return Encoded(tuple(sorted(tracks, key=lambda track: track.id)), tuple(packets))
