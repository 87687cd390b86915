"""What tests of the RTMP listener share: a door with a stream for each key, and followers."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from metropole_ingest_rtmp.listener import RtmpListener

from metropole_core.contracts.channels import ChannelRef
from metropole_core.contracts.publishing import Grant, Refusal
from metropole_core.testing.clock import FakeClock
from metropole_core.testing.context import FakePublication, FakePublishing
from metropole_media.live import LiveStream, Packet, Track

Until = Callable[..., Awaitable[None]]
"""Waits until a condition holds, at most 15 s."""


@dataclass
class Follower:
    """Counts what comes out of a stream."""

    tracks: tuple[Track, ...] = ()
    packets: list[Packet] = field(default_factory=list)
    interrupted: int = 0
    described: int = 0

    def on_tracks(self, tracks: tuple[Track, ...], epoch: int) -> None:
        self.tracks = tracks
        self.described += 1

    def on_packet(self, packet: Packet) -> None:
        self.packets.append(packet)

    def on_interrupted(self) -> None:
        self.interrupted += 1

    def on_end(self) -> None:
        return

    def keys(self) -> int:
        return sum(packet.key for packet in self.packets if packet.track == 0)


class Doors(FakePublishing):
    """Grants each key a stream of its own, while no other publisher is on it."""

    def __init__(self, clock: FakeClock) -> None:
        super().__init__(clock=clock)
        self.clock = clock
        self.streams: dict[str, LiveStream] = {}
        self.followers: dict[str, Follower] = {}
        self.stays: dict[str, list[FakePublication]] = {}
        self.held: asyncio.Event | None = None
        self.fails = False

    def follow(self, key: str) -> Follower:
        if key not in self.streams:
            self.streams[key] = LiveStream(key, self.clock.monotonic)
            self.followers[key] = Follower()
            self.streams[key].subscribe(self.followers[key])
        return self.followers[key]

    async def open(self, protocol: str, key: str, peer: str) -> Grant | Refusal:
        self.asked.append((protocol, key, peer))
        if self.held is not None:
            await self.held.wait()
        if self.fails:
            raise RuntimeError(f"the database is gone while looking for {key}")
        if key in self.refusals:
            return self.refusals[key]
        self.follow(key)
        if self.streams[key].stats.publisher:
            return Refusal("already_live", "Another encoder is live on this channel.")
        stay = FakePublication()
        self.stays.setdefault(key, []).append(stay)
        return Grant(ChannelRef(1, key, 1), self.streams[key], stay)


@dataclass
class Running:
    """A listener that is open."""

    listener: RtmpListener
    doors: Doors
    clock: FakeClock

    @property
    def port(self) -> int:
        return self.listener.port

    def url(self, key: str) -> str:
        return f"rtmp://127.0.0.1:{self.port}/live/{key}"
