"""The port that encoders connect to: caps, time limits, start and stop."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import ipaddress
from collections import Counter
from dataclasses import replace

from metropole_core.contracts.context import PluginContext
from metropole_core.contracts.ingest import IngressPoint
from metropole_core.errors import Unavailable
from metropole_ingest_rtmp.connection import RtmpConnection
from metropole_ingest_rtmp.settings import RtmpSettings
from metropole_media.bind import ACCEPT_AT_ONCE, let_wait, split_bind
from metropole_media.rtmp.limits import RtmpLimits

APP = "live"
READ_BUFFER = 256 * 1024
BACKLOG = 128
TICK_SECONDS = 1.0
STOP_SECONDS = 1.0
QUIET_SECONDS = 10.0
MAX_LINES = 3
"""Of the log, in that time, about callers who did not become publishers; more are counted."""


class RtmpListener:
    """The RTMP ingest, an `Ingest` of the core."""

    name = "rtmp"

    def __init__(
        self, context: PluginContext[RtmpSettings], limits: RtmpLimits | None = None
    ) -> None:
        settings = context.settings
        self.context = context
        self.limits = replace(
            limits or RtmpLimits(),
            silence_seconds=settings.silence_seconds,
            before_grant_seconds=settings.before_grant_seconds,
        )
        self.buffer = memoryview(bytearray(READ_BUFFER))
        self.tick_seconds = min(
            TICK_SECONDS, settings.silence_seconds / 4, settings.before_grant_seconds / 4
        )
        self._host, self._port = split_bind(settings.bind)
        self._server: asyncio.Server | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._connections: set[RtmpConnection] = set()
        self._per_address: Counter[str] = Counter()
        self._empty = asyncio.Event()
        self._told_since = float("-inf")
        self._told = 0
        self._untold = 0

    @property
    def port(self) -> int:
        """The port that is open, or the one that will be."""
        return self._port

    @property
    def connections(self) -> int:
        """How many encoders are connected now."""
        return len(self._connections)

    def now(self) -> float:
        """Monotonic seconds."""
        return self.context.clock.monotonic()

    def point(self) -> IngressPoint:
        """Where encoders connect now."""
        return IngressPoint(
            protocol="rtmp",
            title="RTMP",
            url=f"{self.context.addresses.rtmp_url(self._port).rstrip('/')}/{APP}",
            key_hint="Stream key",
            help=(
                ("OBS", "Settings > Stream > Service: Custom, then paste server and stream key."),
                (
                    "Keyframe interval",
                    "Settings > Output > Output Mode: Advanced > Keyframe Interval: 1 s.",
                ),
            ),
        )

    async def start(self) -> None:
        """Open the port.

        Raises:
            Unavailable: it is taken, or may not be opened.
        """
        loop = asyncio.get_running_loop()
        try:
            self._server = await loop.create_server(
                lambda: RtmpConnection(self), self._host, self._port, backlog=ACCEPT_AT_ONCE
            )
        except OSError as error:
            raise Unavailable(_why_not(error, self.context.settings.bind)) from error
        let_wait(self._server, BACKLOG)
        self._port = self._server.sockets[0].getsockname()[1]
        self._timer = loop.call_later(self.tick_seconds, self._tick)

    async def stop(self) -> None:
        """Close port and connections, within a second. Encoders may come back."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._server is not None:
            self._server.close()
            self._server = None
        for connection in tuple(self._connections):
            connection.shut("The server is being restarted.")
            connection.abort()
        if self._connections:
            self._empty.clear()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._empty.wait(), STOP_SECONDS)

    def admit(self, connection: RtmpConnection) -> bool:
        """Count a new connection, if there is room for it."""
        source = _source(connection.address)
        if len(self._connections) >= self.context.settings.max_connections:
            self.complain("RTMP: turned away %s: all connections are taken", connection.address)
            return False
        if self._per_address[source] >= self.context.settings.max_per_address:
            self.complain(
                "RTMP: turned away %s: that address has too many connections", connection.address
            )
            return False
        self._per_address[source] += 1
        self._connections.add(connection)
        return True

    def left(self, connection: RtmpConnection) -> None:
        """A connection that was admitted is gone."""
        source = _source(connection.address)
        self._per_address[source] -= 1
        if self._per_address[source] <= 0:
            del self._per_address[source]
        self._connections.discard(connection)
        if not self._connections:
            self._empty.set()

    def _tick(self) -> None:
        now = self.now()
        for connection in tuple(self._connections):
            connection.tick(now)
        self._tell_how_many(now)
        self._timer = asyncio.get_running_loop().call_later(self.tick_seconds, self._tick)

    def complain(self, line: str, *values: str) -> None:
        """Tell the log of a caller who did not become a publisher. Strangers in great number are
        counted instead."""
        now = self.now()
        self._tell_how_many(now)
        if self._told >= MAX_LINES:
            self._untold += 1
            return
        self._told += 1
        self.context.log.warning(line, *values)

    def _tell_how_many(self, now: float) -> None:
        if now - self._told_since < QUIET_SECONDS:
            return
        if self._untold:
            self.context.log.warning(
                "RTMP: closed %d more connections that did not become streams", self._untold
            )
        self._told_since, self._told, self._untold = now, min(1, self._untold), 0


def _source(address: str) -> str:
    """What counts as one address: IPv4 itself, IPv6 its /64."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed.ipv4_mapped is not None:
            return str(parsed.ipv4_mapped)
        return str(ipaddress.ip_network((parsed, 64), strict=False))
    return str(parsed)


def _why_not(error: OSError, bind: str) -> str:
    if error.errno == errno.EADDRINUSE:
        return (
            f"The RTMP port {bind} is taken by another program: end it, "
            "or set another port in plugin.ingest_rtmp.bind."
        )
    if error.errno == errno.EACCES:
        return f"This account may not open the RTMP port {bind}: choose a port above 1023."
    return f"The RTMP port {bind} cannot be opened: {error.strerror or 'unknown reason'}."
