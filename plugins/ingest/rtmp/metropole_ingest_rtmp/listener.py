"""The ports that encoders connect to, RTMP and RTMPS: time limits, start and stop."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import socket
from dataclasses import replace

from metropole_core.contracts.context import PluginContext
from metropole_core.contracts.ingest import IngressPoint
from metropole_core.errors import Unavailable
from metropole_ingest_rtmp.admission import Admission, source_of
from metropole_ingest_rtmp.certificate import Certificate
from metropole_ingest_rtmp.connection import RtmpConnection
from metropole_ingest_rtmp.settings import RtmpSettings
from metropole_media.bind import ACCEPT_AT_ONCE, let_wait, split_bind
from metropole_media.http.door import Door
from metropole_media.rtmp.limits import RtmpLimits

APP = "live"
READ_BUFFER = 256 * 1024
BACKLOG = 128
TICK_SECONDS = 1.0
STOP_SECONDS = 1.0


class RtmpListener:
    """The RTMP ingest, an `Ingest` of the core.

    Arguments:
        admission: shared with other ports of the plugin.
    """

    name = "rtmp"
    title = "RTMP"

    def __init__(
        self,
        context: PluginContext[RtmpSettings],
        limits: RtmpLimits | None = None,
        admission: Admission | None = None,
    ) -> None:
        settings = context.settings
        self.context = context
        self.admission = admission or Admission(context)
        self.limits = replace(
            limits or RtmpLimits(),
            silence_seconds=settings.silence_seconds,
            before_grant_seconds=settings.before_grant_seconds,
        )
        self.buffer = memoryview(bytearray(READ_BUFFER))
        self.tick_seconds = min(
            TICK_SECONDS, settings.silence_seconds / 4, settings.before_grant_seconds / 4
        )
        self._bind = self._where(settings)
        self._host, self._port = split_bind(self._bind)
        self._server: asyncio.Server | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._connections: set[RtmpConnection] = set()
        self._empty = asyncio.Event()

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
            protocol=self.name,
            title=self.title,
            url=f"{self._url().rstrip('/')}/{APP}",
            key_hint="Stream key",
            help=self._help(),
        )

    def _where(self, settings: RtmpSettings) -> str:
        return settings.bind

    def _url(self) -> str:
        return self.context.addresses.rtmp_url(self._port)

    def _help(self) -> tuple[tuple[str, str], ...]:
        return (
            ("OBS", "Settings > Stream > Service: Custom, then paste server and stream key."),
            (
                "Keyframe interval",
                "Settings > Output > Output Mode: Advanced > Keyframe Interval: 1 s.",
            ),
        )

    async def _open(self) -> asyncio.Server:
        """Listen. Raises OSError."""
        return await asyncio.get_running_loop().create_server(
            lambda: RtmpConnection(self), self._host, self._port, backlog=ACCEPT_AT_ONCE
        )

    async def start(self) -> None:
        """Open the port.

        Raises:
            Unavailable: it is taken, or may not be opened.
        """
        try:
            self._server = await self._open()
        except OSError as error:
            raise Unavailable(_why_not(error, self.title, self._bind)) from error
        let_wait(self._server, BACKLOG)
        self._port = self._server.sockets[0].getsockname()[1]
        self._timer = asyncio.get_running_loop().call_later(self.tick_seconds, self._tick)

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
        if not self.admission.enter(connection.address):
            return False
        self._connections.add(connection)
        return True

    def left(self, connection: RtmpConnection) -> None:
        """A connection that was admitted is gone."""
        self.admission.leave(connection.address)
        self._connections.discard(connection)
        if not self._connections:
            self._empty.set()

    def _tick(self) -> None:
        now = self.now()
        for connection in tuple(self._connections):
            connection.tick(now)
        self.admission.tell_how_many()
        self._timer = asyncio.get_running_loop().call_later(self.tick_seconds, self._tick)


class RtmpsListener(RtmpListener):
    """The same over TLS, on a port of its own."""

    name = "rtmps"
    title = "RTMPS"

    def __init__(
        self,
        context: PluginContext[RtmpSettings],
        limits: RtmpLimits | None = None,
        admission: Admission | None = None,
    ) -> None:
        super().__init__(context, limits, admission)
        self._certificate: Certificate | None = None

    async def start(self) -> None:
        """Open the port.

        Raises:
            Unavailable: it is taken, may not be opened, or has no certificate that can be used.
        """
        settings = self.context.settings
        if settings.certificate is not None and settings.certificate_key is not None:
            self._certificate = Certificate(
                settings.certificate, settings.certificate_key, self.context.log
            )
        elif self.context.tls is None:
            raise Unavailable(
                "RTMPS has no certificate: set certificate and certificate_key of "
                "[plugin.ingest_rtmp], or of the site."
            )
        await super().start()

    def _where(self, settings: RtmpSettings) -> str:
        return settings.tls_bind

    def _url(self) -> str:
        return self.context.addresses.rtmps_url(self._port)

    def _help(self) -> tuple[tuple[str, str], ...]:
        return (
            ("Encrypted", "The same key. Encoders that do not know RTMPS take the address above."),
        )

    async def _open(self) -> asyncio.Server:
        settings = self.context.settings
        family = socket.AF_INET6 if ":" in self._host else socket.AF_INET
        listening = socket.create_server((self._host, self._port), family=family, backlog=BACKLOG)
        # A connection is heard of when it has agreed on a key: those that never do are counted
        # as they arrive.
        door = Door(
            listening,
            settings.max_connections,
            settings.max_per_address,
            lambda peer: source_of(peer[0]),
        )
        tls = self._certificate.context if self._certificate else self.context.tls
        return await asyncio.get_running_loop().create_server(
            lambda: RtmpConnection(self),
            sock=door,
            backlog=ACCEPT_AT_ONCE,
            ssl=tls,
            ssl_handshake_timeout=settings.before_grant_seconds,
            ssl_shutdown_timeout=STOP_SECONDS,
        )

    def _tick(self) -> None:
        if self._certificate is not None:
            self._certificate.renew(self.now())
        super()._tick()


def _why_not(error: OSError, title: str, bind: str) -> str:
    setting = "bind" if title == RtmpListener.title else "tls_bind"
    if error.errno == errno.EADDRINUSE:
        return (
            f"The {title} port {bind} is taken by another program: end it, "
            f"or set another port in plugin.ingest_rtmp.{setting}."
        )
    if error.errno == errno.EACCES:
        return f"This account may not open the {title} port {bind}: choose a port above 1023."
    return f"The {title} port {bind} cannot be opened: {error.strerror or 'unknown reason'}."
