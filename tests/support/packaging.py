"""A stream through the packager into a window, with a clock that goes with the packets."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace

from metropole_media.hls.playlist import media_playlist
from metropole_media.hls.window import Window, WindowLimits
from metropole_media.live import LiveStream, Packet, PublisherHandle, Track
from metropole_media.numbers import Numbers
from metropole_media.packaged import Health, Init, Part, SegmentStart
from metropole_media.packager import Packager
from metropole_media.segmenter import PackagerSettings
from tests.support.rtmp_encoder import ASC, AVCC

VIDEO = Track(0, "video", "avc1", "avc1.64001f", 1000, AVCC, width=1280, height=720)
AUDIO = Track(
    100, "audio", "mp4a", "mp4a.40.2", 1000, ASC,
    sample_rate=48000, channels=2, samples_per_packet=1024,
)  # fmt: skip
START = 1_767_225_600.0


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0
        self.ahead = 0.0
        """Seconds by which the wall clock was set."""

    def __call__(self) -> float:
        return self.now

    def wall(self) -> float:
        return START + self.now + self.ahead


@dataclass
class Taken:
    """A `PackageSink` that keeps all, and each playlist there was."""

    window: Window
    parts: list[Part] = field(default_factory=list)
    inits: list[Init] = field(default_factory=list)
    segments: list[tuple[SegmentStart, list[Part]]] = field(default_factory=list)
    health: list[Health] = field(default_factory=list)
    snapshots: list[str] = field(default_factory=list)
    targets: set[int] = field(default_factory=set)
    ended: bool = False
    on: Callable[[Part], None] = lambda part: None

    def on_init(self, init: Init) -> None:
        self.inits.append(init)
        self.window.add_init(init)

    def on_segment_begin(self, segment: SegmentStart) -> None:
        self.segments.append((segment, []))
        self.window.begin_segment(segment)

    def on_part(self, part: Part) -> None:
        self.parts.append(part)
        self.segments[-1][1].append(part)
        self.window.add_part(part)
        self.on(part)
        if not part.last:
            self._snap()

    def on_segment_end(self, target_duration: int) -> None:
        self.targets.add(target_duration)
        self.window.end_segment(target_duration)
        self._snap()

    def on_restart(self) -> None:
        self.window.restart()

    def on_health(self, code: Health) -> None:
        self.health.append(code)

    def on_end(self) -> None:
        self.ended = True
        self.window.end()
        self._snap()

    def _snap(self) -> None:
        if self.window.target_duration:
            self.snapshots.append(media_playlist(self.window))

    def durations(self) -> list[float]:
        """Of the segments."""
        return [sum(part.duration for part in parts) for _, parts in self.segments]

    def file(self, init: int = 0) -> bytes:
        """Init segment and all parts."""
        return self.inits[init].data + b"".join(part.data for part in self.parts)


class Chain:
    """LiveStream, packager, window."""

    def __init__(
        self,
        settings: PackagerSettings | None = None,
        limits: WindowLimits | None = None,
        numbers: Numbers | None = None,
    ) -> None:
        self.clock = Clock()
        self.stream = LiveStream("test", self.clock)
        self.taken = Taken(Window(limits or WindowLimits(), self.clock, numbers=numbers))
        self.packager = Packager(self.taken, self.clock, self.clock.wall, settings, numbers)
        self.stream.subscribe(self.packager)

    def publish(self, *tracks: Track) -> PublisherHandle:
        publisher = self.stream.attach()
        publisher.describe(tracks)
        return publisher

    def send(self, publisher: PublisherHandle, packets: Iterable[Packet]) -> None:
        """Each packet arrives at its decode time."""
        began = self.clock.now
        for packet in packets:
            self.clock.now = max(self.clock.now, began + packet.dts / 1000)
            publisher.write(replace(packet))


def frames(
    count: int, fps: float = 30.0, gop: int = 60, start: float = 0.0, size: int = 100
) -> list[Packet]:
    """Made-up video with time stamps rounded to milliseconds."""
    return [
        Packet(0, at := round((start + n / fps) * 1000), at, n % gop == 0, bytes(size))
        for n in range(count)
    ]


def sound(seconds: float, start: float = 0.0) -> list[Packet]:
    """Made-up AAC of 48 kHz."""
    return [
        Packet(100, at := round((start + n * 1024 / 48000) * 1000), at, True, bytes(20))
        for n in range(int(seconds * 48000 / 1024))
    ]


def together(*lists: list[Packet]) -> list[Packet]:
    """In the order of decode times."""
    return sorted((p for packets in lists for p in packets), key=lambda p: p.dts)
