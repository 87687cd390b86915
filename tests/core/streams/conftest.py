"""The streams' part of a site: real services on both databases, a provider in memory."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from metropole_core.accounts import Accounts
from metropole_core.accounts.people import People
from metropole_core.accounts.rights import StreamRights
from metropole_core.backplane import MemoryShared
from metropole_core.bus import EventBus
from metropole_core.channels import Channel, Channels
from metropole_core.config.limits import LimitsConfig
from metropole_core.contracts.channels import ChannelRef
from metropole_core.contracts.context import Clock
from metropole_core.contracts.egress import PlaybackSource
from metropole_core.contracts.events import LiveStateChanged
from metropole_core.contracts.ingest import IngressPoint
from metropole_core.contracts.provider import BroadcastRef
from metropole_core.contracts.publishing import Grant, Refusal
from metropole_core.db.connection import Database
from metropole_core.keys import SiteKeys
from metropole_core.limits import ChannelLimits, Notices
from metropole_core.registry import Registry
from metropole_core.storage import Storage
from metropole_core.streams.health import StreamsHealth
from metropole_core.streams.limiter import Limiter
from metropole_core.streams.publishing import PublishingService
from metropole_core.streams.status import LiveStatus
from metropole_core.streams.store import StreamStore
from metropole_core.streams.viewers import Viewers
from metropole_core.testing import FakeClock
from metropole_media.live import LiveStream, Packet, PublisherHandle, Track

VIDEO = Track(0, "video", "avc1", "avc1.640028", 1000, b"config", 1280, 720)


class MemoryProvider:
    """Hosts streams in memory; something can be played from the first packet on."""

    title = "Memory"

    def __init__(self, clock: Clock, name: str = "memory") -> None:
        self.name = name
        self._clock = clock
        self.streams: dict[int, LiveStream] = {}
        self.available: dict[int, Callable[[], None]] = {}
        self.ended: list[int] = []
        self.opened: list[BroadcastRef] = []

    async def start(self) -> None:
        """Nothing to open."""

    async def stop(self) -> None:
        """Nothing to close."""

    def ingress_points(self, channel: ChannelRef) -> tuple[IngressPoint, ...]:
        return ()

    def open(self, broadcast: BroadcastRef, available: Callable[[], None]) -> LiveStream:
        channel = broadcast.channel
        self.opened.append(broadcast)
        stream = self.streams.get(channel.id)
        if stream is None:
            stream = LiveStream(channel.name, self._clock.monotonic)
            self.streams[channel.id] = stream
            self.available[channel.id] = available
        return stream

    def playback(self, channel: ChannelRef) -> tuple[PlaybackSource, ...]:
        return ()

    def end(self, channel: ChannelRef) -> None:
        self.ended.append(channel.id)
        stream = self.streams.pop(channel.id, None)
        if stream is not None:
            stream.end()

    def media_origins(self) -> tuple[str, ...]:
        return ()


class House:
    """Everything that decides about streams, and an owner with a channel."""

    def __init__(
        self,
        database: Database,
        folder: Path,
        clock: Clock,
        window: float,
        limits: LimitsConfig | None = None,
    ) -> None:
        self.clock = clock
        self.db = database
        self.events = EventBus()
        self.shared = MemoryShared(clock.monotonic)
        key_file = folder / "site.key"
        keys = SiteKeys.load(key_file) if key_file.exists() else SiteKeys.create(key_file)
        self.channels = Channels(database, keys, Storage(folder / "files"), clock, self.events)
        self.accounts = Accounts(database, keys, clock, channels=self.channels, shared=self.shared)
        self.registry = Registry()
        self.provider = MemoryProvider(clock)
        self.registry.add("memory", "register_provider", self.provider)
        self.viewers = Viewers(clock, self.events, self._name)
        self.store = StreamStore(database)
        self.status = LiveStatus(
            self.store, self.channels, self.registry, self.viewers, self.events, clock, window
        )
        self.notices = Notices(clock, self.events)
        self.limits = ChannelLimits(database, limits or LimitsConfig())
        self.limiter = Limiter(self.limits, self.status, self.notices, clock)
        self.health = StreamsHealth(clock, self.events)
        self.publishing = PublishingService(
            self.channels,
            self.registry,
            self.status,
            self.shared,
            clock,
            StreamRights(database, "everyone"),
            self.limiter,
            self.health,
        )
        self.people = People(database, channels=self.channels, sessions=self.accounts.sessions)
        self.people.changed.append(self.publishing.recheck)
        self.channels.key_rotated.append(self.publishing.key_rotated)
        self.changes: list[LiveStateChanged] = []
        self.events.subscribe(LiveStateChanged, self._hear)

    async def _name(self, channel_id: int) -> str | None:
        channel = await self.channels.by_id(channel_id)
        return channel.name if channel is not None else None

    async def _hear(self, event: LiveStateChanged) -> None:
        self.changes.append(event)

    async def channel(self, name: str = "lab_one") -> Channel:
        user = await self.accounts.create(
            name=name, password="a long password", email=None, is_admin=False
        )
        return (await self.channels.of_owner(user.id))[0]

    async def settled(self) -> None:
        await self.status.settled()
        await self.events.settle()

    def states(self) -> list[str]:
        return [change.state.value for change in self.changes]

    async def publish(
        self, channel: Channel, peer: str = "192.0.2.1", key: str | None = None
    ) -> tuple[Grant, PublisherHandle]:
        """Come as an encoder that is let in."""
        key = key or await self.channels.stream_key(channel.id)
        grant = await self.publishing.open("rtmp", key, peer)
        assert isinstance(grant, Grant), grant
        handle = grant.stream.attach()
        grant.publication.on_cut(lambda _sentence: handle.detach())
        return grant, handle

    async def refused(self, key: str, peer: str = "192.0.2.1") -> Refusal:
        answer = await self.publishing.open("rtmp", key, peer)
        assert isinstance(answer, Refusal)
        return answer

    async def go_live(self, channel: Channel) -> tuple[Grant, PublisherHandle]:
        """Publish until the channel is live."""
        grant, handle = await self.publish(channel)
        send(handle)
        self.provider.available[channel.id]()
        await self.settled()
        return grant, handle

    async def stop(self) -> None:
        await self.status.stop()
        await self.viewers.stop()
        await self.events.stop()
        self.accounts.close()


def send(handle: PublisherHandle, at: int = 0) -> None:
    """One frame."""
    handle.describe((VIDEO,))
    handle.write(Packet(0, at, at, True, b"frame"))


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
async def house(database: Database, tmp_path: Path, clock: FakeClock) -> AsyncIterator[House]:
    made = House(database, tmp_path, clock, 30.0)
    yield made
    await made.stop()
