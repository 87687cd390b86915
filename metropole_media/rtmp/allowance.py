"""How often something may happen that costs everybody who follows a stream."""

from __future__ import annotations

from collections.abc import Callable


class Allowance:
    """So many at once, then one each so many seconds.

    Arguments:
        at_once: how many may happen without a pause.
        seconds: for one more.
        many: how many in all, after which it takes `seconds_later` for one more.
        clock: monotonic seconds.
    """

    __slots__ = ("_at", "_clock", "_left", "_most", "_seconds", "_seconds_later", "_spared")

    def __init__(
        self,
        clock: Callable[[], float],
        *,
        at_once: int,
        seconds: float,
        many: int,
        seconds_later: float,
    ) -> None:
        self._clock, self._most, self._seconds = clock, at_once, seconds
        self._left, self._seconds_later = many, seconds_later
        self._spared, self._at = float(at_once), clock()

    def take(self) -> bool:
        """Whether it may happen now, and then it has."""
        now = self._clock()
        each = self._seconds if self._left > 0 else self._seconds_later
        self._spared = min(self._most, self._spared + (now - self._at) / each)
        self._at = now
        if self._spared < 1:
            return False
        self._spared -= 1
        self._left -= 1
        return True
