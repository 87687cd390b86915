"""Serves a site on its port until it is told to stop."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
import signal
import socket
from collections.abc import Awaitable, Callable, Iterator
from ipaddress import ip_network

from hypercorn.config import Sockets

from metropole_core import exhaustion, hypercorn_parts
from metropole_core.accounts.limits import counted
from metropole_core.app import create_app, site_of, start
from metropole_core.config import SiteConfig, split_bind
from metropole_core.errors import Unavailable
from metropole_core.hypercorn_parts import ServerConfig
from metropole_core.site import CLOSING_SECONDS, Site
from metropole_media.http.door import Door

log = logging.getLogger("metropole.server")

BACKLOG = 1024
ACCEPT_AT_ONCE = 32
"""What asyncio takes for the backlog is also how often it tries to accept in one go. When no more
files may be opened it tries all of them in vain, which with a thousand takes most of a core."""
MAX_PER_ADDRESS = 500
"""Connections of one address, IPv6 by /64. A browser has up to seven, many people may share one
address behind a router, and a trusted proxy may have any number."""
ABORT_AFTER = 0.5
"""Seconds after that until connections that are still open are cut."""


async def serve(
    config: SiteConfig,
    *,
    ready: Callable[[Site], Awaitable[None]] | None = None,
    stop: asyncio.Event | None = None,
) -> None:
    """Run a site until SIGINT or SIGTERM; a second signal cuts every connection at once.

    Arguments:
        ready: called once its ports are open.
        stop: stops it as a signal would.

    Raises:
        MetropoleError: it cannot start (a port that is taken, a database that is away); the
            sentence says what to do.
    """
    stop = stop or asyncio.Event()
    exhaustion.watch_accepting(asyncio.get_running_loop())
    # Bound first: a second site that is started by mistake must not touch the streams of the
    # one that runs.
    sock = bind_socket(config.bind)
    try:
        app = create_app(config)
        site = site_of(app)
        server = _server_config(config)
        failures: list[Exception] = []

        async def opened(site: Site) -> None:
            sock.listen(BACKLOG)
            if ready is not None:
                await ready(site)

        with _signals(stop, server):
            await start(app)
            if site.certificate is not None:
                server.tls = site.certificate.context
                sock = _door(sock, config, server)
            try:
                await hypercorn_parts.serve(
                    app,
                    server,
                    Sockets([sock], [], []) if server.tls else Sockets([], [sock], []),
                    lambda: _until_stopped(site, server, stop, opened, failures),
                )
            finally:
                await site.stop()
        if failures:
            raise failures[0]
    finally:
        sock.close()


def _door(sock: socket.socket, config: SiteConfig, server: ServerConfig) -> Door:
    possible = exhaustion.connections_possible(config.max_connections)
    return Door(sock, possible, MAX_PER_ADDRESS, lambda peer: server.home(peer[0]))


def bind_socket(bind: str) -> socket.socket:
    """A socket bound to that address, which does not listen yet.

    Raises:
        Unavailable: it cannot be had; the sentence says why and what to do.
    """
    host, port = split_bind(bind)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.setblocking(False)
        sock.bind((host, port))
        sock.listen(BACKLOG)
    except OSError as error:
        sock.close()
        raise Unavailable(_why_not(bind, port, error), code="port") from None
    return sock


def _why_not(bind: str, port: int, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return (
            f"Port {port} is taken: another program listens on {bind}. "
            "End it, or set `bind` to another port."
        )
    if error.errno == errno.EACCES:
        return (
            f"This account may not listen on {bind}: ports below 1024 are for the administrator. "
            "Set `bind` to a higher port and put a web server in front."
        )
    if error.errno == errno.EADDRNOTAVAIL or isinstance(error, socket.gaierror):
        return f"This machine has no address {bind.rpartition(':')[0]}. Correct the setting `bind`."
    return f"The site cannot listen on {bind}: {error.strerror}."


def _server_config(config: SiteConfig) -> ServerConfig:
    absent = hypercorn_parts.install()
    if absent:
        log.warning(
            "this release of Hypercorn is not the one that Metropole was made for, chat takes "
            "more CPU: %s",
            "; ".join(absent),
        )
    trusted = tuple(ip_network(each, strict=False) for each in config.trusted_proxies)
    possible = exhaustion.connections_possible(config.max_connections)
    if possible < config.max_connections:
        log.info(
            "only %d connections of the site port fit into the limit of open files; raise it with "
            "ulimit -n or LimitNOFILE=",
            possible,
        )
    server = ServerConfig(possible, MAX_PER_ADDRESS, lambda peer: counted(peer, trusted))
    server.graceful_timeout = CLOSING_SECONDS
    server.backlog = ACCEPT_AT_ONCE
    server.keep_alive_max_requests = 100_000
    server.keep_alive_timeout = 15.0
    server.websocket_max_message_size = 64 * 1024
    server.accesslog = None
    server.errorlog = logging.getLogger("metropole.hypercorn")
    server.include_server_header = False
    server.ssl_handshake_timeout = 10.0
    return server


async def _until_stopped(
    site: Site,
    server: ServerConfig,
    stop: asyncio.Event,
    opened: Callable[[Site], Awaitable[None]],
    failures: list[Exception],
) -> None:
    """Hypercorn calls this once the port is open, and shuts down when it returns."""
    try:
        await opened(site)
        await stop.wait()
    except Exception as error:
        failures.append(error)  # Hypercorn would wrap it in groups
    finally:
        log.info("the site stops")
        await site.say_goodbye()
        # Whoever is still there after that neither reads nor lets go.
        asyncio.get_running_loop().call_later(ABORT_AFTER, _abort, server)


def _abort(server: ServerConfig) -> None:
    for transport in list(server.transports):
        transport.abort()


@contextlib.contextmanager
def _signals(stop: asyncio.Event, server: ServerConfig) -> Iterator[None]:
    """SIGINT and SIGTERM stop the site while this lasts; not possible outside the main thread."""
    loop = asyncio.get_running_loop()

    def handle() -> None:
        if stop.is_set():
            _abort(server)
        stop.set()

    taken = []
    for number in (signal.SIGINT, signal.SIGTERM):
        with contextlib.suppress(RuntimeError, ValueError, NotImplementedError):
            loop.add_signal_handler(number, handle)
            taken.append(number)
    try:
        yield
    finally:
        for number in taken:
            loop.remove_signal_handler(number)
