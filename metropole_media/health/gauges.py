"""What is counted for each packet of a track: additions only. What it means is worked out once a
second."""

from __future__ import annotations

from collections import deque
from statistics import median_low

from metropole_media.health.model import AudioReport, VideoReport
from metropole_media.health.silence import can_tell, is_silent
from metropole_media.live import Packet, Track
from metropole_media.timeline import COMMON_RATES

SECONDS = 10
"""Over which means are taken."""
MAX_STEPS = 1024
"""Frames of a second whose distances are looked at; more than any encoder sends."""
KEY_INTERVALS = 3
"""So many of the last ones are looked at."""
KEY_SECONDS = 3.0
"""From here on an interval that has not ended counts."""
ROUNDING = 0.0015
"""Seconds by which a distance may be wrong: time stamps are rounded to milliseconds."""
HOLE = 30
"""So many frames on end are no dropped frames any more: the source stood still."""
UNEVEN = 0.2
"""Share of distances that are no whole number of frames, from which the frame rate varies."""
STOOD = 2
"""Seconds without a frame that are no part of a key-frame interval."""
LEAST_STEPS = 24
NEAR = 0.05
FEW = 0.1


def _fits(rate: float, steps: list[float]) -> bool:
    """Whether frames with these distances can be those of a source with that rate."""
    frame = 1 / rate
    room = ROUNDING + NEAR * frame
    shorter = sum(step < frame - room for step in steps)
    equal = sum(abs(step - frame) <= room for step in steps)
    return shorter <= FEW * len(steps) <= equal


class Rates:
    """Octets and packets a second, over the last look and over ten seconds."""

    __slots__ = ("_kept", "octets", "packets")

    def __init__(self) -> None:
        self.octets = self.packets = 0
        self._kept: deque[tuple[float, int, int]] = deque(maxlen=SECONDS)

    def look(self, seconds: float) -> None:
        """A second (or so) is over."""
        self._kept.append((seconds, self.octets, self.packets))
        self.octets = self.packets = 0

    @property
    def bitrate(self) -> float:
        """bit/s of the last look."""
        return self._kept[-1][1] * 8 / self._kept[-1][0] if self._kept else 0.0

    @property
    def bitrate_mean(self) -> float:
        """bit/s of ten seconds."""
        return sum(octets for _, octets, _ in self._kept) * 8 / self._seconds

    @property
    def rate(self) -> float:
        """Packets a second, of ten seconds."""
        return sum(packets for _, _, packets in self._kept) / self._seconds

    @property
    def full(self) -> bool:
        """Whether ten looks were taken."""
        return len(self._kept) == SECONDS

    @property
    def _seconds(self) -> float:
        return sum(seconds for seconds, _, _ in self._kept) or 1.0


class VideoGauge:
    """One video track."""

    __slots__ = (
        "_hole", "_intervals", "_key", "_last", "_seen", "_steps", "arrived", "dropped", "frames",
        "keys", "nominal", "rates", "reorder", "tick", "track",
    )  # fmt: skip

    def __init__(self, track: Track) -> None:
        self.rates = Rates()
        self.frames = self.dropped = self.reorder = self.keys = 0
        self.nominal = 0.0
        # Of each second: distances, those that are no whole number of frames, missing frames.
        self._seen: deque[tuple[int, int, int]] = deque(maxlen=SECONDS)
        self.describe(track)
        self.restart(0.0)

    def describe(self, track: Track) -> None:
        """The track was described again."""
        self.track = track
        self.tick = 1 / track.timescale
        self._hole = STOOD * track.timescale

    def restart(self, now: float) -> None:
        """A publisher came: nothing before counts for distances."""
        self._last: int | None = None
        self._key: int | None = None
        self._intervals: deque[int] = deque(maxlen=KEY_INTERVALS)
        self._steps: deque[int] = deque(maxlen=MAX_STEPS)
        self._seen.clear()
        self.keys = 0
        self.arrived = now

    def take(self, packet: Packet, now: float) -> None:
        """A frame. The hot path: some additions."""
        rates = self.rates
        rates.octets += len(packet.data)
        rates.packets += 1
        dts, last = packet.dts, self._last
        if last is not None:
            step = dts - last
            self._steps.append(step)
            if step > self._hole and self._key is not None:
                self._key += step  # a source that stood still has no long key-frame interval
        self._last = dts
        self.arrived = now
        if packet.pts != dts:
            self.reorder += 1
        if packet.key:
            if self._key is not None:
                self._intervals.append(dts - self._key)
            self._key = dts
            self.keys += 1

    def newest(self) -> float | None:
        """Decode time of the newest frame in seconds."""
        return None if self._last is None else self._last * self.tick

    def since_key(self) -> float:
        """Seconds of frames behind the newest key frame."""
        if self._last is None or self._key is None:
            return 0.0
        return (self._last - self._key) * self.tick

    def report(self, seconds: float, now: float) -> VideoReport:
        """Work out the second that is over."""
        self.frames += self.rates.packets
        self.rates.look(seconds)
        self._measure([step * self.tick for step in self._steps])
        self._steps.clear()
        reordered, self.reorder = self.reorder > 0, 0
        track, rates = self.track, self.rates
        return VideoReport(
            track.id, track.fourcc, track.codec, track.width, track.height, track.bit_depth,
            track.frame_rate, self.nominal, rates.rate, rates.bitrate, rates.bitrate_mean,
            self._key_interval(), self.keys, self.frames, self.dropped, self._missing(),
            self._varies(), reordered, max(0.0, now - self.arrived),
        )  # fmt: skip

    def _key_interval(self) -> float | None:
        longest = max(self._intervals, default=0) * self.tick
        open_one = self.since_key()
        if not self._intervals and open_one < KEY_SECONDS:
            return None
        return max(longest, open_one)

    def _measure(self, steps: list[float]) -> None:
        """The frame rate, and what is missing between the frames of a second."""
        steps = [step for step in steps if step > 0]
        if not steps:
            return
        self._learn(steps)
        frame = 1 / self.nominal
        uneven = missing = 0
        for step in steps:
            count = round(step / frame)
            if abs(step - count * frame) > ROUNDING + 0.1 * frame:
                uneven += 1
            elif 1 < count <= HOLE:
                missing += count - 1
        self.dropped += missing
        self._seen.append((len(steps), uneven, missing))

    def _learn(self, steps: list[float]) -> None:
        """Keep to what the encoder says, or to what was measured before, as long as some frames
        lie so far apart and none nearer; with many frames missing, nothing else is left of it."""
        for rate in (self.track.frame_rate, self.nominal):
            if rate and _fits(rate, steps):
                self.nominal = rate
                return
        middle = median_low(steps)
        regular = [step for step in steps if abs(step - middle) <= 2 * ROUNDING]
        measured = len(regular) / sum(regular)
        nearest = min(COMMON_RATES, key=lambda rate: abs(rate / measured - 1))
        self.nominal = nearest if abs(nearest / measured - 1) < NEAR else measured

    def _varies(self) -> bool:
        seen = sum(count for count, _, _ in self._seen)
        return seen >= LEAST_STEPS and sum(odd for _, odd, _ in self._seen) > UNEVEN * seen

    def _missing(self) -> float:
        seen = sum(count for count, _, _ in self._seen)
        missing = sum(holes for _, _, holes in self._seen)
        return missing / (seen + missing) if seen else 0.0


class AudioGauge:
    """One audio track."""

    __slots__ = (
        "_last", "_sample", "_silent_since", "_tells", "arrived", "packets", "rates", "tick",
        "track",
    )  # fmt: skip

    def __init__(self, track: Track) -> None:
        self.rates = Rates()
        self.packets = 0
        self._silent_since: float | None = None
        self.describe(track)
        self.restart(0.0)

    def describe(self, track: Track) -> None:
        """The track was described again."""
        self.track = track
        self.tick = 1 / track.timescale
        self._tells = can_tell(track)

    def restart(self, now: float) -> None:
        """A publisher came."""
        self._last: int | None = None
        self._sample: bytes | bytearray | memoryview | None = None
        self._silent_since = None
        self.arrived = now

    def take(self, packet: Packet, now: float) -> None:
        """A packet of sound. The hot path."""
        rates = self.rates
        rates.octets += len(packet.data)
        rates.packets += 1
        self._last = packet.dts
        self._sample = packet.data
        self.arrived = now

    def newest(self) -> float | None:
        """Decode time of the newest packet in seconds."""
        return None if self._last is None else self._last * self.tick

    def report(self, seconds: float, now: float) -> AudioReport:
        """Work out the second that is over."""
        self.packets += self.rates.packets
        self.rates.look(seconds)
        self._listen(now)
        track = self.track
        silent = None
        if self._tells:
            silent = 0.0 if self._silent_since is None else now - self._silent_since
        return AudioReport(
            track.id, track.fourcc, track.codec, track.sample_rate, track.channels,
            self.rates.bitrate, self.rates.bitrate_mean, self.packets, silent,
            max(0.0, now - self.arrived),
        )  # fmt: skip

    def _listen(self, now: float) -> None:
        """Look at one packet of the second."""
        sample, self._sample = self._sample, None
        if sample is None or not self._tells:
            return
        if not is_silent(self.track, sample):
            self._silent_since = None
        elif self._silent_since is None:
            self._silent_since = now
