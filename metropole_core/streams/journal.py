"""Writes down what the live status of channels does, and tells everyone: in the order of the
changes, one channel after its own. A database that is away holds nobody up: where the channel is by
then is written once it is back; a broadcast that began and ended meanwhile is not in its history.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from metropole_core.contracts.channels import ChannelRef
from metropole_core.contracts.context import Clock, Events
from metropole_core.contracts.events import LiveState, LiveStateChanged
from metropole_core.contracts.latency import Latency
from metropole_core.errors import DatabaseAway
from metropole_core.streams.machine import Moment
from metropole_core.tasks import TaskOwner

if TYPE_CHECKING:
    from metropole_core.channels import Channels
    from metropole_core.streams.store import StreamStore

log = logging.getLogger("metropole.streams")

MAX_WAITING = 256
"""Changes of one channel that may wait for the database."""
STORE_SECONDS = 2.0
"""How long storing one change may hold up telling of it."""
RETRY_SECONDS = 5.0
"""Between two tries to store what could not be stored."""
ON_AIR = (LiveState.LIVE, LiveState.INTERRUPTED)


@dataclass(frozen=True, slots=True)
class Change:
    """One turn of a channel's machine, and what was known then."""

    previous: LiveState
    state: LiveState
    session: str | None
    at: datetime
    started_at: datetime | None
    playback_id: str | None
    peak_viewers: int


@dataclass(slots=True)
class Live:
    """One channel: where its machine is, and what of that is not stored yet.

    Fields:
        latency: what its creator chose when the broadcast began, None for the site's setting.
        timer: until the machine's deadline.
        broadcast_id: of the broadcast that was stored last, None when it is over.
        waiting: changes that are not stored yet.
        written: set while nothing waits.
        unsaved: what is stored is not where the channel is.
        unfinished: broadcasts whose end is not stored.
        retry: until the next try.
    """

    ref: ChannelRef
    provider: str
    moment: Moment = field(default_factory=Moment)
    started_at: datetime | None = None
    broadcast_id: int | None = None
    playback_id: str | None = None
    latency: Latency | None = None
    timer: asyncio.TimerHandle | None = None
    waiting: deque[Change] = field(default_factory=deque)
    written: asyncio.Event = field(default_factory=asyncio.Event)
    unsaved: bool = False
    unfinished: dict[int, Change] = field(default_factory=dict)
    retry: asyncio.TimerHandle | None = None

    def __post_init__(self) -> None:
        self.written.set()


class Journal:
    """The writer. It has one task for each channel while changes of it wait."""

    def __init__(
        self, store: StreamStore, channels: Channels, events: Events, clock: Clock
    ) -> None:
        self._store = store
        self._channels = channels
        self._events = events
        self._clock = clock
        self._stopped = False
        self._tasks = TaskOwner("status", log, limit=100_000)

    def close(self) -> None:
        """Try nothing again."""
        self._stopped = True

    async def stop(self) -> None:
        """End what is still being written."""
        await self._tasks.stop()

    def put(self, live: Live, change: Change) -> None:
        """A channel has changed. Returns at once."""
        if len(live.waiting) >= MAX_WAITING:
            log.error("%s: the database is too slow, a change is not stored", live.ref.name)
            live.waiting.popleft()
        live.waiting.append(change)
        self._start_writing(live)

    def _start_writing(self, live: Live) -> None:
        if live.written.is_set():
            live.written.clear()
            self._tasks.spawn(self._write(live), live.ref.name)

    def _again(self, live: Live) -> None:
        live.retry = None
        self._start_writing(live)

    async def _write(self, live: Live) -> None:
        try:
            if not live.waiting:  # another try
                live.unsaved = not await self._stored(live, self._store_now(live))
            while live.waiting:
                await self._write_change(live, live.waiting.popleft())
        finally:
            live.written.set()
        if (live.unsaved or live.unfinished) and live.retry is None and not self._stopped:
            loop = asyncio.get_running_loop()
            live.retry = loop.call_later(RETRY_SECONDS, self._again, live)

    async def _write_change(self, live: Live, change: Change) -> None:
        over = change.state is LiveState.OFFLINE
        live.unsaved = not await self._stored(live, self._store_change(live, change))
        if over and live.unsaved and live.broadcast_id is not None:
            live.unfinished[live.broadcast_id] = change
        self._events.publish(
            LiveStateChanged(
                channel_id=live.ref.id,
                name=live.ref.name,
                state=change.state,
                previous=change.previous,
                broadcast_id=live.broadcast_id,
                started_at=None if over else change.started_at,
            )
        )
        if over:
            live.broadcast_id = None

    async def _stored(self, live: Live, storing: Awaitable[None]) -> bool:
        try:
            async with asyncio.timeout(STORE_SECONDS):
                await storing
        except (DatabaseAway, TimeoutError):
            return False  # the log has it from the database's side
        except Exception:
            log.exception("%s: the live status could not be stored", live.ref.name)
            return False
        return True

    async def _store_change(self, live: Live, change: Change) -> None:
        await self._begin(live, change.state, change.started_at, change.playback_id)
        over = change.state is LiveState.OFFLINE
        await self._store.save(
            live.ref.id,
            change.state,
            broadcast_id=None if over else live.broadcast_id,
            session=change.session,
            changed_at=change.at,
            started_at=None if over else change.started_at,
        )
        if over and live.broadcast_id is not None:
            await self._store.finish(live.broadcast_id, change.at, change.peak_viewers)

    async def _store_now(self, live: Live) -> None:
        """Write where the channel is, whatever could not be stored on the way there."""
        moment, started_at = live.moment, live.started_at
        await self._begin(live, moment.state, started_at, live.playback_id)
        await self._store.save(
            live.ref.id,
            moment.state,
            broadcast_id=live.broadcast_id,
            session=moment.session,
            changed_at=datetime.fromtimestamp(self._clock.time(), UTC),
            started_at=started_at,
        )
        for broadcast_id, end in list(live.unfinished.items()):
            await self._store.finish(broadcast_id, end.at, end.peak_viewers)
            del live.unfinished[broadcast_id]

    async def _begin(
        self,
        live: Live,
        state: LiveState,
        started_at: datetime | None,
        playback_id: str | None,
    ) -> None:
        if state not in ON_AIR or live.broadcast_id is not None or started_at is None:
            return
        channel = await self._channels.by_id(live.ref.id)
        title = channel.title if channel is not None else ""
        live.broadcast_id = await self._store.begin(
            live.ref.id,
            provider=live.provider,
            title=title,
            started_at=started_at,
            playback_id=playback_id,
        )
