"""A `PluginContext` without a site: real parts in memory, and a door that lets everyone in."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TypeVar

from pydantic import BaseModel

from metropole_core.backplane import MemoryShared, PrefixShared
from metropole_core.bus import EventBus
from metropole_core.contracts.channels import ChannelRef
from metropole_core.contracts.context import Clock, PluginContext, Registry
from metropole_core.contracts.previews import Previews
from metropole_core.contracts.provider import BroadcastRef
from metropole_core.contracts.publishing import Grant, Refusal
from metropole_core.contracts.transcoding import Transcoding
from metropole_core.registry import Registry as CoreRegistry
from metropole_core.tasks import TaskOwner
from metropole_core.testing.clock import FakeClock
from metropole_media.live import LiveStream

S = TypeVar("S", bound=BaseModel)

CHANNEL = ChannelRef(1, "lab", 7)
"""The channel that `FakeChannels` and `FakePublishing` know when nothing else is said."""


def make_broadcast(
    playback_id: str = "abc", channel: ChannelRef = CHANNEL, started_at: float | None = None
) -> BroadcastRef:
    """A broadcast of a channel; it begins at the time that a new `FakeClock` shows."""
    began = FakeClock().time() if started_at is None else started_at
    return BroadcastRef(channel, playback_id, began)


@dataclass(slots=True)
class FakePublication:
    """Writes down how a publisher's stay went: `outcome` is "lost: <reason>" or "ended"; what
    was told meanwhile is in `notices`."""

    outcome: str | None = None
    cutters: list[Callable[[str], None]] = field(default_factory=list)
    notices: list[tuple[str, str]] = field(default_factory=list)

    def on_cut(self, callback: Callable[[str], None]) -> None:
        self.cutters.append(callback)

    def notice(self, code: str, sentence: str) -> None:
        self.notices.append((code, sentence))

    def lost(self, reason: str) -> None:
        self.outcome = self.outcome or f"lost: {reason}"

    def ended(self) -> None:
        self.outcome = self.outcome or "ended"

    def cut(self, sentence: str) -> None:
        """End the publisher, as the core would."""
        for callback in self.cutters:
            callback(sentence)


class FakePublishing:
    """`contracts.publishing.Publishing`: grants every key but those in `refusals`.

    `asked` holds (protocol, key, peer) of each call; `publications` what was granted.
    """

    def __init__(self, channel: ChannelRef = CHANNEL, clock: Clock | None = None) -> None:
        self._clock = clock or FakeClock()
        self.channel = channel
        self.stream = LiveStream(channel.name, self._clock.monotonic)
        self.refusals: dict[str, Refusal] = {}
        self.asked: list[tuple[str, str, str]] = []
        self.publications: list[FakePublication] = []

    async def open(self, protocol: str, key: str, peer: str) -> Grant | Refusal:
        self.asked.append((protocol, key, peer))
        # A real door looks into a database: others run meanwhile.
        await asyncio.sleep(0)
        if key in self.refusals:
            return self.refusals[key]
        if self.stream.ended:
            self.stream = LiveStream(self.channel.name, self._clock.monotonic)
        publication = FakePublication()
        self.publications.append(publication)
        return Grant(self.channel, self.stream, publication)


class FakeChannels:
    """`contracts.channels.Channels` with the channels that it is given."""

    def __init__(self, channels: Iterable[ChannelRef] = (CHANNEL,)) -> None:
        self._channels = tuple(channels)

    async def by_id(self, channel_id: int) -> ChannelRef | None:
        return next((c for c in self._channels if c.id == channel_id), None)

    async def by_name(self, name: str) -> ChannelRef | None:
        return next((c for c in self._channels if c.name == name.casefold()), None)


@dataclass(frozen=True, slots=True)
class FakeAddresses:
    """`contracts.context.Addresses` of a site at `host`."""

    host: str = "live.example"

    @property
    def public_url(self) -> str:
        return f"https://{self.host}"

    def media_url(self, port: int) -> str:
        return f"https://{self.host}:{port}"

    @property
    def fallback_url(self) -> str | None:
        return f"{self.public_url}/-/media"

    def rtmp_url(self, port: int) -> str:
        return f"rtmp://{self.host}" if port == 1935 else f"rtmp://{self.host}:{port}"

    def rtmps_url(self, port: int) -> str:
        return f"rtmps://{self.host}" if port == 443 else f"rtmps://{self.host}:{port}"


class FakeTranscoding:
    """`contracts.transcoding.Transcoding`: no renditions. `followed` holds what was asked for."""

    def __init__(self) -> None:
        self.followed: list[tuple[BroadcastRef, LiveStream]] = []

    def follow(self, broadcast: BroadcastRef, stream: LiveStream) -> Callable[[], None]:
        self.followed.append((broadcast, stream))
        stream.ladder.declare(())
        return lambda: None


class FakePreviews:
    """`contracts.previews.Previews`: `pictures` holds what was put."""

    def __init__(self) -> None:
        self.pictures: list[tuple[ChannelRef, bytes]] = []

    async def put(self, channel: ChannelRef, picture: bytes) -> None:
        self.pictures.append((channel, picture))


def make_context(
    settings: S,
    *,
    name: str = "test",
    clock: Clock | None = None,
    events: EventBus | None = None,
    registry: Registry | None = None,
    publishing: FakePublishing | None = None,
    transcoding: Transcoding | None = None,
    previews: Previews | None = None,
    channels: Iterable[ChannelRef] = (CHANNEL,),
) -> PluginContext[S]:
    """What a plugin gets from the house, with parts that tests can look into.

    Arguments:
        settings: an instance of the plugin's `Settings`.
        clock: a `FakeClock` when left out.
    """
    clock = clock or FakeClock()
    log = logging.getLogger(f"metropole.plugin.{name}")
    return PluginContext(
        name=name,
        settings=settings,
        clock=clock,
        events=(events or EventBus()).view(name),
        shared=PrefixShared(MemoryShared(clock.monotonic), name),
        registry=registry or CoreRegistry(),
        addresses=FakeAddresses(),
        channels=FakeChannels(channels),
        publishing=publishing or FakePublishing(clock=clock),
        transcoding=transcoding or FakeTranscoding(),
        previews=previews or FakePreviews(),
        tls=None,
        log=log,
        spawn=TaskOwner(name, log).spawn,
    )
