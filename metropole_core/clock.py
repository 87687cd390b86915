"""Time, passed in where a rule depends on it."""

from __future__ import annotations

import time
from datetime import UTC, datetime

from metropole_core.contracts.context import Clock


class SystemClock:
    """The machine's clock."""

    def monotonic(self) -> float:
        """Seconds that only grow."""
        return time.monotonic()

    def time(self) -> float:
        """Unix time in seconds."""
        return time.time()


def utc_now(clock: Clock) -> datetime:
    """The clock's time as an aware datetime in UTC."""
    return datetime.fromtimestamp(clock.time(), UTC)
