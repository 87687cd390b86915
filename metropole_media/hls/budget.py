"""The memory of all windows together.

Each window has limits of its own; the budget is for their sum. When it runs short, it is taken
from where it hurts least: first segments that have left their playlist, then broadcasts that have
ended, down to their last segment, then what live ones hold beyond the minimum that players need.
Only then is something taken from a minimum, and only from a window that holds more than an equal
share: no stream pushes out what another one needs. At last those that have ended lose all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from metropole_media.hls.window import Window


class Budget:
    """Octets for all windows that joined it. None of its calls may be made from another thread.

    Arguments:
        limit: octets; may be passed by the part that is just being added.

    Fields:
        used: octets that are kept now.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.used = 0
        self._windows: dict[Window, Callable[[int], None]] = {}

    @property
    def share(self) -> int:
        """Octets that each live window has for certain. One that has ended needs nothing more."""
        live = sum(not window.ended for window in self._windows)
        return self.limit // max(1, live)

    def join(self, window: Window, shared: Callable[[int], None]) -> None:
        """Count a window in. `shared` is told the share now and whenever it changes: an open
        segment cannot be taken away, so whoever fills the window ends it at half of that."""
        self._windows[window] = shared
        self._tell()

    def ended(self) -> None:
        """A window has ended: its share is for the others."""
        self._tell()

    def leave(self, window: Window) -> None:
        """The window is empty and stays so."""
        if self._windows.pop(window, None) is not None:
            self._tell()

    def grew(self, octets: int) -> None:
        """A window took so much; takes from others, or from it, what is too much."""
        self.used += octets
        while self.used > self.limit and self._take():
            pass

    def shrank(self, octets: int) -> None:
        """A window gave up so much."""
        self.used -= octets

    def _take(self) -> bool:
        left = [window for window in self._windows if window.lingering_until is not None]
        if left:
            min(left, key=lambda window: window.lingering_until or 0.0).drop_lingering()
            return True
        full = [window for window in self._windows if len(window.listed) > 1]
        share = self.share
        stages: tuple[Iterable[Window], ...] = (
            (window for window in full if window.ended),
            (window for window in full if window.spare),
            (window for window in full if window.octets > share),
            (window for window in self._windows if window.ended and window.listed),
        )
        for stage in stages:
            giver = max(stage, key=lambda window: window.octets, default=None)
            if giver is not None:
                giver.give()
                return True
        return False

    def _tell(self) -> None:
        share = self.share
        for shared in self._windows.values():
            shared(share)
