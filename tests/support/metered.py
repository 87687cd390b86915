"""A stream made of numbers, with a meter on it: what encoders and networks do, second by second."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from metropole_core.testing import FakeClock
from metropole_media.health import Meter, Report
from metropole_media.live import LiveStream, Packet, Track

VIDEO = Track(
    0, "video", "avc1", "avc1.640028", 1000, b"v", width=1280, height=720, frame_rate=30.0
)
AUDIO = Track(100, "audio", "mp4a", "mp4a.40.2", 1000, b"a", sample_rate=48_000, channels=2)
SOUND = bytes.fromhex("211a0fffffffffeb55e28c88") + bytes(300)
SILENCE = bytes.fromhex("211004608c1c")


@dataclass(frozen=True)
class Sent:
    """One packet.

    Fields:
        at: seconds when it arrives.
        time: seconds that it carries.
        shown: seconds from decoding to showing.
    """

    at: float
    track: int
    time: float
    key: bool = True
    data: bytes = SOUND
    shown: float = 0.0


@dataclass
class Source:
    """Packets of an encoder without fault.

    Fields:
        fps, gop: frames a second, and frames from key frame to key frame.
        octets: of a frame.
    """

    fps: float = 30.0
    gop: int = 60
    octets: int = 10_000
    video: bool = True
    audio: bool = True

    def packets(self, seconds: float, start: float = 0.0) -> list[Sent]:
        found = []
        if self.video:
            found += [
                Sent(n / self.fps, 0, n / self.fps, n % self.gop == 0, bytes(self.octets))
                for n in range(round(start * self.fps), round((start + seconds) * self.fps))
            ]
        if self.audio:
            step = 1024 / 48_000
            found += [
                Sent(n * step, 100, n * step)
                for n in range(round(start / step), round((start + seconds) / step))
            ]
        return sorted(found, key=lambda each: each.at)


@dataclass
class Metered:
    """Plays packets onto a LiveStream, and looks at the meter every second.

    Fields:
        reports: of every second.
    """

    video: Track | None = VIDEO
    audio: Track | None = AUDIO
    clock: FakeClock = field(default_factory=FakeClock)
    reports: list[Report] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.stream = LiveStream("lab", self.clock.monotonic)
        self.meter = Meter(self.clock.monotonic)
        self.stream.subscribe(self.meter)
        self.come()

    @property
    def told(self) -> set[str]:
        """Codes that were told at any time."""
        return {finding.code for report in self.reports for finding in report.findings}

    def come(self) -> None:
        """A publisher attaches."""
        self.handle = self.stream.attach()
        self.began = self.clock.monotonic()
        self.handle.describe(tuple(track for track in (self.video, self.audio) if track))

    def leave(self) -> None:
        self.handle.detach()

    def play(self, packets: list[Sent]) -> Report:
        """Let them arrive, each at its time after the publisher came."""
        looked = self.clock.monotonic()
        for sent in sorted(packets, key=lambda each: each.at):
            while looked + 1 <= self.began + sent.at:
                looked += 1
                self._go_to(looked)
                self.look()
            self._go_to(self.began + sent.at)
            dts = round(sent.time * 1000)
            pts = dts + round(sent.shown * 1000)
            self.handle.write(Packet(sent.track, dts, pts, sent.key, sent.data))
        self._go_to(looked + 1)
        return self.look()

    def look(self) -> Report:
        self.reports.append(self.meter.look())
        return self.reports[-1]

    def _go_to(self, time: float) -> None:
        self.clock.advance(max(0.0, time - self.clock.monotonic()))


def codes(report: Report) -> set[str]:
    return {finding.code for finding in report.findings}


def changed(packets: list[Sent], change: Callable[[Sent], Sent | None]) -> list[Sent]:
    """Each packet changed, or left out."""
    return [one for one in map(change, packets) if one is not None]


def of(track: int, change: Callable[[Sent], Sent | None]) -> Callable[[Sent], Sent | None]:
    """Only packets of that track are changed."""
    return lambda sent: change(sent) if sent.track == track else sent


def sounding(data: bytes) -> Callable[[Sent], Sent | None]:
    """Sound of these octets."""
    return of(100, lambda sent: replace(sent, data=data))
