"""When packets come, against the times that they carry: a slow upload, bursts, a wrong clock."""

from __future__ import annotations

from collections import deque
from math import inf
from statistics import linear_regression

SECONDS = 10
BASE_SECONDS = 60
"""How far back the quickest packet is looked for."""
STOOD = 2.5
"""Seconds. After so long a pause the source may have stood still: lateness counts anew."""
DRIFT_EVERY = 10.0
DRIFT_POINTS = 60
DRIFT_AFTER = 6
"""Points until the drift is told: a minute."""
PAUSE = 0.8
"""Seconds without a packet at which low-latency players may stop."""
PACKETS = 3
"""A pause is that of so many packets at least: one frame a second is no burst."""


class Arrival:
    """Of one stream.

    Fields:
        last: when the newest packet came; never, before the first.
    """

    __slots__ = (
        "_base", "_early", "_late", "_longest", "_pauses", "_point_at", "_point_low", "_points",
        "last",
    )  # fmt: skip

    def __init__(self) -> None:
        self.restart(0.0)

    def restart(self, now: float) -> None:
        """A publisher came."""
        self.last = inf
        self._early: float | None = None
        self._longest = 0.0
        self._late = 0.0
        self._pauses: deque[tuple[float, bool]] = deque(maxlen=SECONDS)
        self._forget(now)

    def _forget(self, now: float) -> None:
        self._base: deque[float] = deque(maxlen=BASE_SECONDS)
        self._points: deque[tuple[float, float]] = deque(maxlen=DRIFT_POINTS)
        self._point_at = now
        self._point_low: float | None = None

    def take(self, now: float) -> None:
        """A packet of any track. The hot path."""
        pause = now - self.last
        if pause > self._longest:
            self._longest = pause
        self.last = now

    def compare(self, late: float) -> None:
        """Arrival minus time stamp of a packet of the leading track. The hot path."""
        if self._early is None or late < self._early:
            self._early = late

    def look(self, now: float, rate: float) -> None:
        """A second is over in which `rate` packets a second came."""
        pause = max(self._longest, now - self.last)
        counts = pause > max(PAUSE, PACKETS / rate if rate else PAUSE)
        self._pauses.append((pause, counts))
        early, self._early = self._early, None
        if self._longest > STOOD:
            self._forget(now)
        self._longest = 0.0
        if early is None:
            return
        self._base.append(early)
        self._late = early - min(self._base)
        self._drift(early, now)

    def _drift(self, early: float, now: float) -> None:
        if self._point_low is None or early < self._point_low:
            self._point_low = early
        if now - self._point_at >= DRIFT_EVERY:
            self._points.append((now, self._point_low))
            self._point_at, self._point_low = now, None

    @property
    def late(self) -> float:
        """Seconds later than the quickest of the last minute."""
        return self._late

    @property
    def pause(self) -> float:
        """The longest of ten seconds."""
        return max((pause for pause, _ in self._pauses), default=0.0)

    @property
    def pauses(self) -> int:
        """Seconds among the last ten with a pause that players may notice."""
        return sum(counts for _, counts in self._pauses)

    @property
    def drift_ppm(self) -> float | None:
        """How much faster the encoder's clock runs."""
        if len(self._points) < DRIFT_AFTER:
            return None
        times, lates = zip(*self._points, strict=True)
        return -linear_regression(times, lates).slope * 1e6
