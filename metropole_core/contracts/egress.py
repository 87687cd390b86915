"""Egress: a LiveStream in, something to play out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from metropole_core.contracts.latency import Latency
from metropole_media.http.origin import Origin
from metropole_media.live import LiveStream

if TYPE_CHECKING:
    from metropole_core.contracts.provider import BroadcastRef


@dataclass(frozen=True, slots=True)
class Engine:
    """A playback engine for the player element, shipped as a built ES module in the plugin's wheel.

    Fields:
        name: "hls".
        asset: entry point in the plugin's asset manifest ("src/engine.ts").
    """

    name: str
    asset: str


@dataclass(frozen=True, slots=True)
class PlaybackSource:
    """One way to play a stream.

    Fields:
        engine: `Engine.name` of the engine that can play it.
        url: absolute URL.
        mime_type: "application/vnd.apple.mpegurl".
        latency_ms: what a viewer can expect, for the order of choice.
        target_ms: how far behind the newest media the player is to keep the picture; 0: as its
            engine likes it.
        latency: what the creator chose.
        fallback_url: absolute URL of the same on the site's own port, for players that cannot
            reach the host and port of `url` (a strict firewall, a tunnel, mixed content). All
            that hangs on it lies beside it under the same names. None: there is no second way.
    """

    engine: str
    url: str
    mime_type: str
    latency_ms: int
    fallback_url: str | None = None
    target_ms: int = 0
    latency: Latency = Latency.LOW


class Output(Protocol):
    """One stream as one egress plays it out."""

    def source(self) -> PlaybackSource | None:
        """How to play it; valid from the first call of `available` until the broadcast ends.
        None: this egress makes something else than playback."""

    def close(self) -> None:
        """Free everything. The LiveStream has ended, or the plugin is stopped."""


class Egress(Protocol):
    """A way to play. Registered with `register_egress`."""

    name: str
    engine: Engine | None

    prefix: str
    """Path prefix of its origin on the media port, without slashes ("hls")."""

    origin: Origin | None
    """What it serves there, or None."""

    def open(
        self,
        broadcast: BroadcastRef,
        stream: LiveStream,
        base_url: str,
        available: Callable[[], None],
    ) -> Output:
        """Follow a stream.

        Arguments:
            broadcast: whose stream it is. What is opened again under the same `playback_id`
                (the server was restarted while it ran) goes on at the same address, and what
                players count there never goes back.
            stream: the packets.
            base_url: absolute URL of `prefix` on the media port, without a slash at the end.
            available: to be called once, when a player that comes now can play.
        """
