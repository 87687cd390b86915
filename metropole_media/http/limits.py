"""The bounds of the media port, and the answers the listener gives of its own."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from metropole_media.http.origin import Response

CORS = ("Access-Control-Allow-Origin", "*")
SERVER = "metropole-media"
"""How the listener names itself in its own answers, so that a doctor knows who holds the port."""


@dataclass(frozen=True, slots=True)
class ListenerLimits:
    """What the listener holds and how long it waits.

    Fields:
        max_connections: open connections in total; further ones get 503 and are closed.
        max_per_address: open connections of one IPv4 address or one IPv6 /64.
        max_waiters: requests that may wait for an answer at one time; further ones get 503.
        receive_buffer: octets read at once, and octets of pipelined requests kept behind a
            request that is not answered yet. Beyond that the connection is not read.
        write_chunk: octets handed to a connection at once. A longer body follows piece by piece.
        write_high, write_low: octets in a connection's write buffer at which it counts as slow,
            and at which it no longer does. No request of a slow connection is looked at.
        head_timeout: seconds from the first octet of a request head to its last.
        idle_timeout: seconds without a request.
        slow_timeout: seconds in which a slow connection must take what its buffer holds.
        linger: seconds in which a client may read the last answer before it is cut off.
        max_wait: seconds that any request may wait, whatever its origin asks for.
        sweep: seconds between two looks at all connections; the grain of every time-out.
        release_chunk: waiters answered before other work has its turn.
        unsent: octets that the kernel holds unsent for one connection (TCP_NOTSENT_LOWAT).
        close_grace: seconds that `close()` gives to answers under way.
    """

    max_connections: int = 10_000
    max_per_address: int = 200
    max_waiters: int = 10_000
    receive_buffer: int = 16 * 1024
    write_chunk: int = 256 * 1024
    write_high: int = 64 * 1024
    write_low: int = 16 * 1024
    head_timeout: float = 10.0
    idle_timeout: float = 30.0
    slow_timeout: float = 15.0
    linger: float = 2.0
    max_wait: float = 60.0
    sweep: float = 0.25
    release_chunk: int = 500
    unsent: int = 256 * 1024
    close_grace: float = 0.7


@lru_cache(maxsize=64)
def refusal(status: int, sentence: str, retry_after: int | None = None) -> Response:
    """An answer of the listener itself: a line of text that a player of any origin may read."""
    headers = [
        ("Content-Type", "text/plain; charset=utf-8"),
        ("Cache-Control", "no-store"),
        ("X-Content-Type-Options", "nosniff"),
        ("Server", SERVER),
        CORS,
    ]
    if status == 405:
        headers.append(("Allow", "GET, HEAD, OPTIONS"))
    if retry_after is not None:
        headers.append(("Retry-After", str(retry_after)))
    return Response(status, sentence.encode() + b"\n", tuple(headers))


PREFLIGHT = Response(
    204,
    b"",
    (
        CORS,
        ("Access-Control-Allow-Methods", "GET, HEAD, OPTIONS"),
        ("Access-Control-Allow-Headers", "*"),
        ("Access-Control-Max-Age", "86400"),
        ("Allow", "GET, HEAD, OPTIONS"),
    ),
)
"""The answer to every OPTIONS request: anyone may fetch what is public."""
