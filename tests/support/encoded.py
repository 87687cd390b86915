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

from metropole_media.codecs.model import VideoConfig
from metropole_media.codecs.table import AUDIO_CODECS, VIDEO_CODECS
from metropole_media.live import Packet, Track

RATE = 48_000
FOURCC = {
    "h264": "avc1", "hevc": "hvc1", "av1": "av01", "vp9": "vp09", "aac": "mp4a", "opus": "Opus",
}  # fmt: skip
"""By FFmpeg's name."""


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
    return read_flv(file)


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
    return out.add_stream("aac", rate=rate, layout=layout), tones(seconds, rate, layout, take=take)


def tones(
    seconds: float,
    rate: int,
    layout: str,
    form: str = "fltp",
    samples: int = 1024,
    take: int = 0,
) -> list[Any]:
    """Frames of a tone that rises, so that no two packets are alike.

    Arguments:
        form: "fltp", or "flt" with the channels side by side.
        samples: in a frame.
        take: another number gives another tone.
    """
    channels = len(av.AudioLayout(layout).channels)
    frames = []
    for number in range(int(seconds * rate) // samples):
        at = range(number * samples, (number + 1) * samples)
        hertz = [440 + 99 * take + n / rate * 20 for n in at]
        each = 1 if form == "fltp" else channels
        wave = array.array(
            "f",
            (
                level
                for n, f in zip(at, hertz, strict=True)
                for level in [math.sin(n / rate * f * 2 * math.pi) * 0.3] * each
            ),
        )
        frame = av.AudioFrame(format=form, layout=layout, samples=samples)
        for plane in frame.planes:
            plane.update(wave.tobytes())
        frame.sample_rate, frame.pts = rate, number * samples
        frames.append(frame)
    return frames


def read_flv(file: io.BytesIO) -> Encoded:
    """What an ingest makes of that: tracks and packets, read as `metropole_media.codecs.table`
    says."""
    tracks: dict[int, Track] = {}
    packets = []
    with av.open(file, "r", format="flv") as source:
        records = {s.index: bytes(s.codec_context.extradata or b"") for s in source.streams}
        configs: dict[int, VideoConfig] = {}
        for packet in source.demux():
            if packet.dts is None or not packet.size:
                continue
            stream, index, key = packet.stream, packet.stream.index, packet.is_keyframe
            fourcc = FOURCC[stream.codec_context.codec.canonical_name]
            data = memoryview(bytes(packet))
            number = 0 if stream.type == "video" else 100
            if number:
                if number not in tracks:
                    tracks[number] = _sound(fourcc, records[index])
            else:
                codec = VIDEO_CODECS[fourcc]
                configs.setdefault(index, codec.parse(records[index]))
                unit = codec.read(data, configs[index], key)
                record = codec.with_sets(records[index], unit.sets)
                if number not in tracks or record is not records[index]:
                    records[index], configs[index] = record, codec.parse(record)
                    tracks[number] = _picture(fourcc, record, configs[index])
                data, key = unit.data, unit.key
            packets.append(Packet(number, packet.dts, packet.pts, key, bytes(data)))
    return Encoded(tuple(sorted(tracks.values(), key=lambda track: track.id)), tuple(packets))


def _picture(fourcc: str, record: bytes, config: VideoConfig) -> Track:
    return Track(
        0, "video", fourcc, config.codec, 1000, record, width=config.width, height=config.height,
        frame_rate=config.frame_rate, bit_depth=config.bit_depth, colour=config.colour,
    )  # fmt: skip


def _sound(fourcc: str, record: bytes) -> Track:
    config = AUDIO_CODECS[fourcc].parse(record)
    return Track(
        100, "audio", fourcc, config.codec, 1000, record, channels=config.channels,
        sample_rate=config.sample_rate, samples_per_packet=config.samples_per_packet,
    )  # fmt: skip
