"""What the egress serves on the media port: its streams, by playback id."""

from __future__ import annotations

from metropole_egress_hls import answers
from metropole_egress_hls.playout import Playout
from metropole_media.http.origin import Pending, Request, Response

MAX_ENDED = 64
"""Streams that have ended and can still be fetched."""


class HlsOrigin:
    """An `Origin`: `<playback id>/<name>`."""

    def __init__(self) -> None:
        self._playouts: dict[str, Playout] = {}
        self._ended: dict[str, Playout] = {}

    def __len__(self) -> int:
        return len(self._playouts)

    def add(self, playback_id: str, playout: Playout) -> None:
        """Serve a stream, in place of what had the same id."""
        before = self._ended.get(playback_id)
        if before is not None:
            self.forget(playback_id, before)
        self._playouts[playback_id] = playout

    def end(self, playback_id: str, playout: Playout) -> None:
        """The stream has ended; it is forgotten early when too many have."""
        if self._playouts.get(playback_id) is not playout:
            playout.forget()
            return
        self._ended[playback_id] = playout
        while len(self._ended) > MAX_ENDED:
            self.forget(*next(iter(self._ended.items())))

    def forget(self, playback_id: str, playout: Playout) -> None:
        """Serve it no longer. It has ended."""
        if self._playouts.get(playback_id) is playout:
            del self._playouts[playback_id]
            self._ended.pop(playback_id, None)
        playout.forget()

    def handle(self, request: Request) -> Response | Pending:
        """Answer a request of a player."""
        playback_id, _, name = request.path.partition("/")
        playout = self._playouts.get(playback_id)
        return answers.NOT_FOUND if playout is None else playout.handle(name, request.query)
