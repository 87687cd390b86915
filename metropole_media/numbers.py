"""Numbers of segments and parts that never go back, also when a packager starts anew.

Players hold on to media sequence numbers over a restart of the server, of which nothing is left
in memory. So a packager counts on from a number that the one before cannot have reached: by the
time since the broadcast went live, at a pace that no stream keeps up.
"""

from __future__ import annotations

from dataclasses import dataclass

FIRST_SEGMENT = 1
"""Not 0: hls.js takes a media sequence number of 0 for none, and fetches sound over and over."""
SEGMENTS_PER_SECOND = 10
PARTS_PER_SECOND = 100
"""How far the numbers go on in a second that nobody remembers."""
MOST_SEGMENTS_PER_SECOND = 5
"""Segments end at key frames no sooner than that, on average; what must be cut in any case (too
long, too large, the encoder away) has the rest."""
FRESH_SECONDS = 0.1
"""A broadcast that is no older has just been begun by the core."""


@dataclass(frozen=True, slots=True)
class Numbers:
    """Where a packager begins to count.

    Fields:
        segment: media sequence number of its first segment.
        part: number of its first part.
        resumed: a packager before this one made the beginning of the broadcast; what follows
            does not continue it.
    """

    segment: int = FIRST_SEGMENT
    part: int = 0
    resumed: bool = False

    @property
    def discontinuities(self) -> int:
        """Discontinuities that may have been before; there are never more than segments."""
        return self.segment - FIRST_SEGMENT

    @classmethod
    def after(cls, seconds: float) -> Numbers:
        """For a broadcast that went live so many seconds ago.

        Negative when the wall clock was set back since. Then, and when it was set back by more
        than the pace above makes up for (nine tenths of the broadcast's time, for segments of a
        second), the numbers may go back.
        """
        if 0 <= seconds < FRESH_SECONDS:
            return cls()
        passed = max(0.0, seconds)
        # 2: the segment that made the broadcast go live, and the one that followed.
        segment = FIRST_SEGMENT + 2 + int(passed * SEGMENTS_PER_SECOND)
        return cls(segment, int(passed * PARTS_PER_SECOND), resumed=True)


def may_begin(begun: int, seconds: float) -> bool:
    """Whether a packager that began so many segments may begin another one.

    Arguments:
        seconds: since its first segment was complete.
    """
    return begun <= 1 + seconds * MOST_SEGMENTS_PER_SECOND
