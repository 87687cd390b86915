"""Time stamps of RTMP, 32 bits of milliseconds, made into ones that only grow.

Section 5.3.1.1 lets them wrap after 49 days. Encoders add jumps: OBS ends tracks with time stamp
0, and a computer that slept goes on somewhere else.
"""

from __future__ import annotations

MAX_BACK = 1000
MAX_AHEAD = 30_000
"""Milliseconds. An encoder that is silent for so long is cut anyway."""
STEP = 20
"""Milliseconds put in place of a jump."""


class Timeline:
    """Unwraps the time stamps of one publisher, all its tracks together."""

    __slots__ = ("_last", "_now", "_tracks")

    def __init__(self) -> None:
        self._last = -1
        self._now = 0
        self._tracks: dict[int, int] = {}

    def place(self, track: int, timestamp: int) -> int:
        """The decode time in milliseconds of a packet with that time stamp.

        It never goes back within a track. A jump of more than 1 s back or 30 s ahead becomes a
        step of 20 ms.
        """
        if self._last < 0:
            self._now = timestamp
        else:
            delta = (timestamp - self._last) & 0xFFFFFFFF
            if delta >= 1 << 31:
                delta -= 1 << 32
            self._now += delta if -MAX_BACK <= delta <= MAX_AHEAD else STEP
        self._last = timestamp
        placed = max(self._now, self._tracks.get(track, self._now))
        self._tracks[track] = placed
        return placed
