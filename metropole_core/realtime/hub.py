"""Every open socket, and who hears what: all of them, or those in one room.

Messages go out at once when it was quiet, and together every 50 ms when it is not: several in one
write cost little more than one.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator
from typing import Protocol

from metropole_core.realtime.frames import Frame, encode, join
from metropole_core.realtime.outlet import Outlet
from metropole_core.realtime.protocol import CloseCode, FromServer

log = logging.getLogger("metropole.socket")

TICK = 0.05
"""Seconds in which messages of a busy topic are gathered."""
MAX_GATHERED = 64 * 1024
"""Octets after which they go at once."""
SWEEP_SECONDS = 5.0
SILENCE = 100.0
"""Seconds without a frame after which a socket is closed. Browsers wake a hidden page's timers
only once a minute, so this is longer than that."""
HELLO_WITHIN = 10.0


class Member(Protocol):
    """A connection, as the hub needs it."""

    outlet: Outlet
    heard_at: float
    greeted: bool

    def close(self, code: CloseCode, reason: str) -> None: ...


class Topic:
    """Those who hear the same.

    Arguments:
        drop: takes away one that is too slow.
    """

    def __init__(self, drop: Callable[[Member], None]) -> None:
        self._drop = drop
        self.members: set[Member] = set()
        self._gathered: list[Frame] = []
        self._octets = 0
        self._timer: asyncio.TimerHandle | None = None

    def join(self, member: Member) -> None:
        """Hear what is sent from now on: what was gathered before goes out first, to the others."""
        self.flush()
        self.members.add(member)

    def send(self, message: FromServer) -> None:
        """Tell all; encoded once."""
        if not self.members:
            return
        frame = encode(message)
        self._gathered.append(frame)
        self._octets += len(frame.wire)
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(TICK, self._tick)
            self.flush()
        elif self._octets > MAX_GATHERED:
            self.flush()

    def flush(self) -> None:
        """Write what was gathered."""
        if not self._gathered:
            return
        frame = self._gathered[0] if len(self._gathered) == 1 else join(self._gathered)
        self._gathered.clear()
        self._octets = 0
        slow = [member for member in self.members if not member.outlet.offer(frame)]
        for member in slow:
            self._drop(member)

    def stop(self) -> None:
        """Send nothing more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _tick(self) -> None:
        self._timer = None
        if self._gathered:
            self._timer = asyncio.get_running_loop().call_later(TICK, self._tick)
            self.flush()


class Hub:
    """Knows every socket.

    Arguments:
        clock: monotonic seconds, that of `Member.heard_at`.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self.everyone = Topic(self.drop_slow)
        self._open: set[Member] = set()
        self._rooms: dict[int, Topic] = {}
        self._owners: dict[int, set[Member]] = {}
        self._sweeper: asyncio.TimerHandle | None = None
        self._empty = asyncio.Event()
        self._empty.set()
        self.dropped = 0

    def __len__(self) -> int:
        return len(self._open)

    def __iter__(self) -> Iterator[Member]:
        return iter(list(self._open))

    def add(self, member: Member) -> None:
        """A socket is open."""
        self._open.add(member)
        self.everyone.join(member)
        self._empty.clear()
        if self._sweeper is None:
            self._sweep_later()

    def mute(self, member: Member) -> None:
        """It is about to close: send it nothing more."""
        self.everyone.members.discard(member)

    def remove(self, member: Member) -> None:
        """It is closed."""
        self.mute(member)
        self._open.discard(member)
        if not self._open:
            self._empty.set()

    def join_room(self, channel_id: int, member: Member, *, owner: bool = False) -> None:
        """Hear what is said there, too. `owner`: whose room it is."""
        if owner:
            self._owners.setdefault(channel_id, set()).add(member)
        room = self._rooms.get(channel_id)
        if room is None:
            room = self._rooms[channel_id] = Topic(self.drop_slow)
        room.join(member)

    def leave_room(self, channel_id: int, member: Member) -> None:
        """No longer."""
        owners = self._owners.get(channel_id)
        if owners is not None:
            owners.discard(member)
            if not owners:
                del self._owners[channel_id]
        room = self._rooms.get(channel_id)
        if room is None:
            return
        room.members.discard(member)
        if not room.members:
            room.stop()
            del self._rooms[channel_id]

    def tell_room(self, channel_id: int, message: FromServer) -> None:
        """Tell everyone in a room."""
        room = self._rooms.get(channel_id)
        if room is not None:
            room.send(message)

    def owners_in_room(self, channel_id: int) -> list[Member]:
        """The sockets in a room of the person whose room it is."""
        return list(self._owners.get(channel_id, ()))

    def drop_slow(self, member: Member) -> None:
        """It cannot keep up: the others go on without it."""
        self.dropped += 1
        member.close(4008, "too slow")

    async def close_all(self, within: float) -> None:
        """Say good-bye to all, and cut after `within` seconds who has not gone."""
        for member in self:
            member.close(1001, "the server goes down")
        try:
            async with asyncio.timeout(within):
                await self._empty.wait()
        except TimeoutError:
            for member in self:
                member.outlet.abort()
        self.everyone.stop()
        for room in self._rooms.values():
            room.stop()
        if self._sweeper is not None:
            self._sweeper.cancel()
            self._sweeper = None

    def sweep(self) -> None:
        """Close what has been silent for too long."""
        now = self._clock()
        for member in self:
            quiet = now - member.heard_at
            if quiet > (SILENCE if member.greeted else HELLO_WITHIN):
                member.close(4009, "nothing was heard from you")

    def _sweep_later(self) -> None:
        self._sweeper = asyncio.get_running_loop().call_later(SWEEP_SECONDS, self._sweep_timer)

    def _sweep_timer(self) -> None:
        self._sweeper = None
        self.sweep()
        if self._open:
            self._sweep_later()
