"""The sound of a source as its packager put it on a grid, kept for a while for the renditions that
carry the same: their pictures are encoded here and come later.

All take the same packets with the same times, so that sound fits where a player changes over.
"""

from __future__ import annotations

from collections import deque
from itertools import islice

from metropole_media.live import Track
from metropole_media.timeline import Sound

KEPT_SECONDS = 10
"""Pictures that come later than that have no sound."""
MAX_OCTETS = 4 * 1024 * 1024
"""Of all that: more than three megabits a second."""


class Soundtrack:
    """The newest packets of one track with one configuration.

    Fields:
        track: what it is.
        taken: place behind the newest packet that the source has in a part with pictures.
    """

    def __init__(self, track: Track) -> None:
        self.track = track
        self.taken = 0
        self._packets: deque[Sound] = deque()
        self._octets = 0
        self._first = 0

    def add(self, sound: Sound) -> None:
        """The next packet."""
        packets = self._packets
        packets.append(sound)
        self._octets += len(sound.data)
        oldest = sound.place - KEPT_SECONDS * self.track.sample_rate
        while packets and (packets[0].place < oldest or self._octets > MAX_OCTETS):
            self._octets -= len(packets.popleft().data)
            self._first += 1

    def clear(self) -> None:
        """Keep nothing of it."""
        self._first += len(self._packets)
        self._packets.clear()
        self._octets = 0

    def find(self, place: int) -> int:
        """Where reading begins for the first packet that lies there or later."""
        before = (1 for packet in self._packets if packet.place < place)
        return self._first + sum(before)

    def read(self, begin: int, until: int, most: int) -> tuple[list[Sound], int]:
        """Packets that lie before `until`, from where reading stood; at most so many.

        Returns:
            them, and where to read on.
        """
        begin = max(begin, self._first)
        found: list[Sound] = []
        for packet in islice(self._packets, begin - self._first, None):
            if packet.place >= until or len(found) == most:
                break
            found.append(packet)
        return found, begin + len(found)
