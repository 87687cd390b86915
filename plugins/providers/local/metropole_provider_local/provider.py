"""The local provider: streams on this server, with whatever ingest and egress is installed."""

from __future__ import annotations

import errno
import ipaddress
from collections.abc import Callable
from dataclasses import replace
from urllib.parse import urlsplit

from metropole_core.contracts.channels import ChannelRef
from metropole_core.contracts.context import PluginContext
from metropole_core.contracts.egress import PlaybackSource
from metropole_core.contracts.ingest import IngressPoint
from metropole_core.contracts.provider import BroadcastRef
from metropole_core.errors import ConfigError, Unavailable
from metropole_media.bind import split_bind
from metropole_media.http.limits import ListenerLimits
from metropole_media.http.listener import Listener, ListenerStats
from metropole_media.live import LiveStream
from metropole_provider_local.broadcast import Broadcast
from metropole_provider_local.files import connections_possible
from metropole_provider_local.port import why_not
from metropole_provider_local.settings import LocalSettings


class LocalProvider:
    """`contracts.provider.Provider` on the media port of this process."""

    def __init__(self, context: PluginContext[LocalSettings]) -> None:
        self.name = "local"
        self.title = "This server"
        self._context = context
        self._log = context.log
        self._host, self._port = split_bind(context.settings.bind)
        self._listener: Listener | None = None
        self._broadcasts: dict[int, Broadcast] = {}

    @property
    def port(self) -> int:
        """The media port: as set, or as it became when that was 0."""
        return self._listener.port if self._listener is not None else self._port

    @property
    def stats(self) -> ListenerStats:
        """What the media port has done; all zero while it is closed."""
        return self._listener.stats if self._listener is not None else ListenerStats()

    async def start(self) -> None:
        """Open the media port with the origin of every egress.

        Raises:
            Unavailable: the port is taken; the sentence says by whom.
            ConfigError: it can never be opened as it is set.
        """
        settings = self._context.settings
        connections = connections_possible(settings.max_connections)
        if connections < settings.max_connections:
            self._log.warning(
                "only %d connections of players fit into the limit of open files; "
                "raise it with ulimit -n or LimitNOFILE=",
                connections,
            )
        origins = {
            egress.prefix: egress.origin
            for egress in self._context.registry.egresses()
            if egress.origin is not None
        }
        listener = Listener(
            origins,
            limits=ListenerLimits(
                max_connections=connections,
                max_per_address=settings.max_per_address,
                max_waiters=settings.max_waiters,
            ),
            uncapped=[ipaddress.ip_network(network) for network in settings.uncapped],
            log=self._log,
        )
        try:
            await listener.start(self._host, self._port, self._context.tls)
        except OSError as error:
            sentence, advice = why_not(error, settings.bind, self._port)
            kind = Unavailable if error.errno == errno.EADDRINUSE else ConfigError
            raise kind(f"{sentence}: {advice}.") from error
        self._listener = listener
        self._log.info("players fetch from %s", self._media_url())

    async def stop(self) -> None:
        """Close the media port, then end what is left.

        In that order: a player that waits is told to come back, not that the broadcast is over.
        """
        listener, self._listener = self._listener, None
        if listener is not None:
            await listener.close()
        broadcasts, self._broadcasts = self._broadcasts, {}
        for broadcast in broadcasts.values():
            broadcast.end()

    def ingress_points(self, channel: ChannelRef) -> tuple[IngressPoint, ...]:
        """One for each ingest that is installed."""
        points = []
        for ingest in self._context.registry.ingests():
            try:
                points.append(ingest.point())
            except Exception:
                self._log.exception("ingest %s names no address", ingest.name)
        return tuple(points)

    def open(self, broadcast: BroadcastRef, available: Callable[[], None]) -> LiveStream:
        """The stream of the broadcast, or a new one with every egress on it.

        Raises:
            Unavailable: the media port is closed. How many may run, the core decides.
        """
        channel = broadcast.channel
        running = self._broadcasts.get(channel.id)
        if running is not None:
            if not running.stream.ended and running.playback_id == broadcast.playback_id:
                return running.stream
            self.end(channel)
        if self._listener is None:
            raise Unavailable("The media server is not running.", retry_after=5)
        stream = LiveStream(channel.name, self._context.clock.monotonic)
        running = self._broadcasts[channel.id] = Broadcast(broadcast, stream, available, self._log)
        base = self._media_url()
        for egress in self._context.registry.egresses():
            running.follow(egress, f"{base}/{egress.prefix}")
        running.transcode(self._context.transcoding)
        return stream

    def playback(self, channel: ChannelRef) -> tuple[PlaybackSource, ...]:
        """What the egresses offer now, lowest latency first."""
        broadcast = self._broadcasts.get(channel.id)
        if broadcast is None:
            return ()
        return tuple(self._with_fallback(source) for source in broadcast.playback())

    def end(self, channel: ChannelRef) -> None:
        """End the running broadcast, if there is one.

        What players still fetch of it afterwards (the end of the playlist, its last parts) is
        the affair of each egress, whose origin stays mounted.
        """
        broadcast = self._broadcasts.pop(channel.id, None)
        if broadcast is not None:
            broadcast.end()

    def media_origins(self) -> tuple[str, ...]:
        """The media port as players reach it."""
        parts = urlsplit(self._media_url())
        return (f"{parts.scheme}://{parts.netloc}",)

    def _with_fallback(self, source: PlaybackSource) -> PlaybackSource:
        """The same with its address on the site's own port."""
        base, fallback = f"{self._media_url()}/", self._context.addresses.fallback_url
        if fallback is None or not source.url.startswith(base):
            return source
        return replace(source, fallback_url=f"{fallback}/{source.url.removeprefix(base)}")

    def _media_url(self) -> str:
        return self._context.addresses.media_url(self.port).rstrip("/")
