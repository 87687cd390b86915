"""The answers, with what caches between us and the player may do with them.

Everything is for everyone: any page may fetch it (CORS), and nothing depends on who asks but
whether a playlist comes compressed.
"""

from __future__ import annotations

import zlib

from metropole_media.http.origin import Response

CORS = (
    ("Access-Control-Allow-Origin", "*"),
    # What a cache adds and a player counts with: hls.js takes the age of a playlist from it.
    ("Access-Control-Expose-Headers", "Age, Date, Content-Range"),
)
PLAYLIST_TYPE = "application/vnd.apple.mpegurl"
MEDIA_TYPE = "video/mp4"

FOREVER = "public, max-age=3600, immutable"
"""Parts, segments, init segments: a name never gets other octets. An hour outlives every player
that could ask, and what must be taken down is not kept for a year."""
SHARED = "public, max-age=0, s-maxage=1"
"""A playlist asked for without directives: a cache answers many players from one request, a
browser does not start with an old one."""
BLOCKED = "public, max-age=1"
"""A playlist that holds what the directives in its URL name. The URL is another for each part;
a second is enough to answer all who ask for it."""
NEVER = "no-store"
"""Errors, and the unchanged playlist after a wait in vain: true only now."""


class Body:
    """A playlist's octets, compressed once for all who want that, and only if somebody does."""

    __slots__ = ("_gzip", "octets")

    def __init__(self, text: str) -> None:
        self.octets = text.encode()
        self._gzip: bytes | None = None

    def gzip(self) -> bytes:
        """At the lowest level: the higher ones take a tenth off, at twice the price. A small
        memory level, since clearing the usual one's tables takes five times as long as the rest."""
        if self._gzip is None:
            packer = zlib.compressobj(1, zlib.DEFLATED, 16 + zlib.MAX_WBITS, 5)
            self._gzip = packer.compress(self.octets) + packer.flush()
        return self._gzip


def playlist(body: Body, cache: str) -> Response:
    """A playlist."""
    headers = (("Content-Type", PLAYLIST_TYPE), ("Cache-Control", cache), *CORS)
    return Response(200, body.octets, headers, body.gzip)


def media(data: bytes | memoryview) -> Response:
    """A part, a segment or an init segment."""
    return Response(200, data, (("Content-Type", MEDIA_TYPE), ("Cache-Control", FOREVER), *CORS))


def refuse(status: int, sentence: str, retry_after: int | None = None) -> Response:
    """No; a line of text says why."""
    headers = [("Content-Type", "text/plain; charset=utf-8"), ("Cache-Control", NEVER), *CORS]
    if retry_after is not None:
        headers.append(("Retry-After", str(retry_after)))
    return Response(status, sentence.encode() + b"\n", tuple(headers))


NOT_FOUND = refuse(404, "there is no such thing here, or it is gone")
NOT_YET = refuse(503, "the stream has only just begun; try again", 1)
ENDED = refuse(404, "the broadcast is over")
GONE = refuse(404, "this quality is no longer made")
