"""All that leans on private parts of Hypercorn 0.18, which is pinned for that.

What is added to it: each connection's transport stands in the ASGI state as `state["transport"]`
(a `Ref`), so that a message encoded once can be written to many WebSockets; open connections are
known, bounded in all and by address, and can be aborted; who does not read an answer is cut off
instead of keeping a connection for ever; HTTP/2 is not spoken, which neither browsers nor proxies
ask of a server without TLS, and which strangers can make fail; permessage-deflate is never
negotiated, since it costs 180 KiB and half as much CPU again for each connection. `missing` says
at start what a release moved; the site then runs on plain Hypercorn.
"""

from __future__ import annotations

import asyncio
import inspect
import ssl
from collections.abc import Awaitable, Callable
from typing import Any

import hypercorn.asyncio.run as run
import hypercorn.protocol.ws_stream as ws_stream
from hypercorn.asyncio.tcp_server import TCPServer
from hypercorn.config import Config, Sockets
from hypercorn.protocol.h11 import H11Protocol
from hypercorn.utils import wrap_app

from metropole_core.chat.limits import Caps

CLOSE_SECONDS = 5.0
"""How long a client may take to read what is left when its connection is closed."""
TCP_SERVER_TAKES = ["self", "app", "loop", "config", "context", "state", "reader", "writer"]


class Ref:
    """Holds a transport. Survives the deep copy of the scope that ProxyFix makes."""

    __slots__ = ("tr",)

    def __init__(self, tr: asyncio.WriteTransport) -> None:
        self.tr = tr

    def __deepcopy__(self, memo: dict[int, Any]) -> Ref:
        return self


class ServerConfig(Config):
    """Hypercorn's settings, and the open connections of this server.

    Arguments:
        max_connections, max_per_address: how many may be open at a time.
        home: what of a peer's address the second counts by, None for one that it is not for.
    """

    def __init__(
        self,
        max_connections: int,
        max_per_address: int,
        home: Callable[[str], str | None],
    ) -> None:
        super().__init__()
        self.caps = Caps(max_connections, max_per_address)
        self.home = home
        self.transports: set[asyncio.WriteTransport] = set()
        self.tls: ssl.SSLContext | None = None
        """What the secure sockets speak with; set before the server starts."""

    @property
    def ssl_enabled(self) -> bool:
        return self.tls is not None

    def create_ssl_context(self) -> ssl.SSLContext | None:
        return self.tls


class OfferingServer(TCPServer):
    """A connection that offers its transport, and is counted while it is open."""

    def __init__(
        self,
        app: Any,
        loop: asyncio.AbstractEventLoop,
        config: Any,
        context: Any,
        state: Any,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        offered = {**state, "transport": Ref(writer.transport)}
        super().__init__(app, loop, config, context, offered, reader, writer)

    async def run(self) -> None:
        config = self.config
        if not isinstance(config, ServerConfig):  # another server in this process
            await super().run()
            return
        transport: asyncio.WriteTransport = self.writer.transport
        peer = transport.get_extra_info("peername")
        home = config.home(peer[0]) if peer else None
        if not config.caps.enter(home):
            transport.abort()
            return
        config.transports.add(transport)
        try:
            await super().run()
        except asyncio.CancelledError:
            # The server stops, and nothing follows in this task. Passed on, asyncio of Python 3.11
            # would write a traceback for each connection.
            transport.abort()
        finally:
            config.transports.discard(transport)
            config.caps.leave(home)

    async def _close(self) -> None:
        timer = self.loop.call_later(CLOSE_SECONDS, self.writer.transport.abort)
        try:
            await super()._close()
        finally:
            timer.cancel()


def missing() -> list[str]:
    """Which of the private parts are not as this module needs them, in words."""
    found = []
    if list(inspect.signature(TCPServer.__init__).parameters) != TCP_SERVER_TAKES:
        found.append("TCPServer takes other arguments")
    if not inspect.iscoroutinefunction(getattr(TCPServer, "run", None)):
        found.append("TCPServer.run is gone")
    if not inspect.iscoroutinefunction(getattr(TCPServer, "_close", None)):
        found.append("TCPServer closes elsewhere")
    if getattr(run, "TCPServer", None) not in (TCPServer, OfferingServer):
        found.append("worker_serve finds TCPServer elsewhere")
    if "sockets" not in inspect.signature(run.worker_serve).parameters:
        found.append("worker_serve takes no sockets")
    if not inspect.iscoroutinefunction(getattr(H11Protocol, "_check_protocol", None)):
        found.append("HTTP/2 begins elsewhere")
    if not callable(getattr(ws_stream, "server_extensions_handshake", None)):
        found.append("the WebSocket handshake negotiates extensions elsewhere")
    return found


def _no_extensions(*_arguments: Any) -> None:
    """Accept no extension that a client offers."""


async def _check_request(self: H11Protocol, event: Any) -> None:
    """Take "PRI" for a method like others, and a wish to upgrade for none. What follows a request
    that says its length in two ways may be meant as a part of it: the connection ends with its
    answer (RFC 9112 section 6.1)."""
    names = {name for name, _ in event.headers}
    if b"transfer-encoding" in names and b"content-length" in names:
        self.keep_alive_requests = self.config.keep_alive_max_requests


def install() -> list[str]:
    """Put the additions in place; does nothing, and says what is missing, when they do not fit."""
    absent = missing()
    if not absent:
        run.__dict__["TCPServer"] = OfferingServer
        ws_stream.__dict__["server_extensions_handshake"] = _no_extensions
        H11Protocol._check_protocol = _check_request  # type: ignore[method-assign]
    return absent


async def serve(
    app: Any, config: ServerConfig, sockets: Sockets, trigger: Callable[[], Awaitable[None]]
) -> None:
    """Serve on sockets that are bound already, until `trigger` returns. It is called once the
    sockets accept connections."""
    await run.worker_serve(
        wrap_app(app, config.wsgi_max_body_size, "asgi"),
        config,
        sockets=sockets,
        shutdown_trigger=trigger,
    )
