"""Which sockets say that their person watches a channel."""

from __future__ import annotations

from typing import Protocol


class Counting(Protocol):
    """The site's viewers, as far as sockets tell them."""

    def beat(self, channel_id: int, person_key: str, address: str) -> None: ...

    def gone(self, channel_id: int, person_key: str) -> None: ...


class Watching:
    """One person may watch in several tabs: they are gone when the last one says so."""

    def __init__(self, viewers: Counting) -> None:
        self._viewers = viewers
        self._sockets: dict[tuple[int, str], set[int]] = {}

    def beat(self, channel_id: int, person_key: str, socket: int, address: str) -> None:
        """The player at that socket plays."""
        self._sockets.setdefault((channel_id, person_key), set()).add(socket)
        self._viewers.beat(channel_id, person_key, address)

    def stop(self, channel_id: int, person_key: str, socket: int) -> None:
        """It does not, or the socket is closed."""
        sockets = self._sockets.get((channel_id, person_key))
        if sockets is None or socket not in sockets:
            return
        sockets.discard(socket)
        if not sockets:
            del self._sockets[channel_id, person_key]
            self._viewers.gone(channel_id, person_key)
