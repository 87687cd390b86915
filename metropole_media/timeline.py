"""Decode times without holes, from time stamps that are rounded, late or missing.

Encoders that speak RTMP round to milliseconds, and a part is closed before the time of the frame
behind it is known. A browser that sees a hole in decode times waits for the next key frame, so
there must be none: the first frame of a part is decoded where the part before ended, whatever
its own decode time says, and the difference goes into its composition offset. What is shown when
never changes.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median, median_low

from metropole_media.fmp4 import Run, Sample

VIDEO_TIMESCALE = 90_000
BASE_SECONDS = 10
"""Added to all times, so that priming and reordering never make one negative."""
EARLY = VIDEO_TIMESCALE // 1000
"""The last frame of a part ends this much before the next is expected: time stamps are rounded
to milliseconds, and a frame must not be decoded later than it is shown."""
JITTER = VIDEO_TIMESCALE // 500
COMMON_RATES = (24, 25, 30, 48, 50, 60, 100, 120)
SHORTEST_FRAME, LONGEST_FRAME = VIDEO_TIMESCALE // 240, VIDEO_TIMESCALE
"""Whatever a source says, a part is a sensible number of frames."""
RECENT = 16
USUAL_PACKET = 960
"""Samples, before the first packet of a codec whose packets differ."""
Octets = bytes | bytearray | memoryview


def rescale(value: int, timescale: int, to: int) -> int:
    """A time in another timescale, rounded."""
    return (value * to + timescale // 2) // timescale


def frame_duration(times: Sequence[int], hint: float) -> int:
    """How long a frame lasts, in ticks of `VIDEO_TIMESCALE`.

    Arguments:
        times: decode times of the first frames, rounded as they may be.
        hint: frames a second as the source says, 0.0 when it does not. Believed if it fits.
    """
    steps = [b - a for a, b in pairwise(times) if b > a]
    if not steps:
        return _bounded(VIDEO_TIMESCALE / (hint or 30))
    middle = median_low(steps)
    # The mean is finer than the rounding; a gap among the frames would spoil it.
    regular = [step for step in steps if abs(step - middle) <= 2 * EARLY]
    measured = VIDEO_TIMESCALE * len(regular) / sum(regular)
    if hint and abs(hint / measured - 1) < 0.03:
        return _bounded(VIDEO_TIMESCALE / hint)
    nearest = min(COMMON_RATES, key=lambda rate: abs(rate / measured - 1))
    if abs(nearest / measured - 1) < 0.015:
        return round(VIDEO_TIMESCALE / nearest)
    return _bounded(VIDEO_TIMESCALE / measured)


def _bounded(frame: float) -> int:
    return min(max(round(frame), SHORTEST_FRAME), LONGEST_FRAME)


@dataclass(slots=True)
class _Frame:
    decode: int
    """as written"""
    dts: int
    """as the source says"""
    pts: int
    key: bool
    data: Octets


@dataclass(frozen=True, slots=True)
class Sound:
    """A packet of sound on its grid: `place` and `duration` in samples."""

    place: int
    duration: int
    data: Octets


def sound_run(number: int, packets: Sequence[Sound]) -> Run:
    """Packets of sound, of which there is one at least, as the samples of a part."""
    # Before a gap inside a part, the packet lasts until the next: no hole here either.
    last = packets[-1]
    following = [sound.place for sound in packets[1:]] + [last.place + last.duration]
    return Run(
        number,
        packets[0].place,
        [
            Sample(sound.data, after - sound.place, True, 0)
            for sound, after in zip(packets, following, strict=True)
        ],
    )


class VideoLine:
    """The video frames of the open part, and where the part before ended.

    Arguments:
        nominal: duration of a frame in ticks.
        target: longest duration of a part in ticks.
    """

    def __init__(self, nominal: int, target: int) -> None:
        self.target = target
        self.octets = 0
        self._nominal = nominal
        self._frames: list[_Frame] = []
        self._end: int | None = None
        self._boundary = 0
        self._start = 0
        self._steps: deque[int] = deque(maxlen=RECENT)
        self._last_dts: int | None = None

    def __len__(self) -> int:
        return len(self._frames)

    @property
    def independent(self) -> bool:
        """Whether the open part begins with a key frame."""
        return bool(self._frames) and self._frames[0].key

    @property
    def first_pts(self) -> int:
        """Presentation time of the open part's first frame. There must be one."""
        return self._frames[0].pts

    def seconds_until(self, dts: int) -> float:
        """How long the open part is if the next frame has that time; 0.0 when it is empty."""
        return (dts - self._start) / VIDEO_TIMESCALE if self._frames else 0.0

    def closes_before(self, dts: int) -> bool:
        """Whether a frame of that time no longer fits into the open part."""
        return bool(self._frames) and dts > self._start + self.target - self._nominal // 2

    @property
    def full(self) -> bool:
        """Whether the open part would be too long with another frame."""
        if not self._frames:
            return False
        end = self._frames[-1].dts + self._nominal - EARLY
        return end + self._nominal // 2 > self._start + self.target

    def add(self, dts: int, pts: int, key: bool, data: Octets) -> None:
        """Put a frame into the open part."""
        if self._frames:
            decode = max(dts, self._frames[-1].decode + 1)
        else:
            decode = dts if self._end is None else self._end
            self._start = dts if self._end is None else self._boundary
            # After a gap, one frame takes it all: a part cannot be longer than its target.
            if not -self._nominal <= dts - self._start <= self.target:
                self._start = dts
        if self._last_dts is not None and dts > self._last_dts:
            self._steps.append(dts - self._last_dts)
        self._last_dts = dts
        self._frames.append(_Frame(decode, dts, pts, key, data))
        self.octets += len(data)

    def close(self, number: int, next_dts: int | None, last: bool) -> tuple[Run, int]:
        """Close the open part, which must hold a frame.

        Arguments:
            number: track_ID.
            next_dts: of the frame that comes next, if it is known.
            last: whether the part is the last of its segment, and may be short.

        Returns:
            the samples, and the part's duration in ticks.
        """
        frames = self._frames
        end = frames[-1].dts + self._nominal - EARLY if next_dts is None else next_dts
        shortest = 1 if last else self.target * 9 // 10
        end = min(max(end, self._start + shortest), self._start + self.target)
        duration = end - self._start
        end = max(end, frames[-1].decode + 1)
        following = [frame.decode for frame in frames[1:]] + [end]
        run = Run(
            number,
            frames[0].decode,
            [
                Sample(f.data, after - f.decode, f.key, f.pts - f.decode)
                for f, after in zip(frames, following, strict=True)
            ],
        )
        self._end = self._boundary = end
        self._frames = []
        self.octets = 0
        self._learn()
        return run, duration

    def restart(self) -> None:
        """What comes does not continue what was."""
        self._end = None

    def skip(self, ticks: int) -> None:
        """A part without video has gone by."""
        self._boundary += ticks

    def _learn(self) -> None:
        if len(self._steps) == RECENT:
            now = round(median(self._steps))
            if abs(now - self._nominal) > self._nominal // 5:
                self._nominal = _bounded(now)


class AudioLine:
    """The audio packets of the open part, on a grid of whole packets.

    The source's time stamps are rounded to milliseconds, which would be heard. They count only
    when they differ by more than 60 ms from the grid. A short hole is filled with silence. So is
    the time for which no sound comes while the picture goes on, because a browser stops where one
    of the two is missing.

    Arguments:
        rate: samples a second.
        samples_per_packet: samples in a packet; 0 when `measure` says it.
        silence: a silent packet; empty when there is none, and holes stay.
        measure: samples in that packet, 0 if it cannot be read.
        heard: told of each packet that is put on the grid.

    Fields:
        step: samples in the newest packet.
        ticks: samples in the open part.
        silent: sound is waited for no longer.
    """

    LIMIT = 0.06
    MAX_FILL = 3.0
    PATIENCE = 1.0
    """Seconds that sound may be behind the picture; half a second more than it usually is."""
    MAX_PATIENCE = 3.0
    """Sound that is further behind comes too late."""

    def __init__(
        self,
        rate: int,
        samples_per_packet: int,
        silence: bytes = b"",
        measure: Callable[[Octets], int] | None = None,
        heard: Callable[[Sound], None] | None = None,
    ) -> None:
        self.rate = rate
        self._heard = heard
        self._measure = measure or (lambda data: samples_per_packet)
        self._silence = silence
        self._silence_step = self._measure(silence) if silence else 0
        self.step = samples_per_packet or self._silence_step or USUAL_PACKET
        self.octets = 0
        self.ticks = 0
        self.packets: list[Sound] = []
        self.silent = False
        self._next: int | None = None
        self._limit = round(rate * self.LIMIT)
        self._pictures: int | None = None
        self._patience = self.PATIENCE

    def __len__(self) -> int:
        return len(self.packets)

    def look(self, data: Octets) -> None:
        """Learn from the first packet how long packets are."""
        self.step = self._measure(data) or self.step

    def add(self, time: int, data: Octets) -> bool:
        """Put a packet into the open part; False when it was left out.

        A packet that the source places far behind the grid comes from a source that sends more
        sound than time goes by: it is left out until the times fit again.
        """
        duration = self._measure(data)
        if not duration:
            return False
        self.step = duration
        if self._pictures is not None:
            behind = (self._pictures - time) / self.rate
            if behind < self.MAX_PATIENCE:
                self.silent = False
                self._patience = max(self.PATIENCE, behind + self.PATIENCE / 2)
        place = self._next
        if place is None or time - place > self._limit:
            place = time if place is None else self._fill(place, time)
        elif place - time > self._limit:
            return False
        self._put(place, duration, data)
        return True

    def keep_up(self, begin: int, end: int) -> None:
        """Pictures from `begin` to `end` have gone by. Puts silence where the sound is missing
        for too long."""
        self._pictures = end
        if self._next is None:
            self._next = begin
        behind = (end - self._next) / self.rate
        if behind > self._patience:
            self.silent = True
        if behind > 2 * self.MAX_PATIENCE:
            # A jump in time: that much silence would be no use to anyone.
            self._next = end - round(self.PATIENCE * self.rate)
        if self.silent and self._silence:
            while self._next + self._silence_step <= end:
                self._put(self._next, self._silence_step, self._silence)

    @property
    def begin(self) -> int:
        """Place of the open part's first packet, or of the next one to come; 0 before any."""
        return self.packets[0].place if self.packets else self._next or 0

    def fills(self, ticks: int) -> bool:
        """Whether another packet would no longer fit into a part of that duration."""
        return self.ticks + self.step > ticks

    def fitting(self, ticks: int) -> int:
        """How many of the first packets fit into a part of that duration; at least 1."""
        total = 0
        for count, sound in enumerate(self.packets):
            total += sound.duration
            if total > ticks:
                return max(1, count)
        return max(1, len(self.packets))

    def _put(self, place: int, duration: int, data: Octets) -> None:
        sound = Sound(place, duration, data)
        self.packets.append(sound)
        if self._heard is not None:
            self._heard(sound)
        self.octets += len(data)
        self.ticks += duration
        self._next = place + duration

    def _fill(self, place: int, time: int) -> int:
        """Put silence into a hole; says where the packet behind it belongs."""
        if not self._silence or time - place > self.rate * self.MAX_FILL:
            return time
        for _ in range(round((time - place) / self._silence_step)):
            self._put(place, self._silence_step, self._silence)
            place += self._silence_step
        return place

    def take(self, number: int, count: int) -> Run | None:
        """The first packets of the open part, None when there is none."""
        taken, self.packets = self.packets[:count], self.packets[count:]
        if not taken:
            return None
        self.octets -= sum(len(sound.data) for sound in taken)
        self.ticks -= sum(sound.duration for sound in taken)
        return sound_run(number, taken)
