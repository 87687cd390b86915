"""Time stamps of RTMP, 32 bits of milliseconds, made into ones that only grow.

Section 5.3.1.1 lets them wrap after 49 days. Encoders add jumps: OBS ends tracks with time stamp
0, a computer that slept goes on somewhere else, picture and sound have clocks of their own.
"""

from __future__ import annotations

MAX_BACK = 1000
MAX_AHEAD = 3000
"""Milliseconds. A longer hole in all tracks is closed: what players need is the next picture."""
MAX_APART = 10_000
"""Milliseconds between the first packet of a track and those of the others."""
STEP = 20
"""Milliseconds put in place of a jump."""
RARE, MAX_RARE = 4, 30_000
"""A source whose packets are far apart anyway may leave out so many, for so many milliseconds."""
STANDING = 64
"""Packets in a row with one time stamp: more than any burst."""


class _Line:
    """One track: what is added to its time stamps, and its newest packet."""

    __slots__ = ("placed", "shift", "stamp", "step", "still")

    def __init__(self, shift: int, stamp: int) -> None:
        self.shift, self.stamp = shift, stamp
        self.placed = stamp + shift
        self.step = self.still = 0


class Timeline:
    """Unwraps the time stamps of one publisher, so that its tracks stay side by side.

    Fields:
        stood: the time stamps of a track stood still for 64 packets.
        jumps: how often they jumped, or a hole in all tracks was closed.
    """

    __slots__ = ("_newest", "_stamp", "_tracks", "jumps", "stood")

    def __init__(self) -> None:
        self.stood = False
        self.jumps = 0
        self._stamp: int | None = None
        self._newest = 0
        self._tracks: dict[int, _Line] = {}

    def place(self, track: int, timestamp: int) -> int:
        """The decode time in milliseconds of a packet with that time stamp.

        It never goes back within a track. When a track's time stamps go back by more than 1 s, or
        all tracks leave out more than 3 s, that track goes on 20 ms behind its newest packet, and
        the others follow when theirs do the same.
        """
        stamp = self._unwrap(timestamp)
        line = self._tracks.get(track)
        if line is None:
            line = self._tracks[track] = _Line(self._first_shift(stamp), stamp)
        else:
            if not self._fits(line, stamp, line.shift):
                line.shift = self._other_shift(line, stamp)
            line.step = stamp - line.stamp
            line.still = 0 if line.step else line.still + 1
            if line.still == STANDING:
                self.stood = True
            line.stamp = stamp
            line.placed = max(line.placed, stamp + line.shift)
        self._newest = max(self._newest, line.placed)
        return line.placed

    def _unwrap(self, timestamp: int) -> int:
        # Before the first: one that comes after it may lie before zero.
        if self._stamp is None:
            self._stamp = self._newest = timestamp
        else:
            delta = (timestamp - self._stamp) & 0xFFFFFFFF
            self._stamp += delta if delta < 1 << 31 else delta - (1 << 32)
        return self._stamp

    def _first_shift(self, stamp: int) -> int:
        for other in self._tracks.values():
            if abs(stamp + other.shift - self._newest) <= MAX_APART:
                return other.shift
        return self._newest - stamp

    def _fits(self, line: _Line, stamp: int, shift: int) -> bool:
        at = stamp + shift
        if at < line.placed - MAX_BACK:
            return False
        step = stamp - line.stamp
        return at - self._newest <= MAX_AHEAD or 0 < step <= min(RARE * line.step, MAX_RARE)

    def _other_shift(self, line: _Line, stamp: int) -> int:
        for other in self._tracks.values():
            if self._fits(line, stamp, other.shift):
                return other.shift
        self.jumps += 1
        return line.placed + STEP - stamp
