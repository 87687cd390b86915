"""Looks into the parts of a stream with PyAV: frames, key frames, sizes, the loudness of sound."""

from __future__ import annotations

import io
import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import av

JUMP = 0.5
"""Seconds between two frames that are a gap."""
LOUDNESS_SECONDS = 4.0


@dataclass(frozen=True, slots=True)
class Packets:
    """Packets of one track: decode and presentation times in seconds, sizes in octets, and which
    ones are key frames."""

    dts: tuple[float, ...]
    pts: tuple[float, ...]
    sizes: tuple[int, ...]
    keys: tuple[bool, ...]

    @property
    def seconds(self) -> float:
        """From the first to the end of the last."""
        if len(self.dts) < 2:
            return 0.0
        span = self.dts[-1] - self.dts[0]
        return span * len(self.dts) / (len(self.dts) - 1)

    @property
    def rate(self) -> float:
        """Packets a second."""
        return len(self.dts) / self.seconds if self.seconds else 0.0

    @property
    def bit_rate(self) -> int:
        """Bits a second."""
        return int(sum(self.sizes) * 8 / self.seconds) if self.seconds else 0

    def peak(self) -> int:
        """Bits in the worst second."""
        worst = octets = begin = 0
        for end, size in enumerate(self.sizes):
            octets += size
            while self.dts[end] - self.dts[begin] > 0.999:
                octets -= self.sizes[begin]
                begin += 1
            worst = max(worst, octets)
        return worst * 8

    def key_intervals(self) -> tuple[tuple[float, ...], float]:
        """Seconds from key frame to key frame, and since the last one."""
        at = sorted(time for time, key in zip(self.pts, self.keys, strict=True) if key)
        between = tuple(b - a for a, b in itertools.pairwise(at))
        end = max(self.pts, default=0.0)
        return between, end - (at[-1] if at else min(self.pts, default=0.0))

    def jumps(self) -> int:
        """Places where the decode time jumps."""
        return sum(abs(b - a) > JUMP for a, b in zip(self.dts, self.dts[1:], strict=False))

    def reordered(self) -> bool:
        """Whether frames are shown in another order than they come."""
        return list(self.pts) != sorted(self.pts)


@dataclass(frozen=True, slots=True)
class Sound:
    """The audio track beside its packets."""

    codec: str
    sample_rate: int
    channels: int
    peak_db: float | None


@dataclass(frozen=True, slots=True)
class Inside:
    """What is inside."""

    width: int
    height: int
    video: Packets | None
    audio: Packets | None
    sound: Sound | None


def look_inside(init: bytes, pieces: Sequence[bytes]) -> Inside | None:
    """Take apart an initialisation segment and what follows it; None without PyAV, or when it
    cannot be read."""
    try:
        import av
    except ImportError:
        return None
    try:
        with av.open(io.BytesIO(b"".join([init, *pieces])), mode="r", format="mp4") as container:
            return _look(container)
    except av.error.FFmpegError:
        return None


def _look(container: av.container.InputContainer) -> Inside:
    streams = [*container.streams.video[:1], *container.streams.audio[:1]]
    rows: dict[int, list[tuple[float, float, int, bool]]] = {each.index: [] for each in streams}
    tail: list[av.Packet[Any]] = []
    for packet in container.demux(streams):
        if packet.dts is None or packet.pts is None or packet.time_base is None:
            continue
        base = float(packet.time_base)
        row = (packet.dts * base, packet.pts * base, packet.size, packet.is_keyframe)
        rows[packet.stream.index].append(row)
        if packet.stream.type == "audio":
            tail.append(packet)
            while tail and row[0] - (tail[0].dts or 0) * base > LOUDNESS_SECONDS:
                tail.pop(0)
    width = height = 0
    video = audio = sound = None
    for stream in container.streams.video[:1]:
        width, height = stream.codec_context.width, stream.codec_context.height
        video = _packets(rows[stream.index])
    for heard in container.streams.audio[:1]:
        audio = _packets(rows[heard.index])
        context = heard.codec_context
        sound = Sound(context.name, context.sample_rate, context.channels, _loudness(tail))
    return Inside(width, height, video, audio, sound)


def _packets(rows: Sequence[tuple[float, float, int, bool]]) -> Packets | None:
    if not rows:
        return None
    dts, pts, sizes, keys = zip(*rows, strict=True)
    return Packets(dts, pts, sizes, keys)


def _loudness(packets: Sequence[av.Packet[Any]]) -> float | None:
    """The loudest sample in dB below full scale; None when it cannot be decoded."""
    import av

    peak = 0
    heard = False
    resampler = av.AudioResampler(format="s16", layout="mono")
    try:
        for packet in packets:
            for frame in packet.decode():
                for plain in resampler.resample(frame):  # type: ignore[arg-type]
                    heard = True
                    samples = memoryview(bytes(plain.planes[0])).cast("h")[: plain.samples]
                    peak = max(peak, max(samples, default=0), -min(samples, default=0))
    except av.error.FFmpegError:
        return None
    if not heard:
        return None
    return 20 * math.log10(peak / 32768) if peak else -120.0
