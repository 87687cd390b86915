"""Which frames of the source a rendition takes, and which of them become key frames.

All renditions of a stream have their key frames at the same frames as the source, so that players
can go from one to another there. Times are in 1/90000 s.
"""

from __future__ import annotations

import math
import statistics
from collections import deque

TIMESCALE = 90_000
MAX_GOP = 4 * TIMESCALE + TIMESCALE // 4
"""A source with key frames further apart gets more of them in its renditions, this far apart. A
little more than 4 s, so that one that has them each 4 s gets none."""
MAX_MARKS = 64
MIN_DELTAS = 5
MAX_DELTAS = 120


class KeyFrames:
    """Decides where key frames are.

    The decoder hands frames out in another order than packets go in and may lose some, so what
    counts is time: the first frame at or after a key packet's time is a key frame.
    """

    def __init__(self) -> None:
        self._marks: deque[int] = deque(maxlen=MAX_MARKS)
        self._last: int | None = None

    def mark(self, time: int) -> None:
        """A packet that is a key frame goes into the decoder."""
        self._marks.append(time)

    def at(self, time: int) -> bool:
        """Whether the frame that came out of the decoder is to be a key frame."""
        key = False
        while self._marks and self._marks[0] <= time:
            self._marks.popleft()
            key = True
        if self._last is None or time - self._last >= MAX_GOP:
            key = True
        if key:
            self._last = time
        return key


class RateMeter:
    """Frames a second of the source: as it says at first, then as it was since a key frame."""

    def __init__(self, said: float) -> None:
        self.rate = said if 1.0 <= said <= 1000.0 else 0.0
        self._deltas: deque[int] = deque(maxlen=MAX_DELTAS)
        self._last: int | None = None

    def take(self, time: int, key: bool) -> None:
        """A frame came. The rate changes with the first few frames and at key frames only."""
        if self._last is not None and 0 < time - self._last <= TIMESCALE:
            self._deltas.append(time - self._last)
        self._last = time
        if len(self._deltas) >= MIN_DELTAS and (key or not self.rate):
            # The middle one: a hole in the source is not its rate.
            self.rate = TIMESCALE / statistics.median(self._deltas)
            self._deltas.clear()


class FrameGate:
    """Leaves frames out, evenly and the same ones after each key frame, until the rate is right.

    Arguments:
        rate: frames a second that are wanted at most.
    """

    def __init__(self, rate: float) -> None:
        self._rate = rate
        self._step = 1
        self._number = 0

    def take(self, key: bool, source_rate: float) -> bool:
        """Whether this frame is taken. Key frames always are."""
        if key:
            self._number = 0
            # 59.94 for 30 is every other one, 30 for 25 is all of them.
            if source_rate and self._rate:
                self._step = max(1, math.ceil(source_rate / self._rate - 0.25))
        taken = self._number % self._step == 0
        self._number += 1
        return taken
