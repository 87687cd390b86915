"""Rules of a stream's limits: counts and times in, what follows out.

No I/O: the caller looks about once a second and says what the clock shows.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from enum import Enum

from metropole_media.live import Track

WINDOW = 10.0
"""Seconds over which a bitrate is averaged."""
TOLERANCE = 1.1
"""Encoders overshoot, and their settings count neither sound nor headers: so much of the limit is
let pass."""
PATIENCE = 10.0
"""Seconds from the warning to the cut."""
RECENT = 3.0
"""Who is within the limit for so many seconds is not cut off for what was before."""
GROSS = 2.0
"""More than this times the limit is cut off without patience."""
CUT_WITHIN = WINDOW + PATIENCE + 3.0
"""Seconds in which a bitrate that stays over the tolerance is cut off, looked at every second."""
WARN_BEFORE = (600.0, 60.0)
"""Seconds before the end of a broadcast at which its creator is told."""
RESTS = (15.0, 30.0, 60.0, 120.0, 240.0, 300.0)
"""Seconds for which a channel that was cut off for its bitrate is refused, the first time, the
second...: encoders reconnect at once and would go on as before."""
REST_AFTER_SIZE = 5.0
"""Seconds that a key is refused after too large a picture: what OBS is told while it streams it
throws away, what it is told when it connects again stands in its log."""
REST_AFTER_END = 300.0
"""Seconds for which a channel is refused whose broadcast lasted as long as it may."""
FORGIVEN_AFTER = 120.0
"""Seconds without being too fast after which the next cut counts as the first."""
BLOCK = 16
"""Pictures are coded in blocks of so many pixels; not every encoder says where the picture ends
within the last one (1088 lines for 1080)."""


class Pace(Enum):
    """What a bitrate is like."""

    FINE = "fine"
    OVER = "over"
    """Over the limit and its tolerance, but not for long."""
    TOO_MUCH = "too much"


class Meter:
    """The bitrate of a stream over the last `WINDOW` seconds.

    Before that much time has passed it counts as if it had: a burst at the beginning is no rate.
    """

    __slots__ = ("_samples", "rate", "recent")

    def __init__(self) -> None:
        self._samples: deque[tuple[float, int]] = deque()
        self.rate = 0.0
        """bit/s at the last look"""
        self.recent = 0.0
        """the same over the last `RECENT` seconds"""

    def look(self, now: float, octets: int) -> float:
        """Count.

        Arguments:
            octets: since the stream began. Fewer than before: a new stream.
        """
        samples = self._samples
        if samples and octets < samples[-1][1]:
            samples.clear()
        samples.append((now, octets))
        while len(samples) > 2 and now - samples[1][0] >= WINDOW:
            samples.popleft()
        since, before = samples[0]
        self.rate = (octets - before) * 8 / max(WINDOW, now - since)
        lately = next((each for each in reversed(samples) if now - each[0] >= RECENT), samples[0])
        self.recent = (octets - lately[1]) * 8 / max(RECENT, now - lately[0])
        return self.rate


class Patience:
    """From a bitrate to what follows of it."""

    __slots__ = ("_over_since", "_since")

    def __init__(self) -> None:
        self._over_since: float | None = None

    def look(self, now: float, rate: float, recent: float, limit: float) -> Pace:
        """What the bitrate is like now.

        Arguments:
            rate, recent: of a `Meter`.
            limit: bit/s, 0 for none.
        """
        if not limit or rate <= limit * TOLERANCE:
            self._over_since = None
            return Pace.FINE
        if self._over_since is None:
            self._over_since = now
        if recent <= limit * TOLERANCE:
            return Pace.OVER  # it has been heard
        if rate > limit * GROSS or now - self._over_since >= PATIENCE:
            self._over_since = None
            return Pace.TOO_MUCH
        return Pace.OVER


class Term:
    """The time of one broadcast.

    Arguments:
        began: monotonic seconds.
    """

    __slots__ = ("_limit", "_told", "began")

    def __init__(self, began: float) -> None:
        self.began = began
        self._limit = 0.0
        self._told = 0

    def left(self, now: float, limit: float) -> float:
        """Seconds that are left, 0.0 or less when it is over."""
        return self.began + limit - now

    def tell(self, now: float, limit: float) -> bool:
        """Whether its creator is to be told of the end now: once at each of `WARN_BEFORE`. Not of
        one that the limit is shorter than."""
        if limit != self._limit:
            self._limit = limit
            self._told = sum(limit <= before for before in WARN_BEFORE)
        left = self.left(now, limit)
        passed = sum(left <= before for before in WARN_BEFORE)
        if passed <= self._told:
            return False
        self._told = passed
        return left > 0


class Rests:
    """How long a channel rests after each cut.

    Arguments of its methods are monotonic seconds.
    """

    __slots__ = ("_cuts", "_last", "until")

    def __init__(self) -> None:
        self._cuts = 0
        self._last = 0.0
        self.until = 0.0

    def cut(self, now: float) -> float:
        """It was cut off for its bitrate. Returns the seconds for which it is refused."""
        seconds = RESTS[min(self._cuts, len(RESTS) - 1)]
        self._cuts += 1
        self.until = self._last = now + seconds
        return seconds

    def too_large(self, now: float) -> None:
        """Its picture was too large."""
        self.until = max(self.until, now + REST_AFTER_SIZE)

    def ended(self, now: float) -> None:
        """Its broadcast lasted as long as it may."""
        self.until = max(self.until, now + REST_AFTER_END)

    def over(self, now: float) -> None:
        """It is too fast."""
        self._last = max(self._last, now)

    def fine(self, now: float) -> None:
        """It is not too fast."""
        if now - self._last >= FORGIVEN_AFTER:
            self._cuts = 0

    def spent(self, now: float) -> bool:
        """Whether nothing of it counts any more."""
        return now >= self.until and now - self._last >= FORGIVEN_AFTER


def larger_than(tracks: Iterable[Track], limit: int) -> Track | None:
    """The first picture whose shorter side is over the limit (pixels, 0 for none)."""
    if not limit:
        return None
    blocks = -(-limit // BLOCK) * BLOCK
    for track in tracks:
        if track.kind == "video" and min(track.width, track.height) > blocks:
            return track
    return None
