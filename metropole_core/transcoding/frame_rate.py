"""Learns a source's frame rate from its first packets, where nobody says it."""

from __future__ import annotations

from metropole_media.live import Packet, Track

SPAN = 0.5
"""Seconds of picture that are looked at."""
LEAST = 8
"""Frames that are looked at; fewer say nothing for low frame rates."""
USUAL = (10, 12, 15, 20, 23.976, 24, 25, 29.97, 30, 48, 50, 59.94, 60, 72, 90, 100, 120, 144, 240)
NEAR = 0.03
MOST = 1000.0


class FrameRate:
    """Looks at the packets of a track.

    Fields:
        value: frames a second; 0.0 until it is known.
    """

    def __init__(self, track: Track) -> None:
        self._track = track
        self.value = track.frame_rate if 1 <= track.frame_rate <= MOST else 0.0
        self._first: int | None = None
        self._last = 0
        self._frames = 0

    @property
    def known(self) -> bool:
        return self.value > 0

    def packet(self, packet: Packet) -> bool:
        """Look at one. Returns whether the frame rate is known now."""
        if self.known or packet.track != self._track.id:
            return self.known
        if self._first is None:
            self._first = packet.dts
        self._last = packet.dts
        self._frames += 1
        seconds = (packet.dts - self._first) / self._track.timescale
        if seconds >= SPAN and self._frames >= LEAST:
            self.value = self.guess()
        return self.known

    def guess(self) -> float:
        """What the frames so far say; 0.0 when they say nothing."""
        if self._first is None or self._frames < LEAST or self._last <= self._first:
            return 0.0
        rate = (self._frames - 1) * self._track.timescale / (self._last - self._first)
        nearest = min(USUAL, key=lambda usual: abs(usual - rate))
        return nearest if abs(nearest - rate) <= nearest * NEAR else min(rate, MOST)
