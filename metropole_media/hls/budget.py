"""The memory of all windows together.

A stream has a share of it, for the windows of all its renditions. When the memory of one stream
runs short, its own windows give; when that of all does, it is taken from where it hurts least:
first segments that have left their playlist, then broadcasts that have ended, down to their last
segment, then what live ones hold beyond the minimum that players need. Only then is something
taken from a minimum, and only from a stream that holds more than an equal share: no stream pushes
out what another one needs. At last those that have ended lose all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from metropole_media.hls.window import Window


class Budget:
    """Octets for all streams. None of its calls may be made from another thread.

    Arguments:
        limit: octets; may be passed by the part that is just being added.

    Fields:
        used: octets that are kept now.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.used = 0
        self._shares: dict[Share, Callable[[int], None]] = {}

    @property
    def share(self) -> int:
        """Octets that each live stream has for certain. One that has ended needs nothing more."""
        return self.limit // max(1, sum(share.live for share in self._shares))

    @property
    def windows(self) -> list[Window]:
        """All that count."""
        return [window for share in self._shares for window in share.windows]

    def open(self, limit: int, shared: Callable[[int], None] = lambda share: None) -> Share:
        """The share of a stream, which is counted as soon as it has a window.

        Arguments:
            limit: octets that it never takes more than.
            shared: told the share whenever it changes: an open segment cannot be taken away, so
                whoever fills the windows ends it early enough.
        """
        return Share(self, limit, shared)

    def _take(self) -> bool:
        left = [window for window in self.windows if window.lingering_until is not None]
        if left:
            _oldest_left(left).drop_lingering()
            return True
        windows = [(window, share) for share in self._shares for window in share.windows]
        full = [(window, share) for window, share in windows if len(window.listed) > 1]
        limit = self.share
        stages: tuple[Iterable[Window], ...] = (
            (window for window, _ in full if window.ended),
            (window for window, _ in full if window.spare),
            (window for window, share in full if share.used > limit),
            (window for window, _ in windows if window.ended and window.listed),
        )
        for stage in stages:
            giver = max(stage, key=lambda window: window.octets, default=None)
            if giver is not None:
                giver.give()
                return True
        return False

    def _grew(self, octets: int) -> None:
        self.used += octets
        while self.used > self.limit and self._take():
            pass

    def _tell(self) -> None:
        share = self.share
        for shared in self._shares.values():
            shared(share)


class Share:
    """The part of a budget that the windows of one stream use. Made by `Budget.open`.

    Fields:
        used: octets that are kept now.
        windows: those that joined.
    """

    def __init__(self, budget: Budget, limit: int, shared: Callable[[int], None]) -> None:
        self.used = 0
        self.windows: list[Window] = []
        self._budget = budget
        self._limit = limit
        self._shared = shared

    @property
    def live(self) -> bool:
        """Whether one of its windows has not ended."""
        return any(not window.ended for window in self.windows)

    def join(self, window: Window) -> None:
        """Count a window in."""
        self.windows.append(window)
        self._budget._shares[self] = self._shared
        self._budget._tell()

    def ended(self) -> None:
        """A window has ended; with the last one, the share is for the others."""
        self._budget._tell()

    def leave(self, window: Window) -> None:
        """The window is empty and stays so."""
        if window in self.windows:
            self.windows.remove(window)
            if not self.windows:
                del self._budget._shares[self]
            self._budget._tell()

    def grew(self, octets: int) -> None:
        """A window took so much; takes from others, or from it, what is too much."""
        self.used += octets
        while self.used > self._limit and self._take():
            pass
        self._budget._grew(octets)

    def shrank(self, octets: int) -> None:
        """A window gave up so much."""
        self.used -= octets
        self._budget.used -= octets

    def _take(self) -> bool:
        """Oldest first, so that the renditions of a stream reach back equally far."""
        left = [window for window in self.windows if window.lingering_until is not None]
        if left:
            _oldest_left(left).drop_lingering()
            return True
        full = [window for window in self.windows if len(window.listed) > 1]
        if full:
            min(full, key=lambda window: window.listed[0].wall).give()
        return bool(full)


def _oldest_left(windows: list[Window]) -> Window:
    return min(windows, key=lambda window: window.lingering_until or 0.0)
