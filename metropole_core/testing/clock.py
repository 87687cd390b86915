"""A clock that stands still until it is turned."""

from __future__ import annotations

START = 1_767_225_600.0
"""1 January 2026, 00:00 UTC."""


class FakeClock:
    """`contracts.context.Clock`, for tests.

    Arguments:
        time: Unix time that it shows first.
    """

    def __init__(self, time: float = START) -> None:
        self._monotonic = 1000.0
        self._time = time

    def monotonic(self) -> float:
        """Seconds that only grow."""
        return self._monotonic

    def time(self) -> float:
        """Unix time in seconds."""
        return self._time

    def advance(self, seconds: float) -> None:
        """Let time pass.

        Raises:
            ValueError: `seconds` is negative.
        """
        if seconds < 0:
            raise ValueError("time does not run backwards")
        self._monotonic += seconds
        self._time += seconds
