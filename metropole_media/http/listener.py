"""The lean listener of the media port: origins under prefixes, for very many players.

A general web server spends five times more per part than this needs to. Here a request costs no
task and a waiting player no future: one `asyncio` protocol object a connection, prebuilt answers
written to it at once, one timer for all time-outs together.
"""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import re
import socket
import ssl
from collections import deque
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from email.utils import formatdate
from time import monotonic, time
from typing import Any

from metropole_media.bind import ACCEPT_AT_ONCE, let_wait
from metropole_media.http.connection import Connection
from metropole_media.http.door import Door
from metropole_media.http.limits import PREFLIGHT, ListenerLimits, refusal
from metropole_media.http.origin import Origin, Pending, Response
from metropole_media.http.parser import Head

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_BACKLOG = 1024
_PREFIX = re.compile(r"[A-Za-z0-9_-]{1,64}")
_ANSWERS = (Response, Pending)
_OVER = 16
"""refused connections of one address, beyond its cap, that are still told why"""
HANDSHAKE_SECONDS = 10.0
"""in which a client must have agreed on a key, where TLS is spoken"""


@dataclass(slots=True)
class ListenerStats:
    """What a listener has done and holds.

    Fields:
        connections, waiters: held now.
        accepted: connections since the start.
        refused: of those, refused by a cap.
        requests: requests that could be read.
        bad_requests: those that could not, or did not arrive in time.
        octets: handed to clients.
        failures: answers 500, because an origin broke its contract.
        waits, waits_expired, waits_refused: requests that had to wait; those that ran into their
            time-out; those refused by the cap.
        idle_closed, slow_aborted: connections ended by a time-out.
    """

    connections: int = 0
    waiters: int = 0
    accepted: int = 0
    refused: int = 0
    requests: int = 0
    bad_requests: int = 0
    octets: int = 0
    failures: int = 0
    waits: int = 0
    waits_expired: int = 0
    waits_refused: int = 0
    idle_closed: int = 0
    slow_aborted: int = 0


class Listener:
    """Answers GET and HEAD for the origins mounted on it.

    Arguments:
        mounts: origins by the first segment of the path.
        limits: what it holds and how long it waits.
        uncapped: networks whose addresses have no cap of their own (a reverse proxy).
        log: where a failing origin is told.
    """

    def __init__(
        self,
        mounts: Mapping[str, Origin] | None = None,
        *,
        limits: ListenerLimits | None = None,
        uncapped: Iterable[Network] = (),
        log: logging.Logger | None = None,
    ) -> None:
        self.limits = limits or ListenerLimits()
        self.counters = ListenerStats()
        self.waiting = 0
        self.port = 0
        self.date = b""
        """The header with its line break (RFC 9110 section 6.6.1); one object for a second."""
        self.inbox = bytearray(self.limits.receive_buffer)
        self.inbox_view = memoryview(self.inbox)
        self.loop: asyncio.AbstractEventLoop
        self._mounts: dict[str, Origin] = {}
        self._uncapped = tuple(uncapped)
        self._log = log or logging.getLogger(__name__)
        self._server: asyncio.Server | None = None
        self._connections: set[Connection] = set()
        self._by_address: dict[str, int] = {}
        self._late: deque[tuple[Connection, Response]] = deque()
        self._room = self.limits.release_chunk
        self._turn_due = False
        self._sweeper: asyncio.TimerHandle | None = None
        self._empty: asyncio.Event | None = None
        self._dated = 0
        self._told_at = 0.0
        self._untold = 0
        for prefix, origin in (mounts or {}).items():
            self.mount(prefix, origin)

    @property
    def stats(self) -> ListenerStats:
        """The counters as they are now."""
        return replace(self.counters, connections=len(self._connections), waiters=self.waiting)

    def mount(self, prefix: str, origin: Origin) -> None:
        """Serve an origin under a prefix.

        Raises:
            ValueError: the prefix is no plain path segment, or is taken.
        """
        if not _PREFIX.fullmatch(prefix):
            raise ValueError(f"{prefix!r} is no plain path segment")
        if prefix in self._mounts:
            raise ValueError(f"{prefix!r} is taken")
        self._mounts[prefix] = origin

    async def start(self, host: str, port: int, tls: ssl.SSLContext | None = None) -> None:
        """Open the port; 0 takes any that is free. `port` says which it became.

        Arguments:
            tls: to speak HTTPS with.

        Raises:
            OSError: it cannot be opened (taken, not ours, no such address).
        """
        self.loop = asyncio.get_running_loop()
        if tls is None:
            self._server = await self.loop.create_server(
                lambda: Connection(self), host, port, backlog=ACCEPT_AT_ONCE
            )
        else:
            self._server = await self.loop.create_server(
                lambda: Connection(self),
                sock=self._door(host, port),
                backlog=ACCEPT_AT_ONCE,
                ssl=tls,
                ssl_handshake_timeout=HANDSHAKE_SECONDS,
            )
        let_wait(self._server, _BACKLOG)
        self.port = self._server.sockets[0].getsockname()[1]
        # Accepted sockets inherit it. It bounds what the kernel keeps for a client that does not
        # read, without the loss of speed on long paths that a small SO_SNDBUF has.
        option = getattr(socket, "TCP_NOTSENT_LOWAT", None)
        if option is not None:
            for sock in self._server.sockets:
                with suppress(OSError):
                    sock.setsockopt(socket.IPPROTO_TCP, option, self.limits.unsent)

    def _door(self, host: str, port: int) -> Door:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        listening = socket.create_server((host, port), family=family, backlog=_BACKLOG)
        # Those beyond a cap that are told why come in.
        most = self.limits.max_connections + _OVER
        most_of_one = self.limits.max_per_address + _OVER
        return Door(listening, most, most_of_one, self._address)

    async def close(self) -> None:
        """Close the port and all connections, within a second. Safe to call twice.

        Players that wait get 503; answers under way have `close_grace` seconds.
        """
        server, self._server = self._server, None
        if server is None:
            return
        server.close()
        self._empty = asyncio.Event()
        for connection in tuple(self._connections):
            connection.shut_down()
        for grace in (self.limits.close_grace, 0.2):
            if self._connections:
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._empty.wait(), grace)
            for connection in tuple(self._connections):
                connection.abort()
        if self._sweeper is not None:
            self._sweeper.cancel()
            self._sweeper = None

    # What connections call

    def admit(self, connection: Connection, peer: Any) -> Response | None:
        """Take a new connection in; the answer is what it is refused with, or None."""
        self.counters.accepted += 1
        connection.address = address = self._address(peer)
        total = len(self._connections)
        count = self._by_address.get(address, 0) + 1
        self._connections.add(connection)
        if address:
            self._by_address[address] = count
        if self._sweeper is None:
            self._tell_time()
            self._sweeper = self.loop.call_later(self.limits.sweep, self._sweep)
        over_address = count - self.limits.max_per_address if address else 0
        over = max(total + 1 - self.limits.max_connections, over_address)
        if over <= 0 and self._server is not None:
            return None
        self.counters.refused += 1
        if over > _OVER or self._server is None:
            connection.abort()
            return None
        if over_address > 0:
            return refusal(503, "too many connections from this address", 5)
        return refusal(503, "too many connections; try again", 5)

    def forget(self, connection: Connection) -> None:
        """A connection is gone."""
        self._connections.discard(connection)
        address = connection.address
        if address:
            count = self._by_address.get(address, 0) - 1
            if count > 0:
                self._by_address[address] = count
            else:
                self._by_address.pop(address, None)
        if self._empty is not None and not self._connections:
            self._empty.set()

    def answer(self, head: Head) -> Response | Pending:
        """Ask the origin. One that raises costs only this client its answer."""
        if head.request.method == "OPTIONS":
            return PREFLIGHT
        origin = self._mounts.get(head.prefix)
        if origin is None:
            return refusal(404, "there is nothing here")
        try:
            answer = origin.handle(head.request)
        except Exception as error:
            return self.failed(head.prefix, error)
        if isinstance(answer, _ANSWERS):
            return answer
        return self.failed(head.prefix, TypeError(f"it answered with {type(answer).__name__}"))

    def expired(self, pending: Pending) -> Response:
        """The answer for a client that has waited long enough."""
        try:
            return pending.expired()
        except Exception as error:
            return self.failed("", error)

    def failed(self, prefix: str, error: Exception) -> Response:
        """An origin broke its contract: told in the log, at most once a second."""
        self.counters.failures += 1
        now = monotonic()
        if now - self._told_at >= 1.0:
            self._log.error(
                "the origin of /%s failed (%d more untold)", prefix, self._untold, exc_info=error
            )
            self._told_at, self._untold = now, 0
        else:
            self._untold += 1
        return refusal(500, "this went wrong here; the operator's log says more")

    def hand_over(self, connection: Connection, response: Response) -> None:
        """Answer a client that waited: now, or after other work had its turn."""
        if self.may_answer():
            connection.deliver(response)
        else:
            self.put_off(connection, response)

    def may_answer(self) -> bool:
        """Whether one more client that waited can be answered in this turn of the loop.

        Thousands of players wait for the same part; answering them all in one go would hold up
        ingest, pages and chat.
        """
        if not self._turn_due:
            self._turn_due = True
            self.loop.call_soon(self._turn)
        if self._room > 0:
            self._room -= 1
            return True
        return False

    def put_off(self, connection: Connection, response: Response) -> None:
        """Answer in one of the next turns."""
        self._late.append((connection, response))

    def _turn(self) -> None:
        self._room = self.limits.release_chunk
        while self._late and self._room > 0:
            self._room -= 1
            connection, response = self._late.popleft()
            connection.deliver(response)
        self._turn_due = bool(self._late)
        if self._turn_due:
            self.loop.call_soon(self._turn)
        else:
            self._room = self.limits.release_chunk

    def _sweep(self) -> None:
        now = monotonic()
        self._tell_time()
        for connection in [one for one in self._connections if one.deadline <= now]:
            connection.expire()
        self._sweeper = None
        if self._connections:
            self._sweeper = self.loop.call_later(self.limits.sweep, self._sweep)

    def _tell_time(self) -> None:
        now = int(time())
        if now != self._dated:
            self._dated = now
            self.date = f"Date: {formatdate(now, usegmt=True)}\r\n".encode()

    def _address(self, peer: Any) -> str:
        """What the cap counts by: an IPv4 address, an IPv6 /64; empty when there is no cap."""
        try:
            address = ipaddress.ip_address(peer[0].partition("%")[0])
        except (TypeError, ValueError, IndexError):
            return ""
        if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
            address = address.ipv4_mapped
        if any(address in network for network in self._uncapped):
            return ""
        if isinstance(address, ipaddress.IPv6Address):
            return str(ipaddress.ip_network((int(address) >> 64 << 64, 64)))
        return str(address)
