"""Providers: where a stream is hosted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from metropole_core.contracts.channels import ChannelRef
from metropole_core.contracts.egress import PlaybackSource
from metropole_core.contracts.ingest import IngressPoint
from metropole_core.contracts.latency import Latency
from metropole_media.live import LiveStream


@dataclass(frozen=True, slots=True)
class BroadcastRef:
    """One broadcast, as those who host it and play it out know it. Made by the core.

    Fields:
        channel: whose it is.
        playback_id: for its addresses: unguessable, of the characters A-Z a-z 0-9 - _. New for
            each broadcast; the same again after a restart of the server, if the encoder comes
            back in time.
        started_at: Unix time at which it went live; the present when it has not yet.
        latency: how close to live its creator wants it played.
    """

    channel: ChannelRef
    playback_id: str
    started_at: float
    latency: Latency = Latency.LOW


class ProviderEventKind(str, Enum):
    """What a provider tells about a stream. Events may come late, twice or out of order."""

    CONNECTED = "connected"
    AVAILABLE = "available"
    LOST = "lost"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class ProviderEvent:
    """Something happened to a channel's stream at its provider.

    Fields:
        provider: `Provider.name`.
        channel_id: whose stream.
        kind: what happened.
        session: the provider's name for this publisher's stay; events of an older session than
            the current one are ignored.
    """

    provider: str
    channel_id: int
    kind: ProviderEventKind
    session: str


@dataclass(frozen=True, slots=True)
class Ingress:
    """What an encoder needs to reach a channel, shown to the channel's owner only.

    Fields:
        point: where to connect.
        key: the channel's stream key, a secret.
    """

    point: IngressPoint
    key: str


class Provider(Protocol):
    """Hosts streams. Registered with `register_provider`.

    Budgets: `ingress_points` and `playback` 50 ms; `start` and `stop` 5 s. Publish
    authorisation fails closed.
    """

    name: str
    title: str
    """For people: "This server"."""

    async def start(self) -> None:
        """Open what it needs (the media port). Raises MetropoleError with a sentence."""

    async def stop(self) -> None:
        """Close it within a second."""

    def ingress_points(self, channel: ChannelRef) -> tuple[IngressPoint, ...]:
        """Where the channel's encoder can connect, made without anyone asking."""

    def open(self, broadcast: BroadcastRef, available: Callable[[], None]) -> LiveStream:
        """The LiveStream of a broadcast: the one that is there, or a new one.

        Called when a publisher comes; after a restart of the server also before, for what was on
        air, so that players find the address again. One of another broadcast of the channel is
        ended. `available` is called (once for each new LiveStream) when something can be played.
        """

    def playback(self, channel: ChannelRef) -> tuple[PlaybackSource, ...]:
        """How to play what is available now, best first; empty when nothing is."""

    def end(self, channel: ChannelRef) -> None:
        """The broadcast is over: end its LiveStream and free what was made for it."""

    def media_origins(self) -> tuple[str, ...]:
        """Origins ("https://media.example") that players fetch from, for the site's CSP."""
