"""The egress: takes a key frame of each stream now and then, and has a picture made of it."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count

from metropole_core.contracts.channels import ChannelRef
from metropole_core.contracts.context import PluginContext
from metropole_core.contracts.egress import Engine
from metropole_core.contracts.provider import BroadcastRef
from metropole_egress_thumbnails.decoder import Decoder
from metropole_egress_thumbnails.frames import MAX_FRAME, KeyFrame
from metropole_egress_thumbnails.settings import ThumbnailSettings
from metropole_media.http.origin import Origin
from metropole_media.live import LiveStream, Packet, Track

ENOUGH = 360
"""Lines that make a good picture: of several video tracks, the smallest that has them is taken."""


class ThumbnailsEgress:
    """An `Egress` that plays nothing: it gives the core the newest picture of each stream."""

    name = "thumbnails"
    prefix = "thumbnails"
    engine: Engine | None = None
    origin: Origin | None = None

    def __init__(self, context: PluginContext[ThumbnailSettings]) -> None:
        self._context = context
        self._decoder = Decoder(context.settings, context.log)
        self._running = False
        self._numbers = count()

    def open(
        self,
        broadcast: BroadcastRef,
        stream: LiveStream,
        base_url: str,
        available: Callable[[], None],
    ) -> ThumbnailOutput:
        """Follow a stream."""
        if not self._running:
            self._running = True
            self._context.spawn(self._decoder.run(), "decode")
        return ThumbnailOutput(
            next(self._numbers), broadcast.channel, stream, self._context, self._decoder
        )


class ThumbnailOutput:
    """One stream: a `Subscriber` and an `Output`."""

    def __init__(
        self,
        number: int,
        channel: ChannelRef,
        stream: LiveStream,
        context: PluginContext[ThumbnailSettings],
        decoder: Decoder,
    ) -> None:
        self._number = number
        self._channel = channel
        self._context = context
        self._decoder = decoder
        self._track: Track | None = None
        self._next = 0.0
        self._unsubscribe = stream.subscribe(self)

    def source(self) -> None:
        """Nothing to play."""
        return

    def close(self) -> None:
        """Take no more."""
        self._unsubscribe()
        self._decoder.forget(self._number)

    def on_tracks(self, tracks: tuple[Track, ...], epoch: int) -> None:
        pictures = [track for track in tracks if track.kind == "video"]
        enough = [track for track in pictures if min(track.width, track.height) >= ENOUGH]
        self._track = min(
            enough or pictures, key=lambda track: track.width * track.height, default=None
        )

    def on_packet(self, packet: Packet) -> None:
        track = self._track
        if track is None or packet.track != track.id or not packet.key:
            return
        now = self._context.clock.monotonic()
        if now < self._next or len(packet.data) > MAX_FRAME:
            return
        self._next = now + self._context.settings.every_seconds
        frame = KeyFrame(track.fourcc, track.config, bytes(packet.data))
        self._decoder.ask(self._number, frame, self._keep)

    def on_interrupted(self) -> None:
        """The newest picture stays."""

    def on_end(self) -> None:
        self._decoder.forget(self._number)

    async def _keep(self, picture: bytes) -> None:
        await self._context.previews.put(self._channel, picture)
