"""Counts connections as they arrive, for ports that speak TLS.

A server hears of such a connection when both sides have agreed on a key. Who connects and never
does would be counted by nobody, and could take every file that the process may open.
"""

from __future__ import annotations

import socket
from collections import Counter
from collections.abc import Callable
from typing import Any


class Door(socket.socket):
    """A listening socket that lets in so many; others are closed unheard.

    Arguments:
        listening: a bound socket; it is taken over.
        most, most_of_one: connections that may be open in all, and of one home.
        home: what of a peer's address the second counts by; empty or None for one that it is not
            for.
    """

    def __init__(
        self,
        listening: socket.socket,
        most: int,
        most_of_one: int,
        home: Callable[[Any], str | None],
    ) -> None:
        family, kind, protocol = listening.family, listening.type, listening.proto
        super().__init__(family, kind, protocol, fileno=listening.detach())
        self._most = most
        self._most_of_one = most_of_one
        self._home = home
        self._inside = 0
        self._homes: Counter[str] = Counter()

    def accept(self) -> tuple[socket.socket, Any]:
        """As that of every socket.

        Raises:
            ConnectionAbortedError: there was one too many; asyncio comes again.
        """
        plain, peer = super().accept()
        home = self._home(peer)
        if self._inside >= self._most or (home and self._homes[home] >= self._most_of_one):
            plain.close()
            raise ConnectionAbortedError
        self._inside += 1
        if home:
            self._homes[home] += 1
        return _Visitor(plain, lambda: self._left(home)), peer

    def _left(self, home: str | None) -> None:
        self._inside -= 1
        if home:
            self._homes[home] -= 1
            if not self._homes[home]:
                del self._homes[home]


class _Visitor(socket.socket):
    """A connection that tells when it is closed."""

    def __init__(self, plain: socket.socket, left: Callable[[], None]) -> None:
        super().__init__(plain.family, plain.type, plain.proto, fileno=plain.detach())
        self._left: Callable[[], None] | None = left

    def close(self) -> None:
        """Close it."""
        super().close()
        left, self._left = self._left, None
        if left is not None:
            left()
