"""The live status of all channels: turns the machine, and keeps time.

The machine turns at once, in memory, from which pages are answered; what follows from it (database,
event) the journal does, and a database that is away delays no change of status.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from metropole_core.contracts.channels import ChannelRef
from metropole_core.contracts.context import Clock, Events
from metropole_core.contracts.events import LiveState
from metropole_core.contracts.latency import Latency
from metropole_core.contracts.provider import BroadcastRef, ProviderEvent
from metropole_core.streams import machine
from metropole_core.streams.journal import ON_AIR, Change, Journal, Live
from metropole_core.streams.machine import Moment

if TYPE_CHECKING:
    from metropole_core.channels import Channels
    from metropole_core.registry import Registry
    from metropole_core.streams.store import StreamStore
    from metropole_core.streams.viewers import Viewers

log = logging.getLogger("metropole.streams")

END_SECONDS = 60.0
"""How long a key is refused after its owner ended the broadcast: OBS reconnects at once."""
PLAYBACK_ID_OCTETS = 16


@dataclass(frozen=True, slots=True)
class ChannelLive:
    """A channel's live status for those who look.

    Fields:
        broadcast_id: the running broadcast, None when there is none or it is not stored yet.
        started_at: when it went live, UTC.
        viewers: people who watch now.
        provider: who hosts it, None when it is offline.
    """

    channel_id: int
    state: LiveState
    broadcast_id: int | None = None
    started_at: datetime | None = None
    viewers: int = 0
    provider: str | None = None


class LiveStatus:
    """Every channel's live status.

    Arguments:
        window: the reconnect window in seconds.
        latency: of broadcasts whose creator chose none.
    """

    def __init__(
        self,
        store: StreamStore,
        channels: Channels,
        registry: Registry,
        viewers: Viewers,
        events: Events,
        clock: Clock,
        window: float = machine.WINDOW,
        latency: Latency = Latency.LOW,
    ) -> None:
        self._store = store
        self._channels = channels
        self._registry = registry
        self._viewers = viewers
        self._clock = clock
        self._window = window
        self._latency = latency
        self._live: dict[int, Live] = {}
        self._journal = Journal(store, channels, events, clock)
        self.cut: Callable[[int, str], None] = lambda _channel_id, _sentence: None
        """Ends a channel's publisher: (channel, sentence for the log). Set by publishing."""

    def state(self, channel_id: int) -> ChannelLive:
        """A channel's live status; offline when nothing is known of it."""
        live = self._live.get(channel_id)
        if live is None:
            return ChannelLive(channel_id, LiveState.OFFLINE)
        return self._view(live)

    def all_live(self) -> list[ChannelLive]:
        """Every channel that is not offline, most viewers first."""
        found = [
            self._view(live)
            for live in self._live.values()
            if live.moment.state is not LiveState.OFFLINE
        ]
        return sorted(found, key=lambda each: (-each.viewers, each.channel_id))

    def running(self) -> list[ChannelRef]:
        """Every channel that is not offline."""
        return [
            live.ref for live in self._live.values() if live.moment.state is not LiveState.OFFLINE
        ]

    def is_running(self, channel_id: int) -> bool:
        """Whether it is not offline."""
        live = self._live.get(channel_id)
        return live is not None and live.moment.state is not LiveState.OFFLINE

    def _view(self, live: Live) -> ChannelLive:
        if live.moment.state is LiveState.OFFLINE:
            return ChannelLive(live.ref.id, LiveState.OFFLINE)
        return ChannelLive(
            live.ref.id,
            live.moment.state,
            live.broadcast_id,
            live.started_at,
            self._viewers.count(live.ref.id),
            live.provider,
        )

    def broadcast(self, channel: ChannelRef, latency: Latency | None = None) -> BroadcastRef:
        """The channel's running broadcast, or the one that would begin now.

        Arguments:
            latency: what the creator chose, for one that begins: one that runs is not played
                otherwise in the middle.
        """
        live = self._live.get(channel.id)
        if live is None:
            live = self._live[channel.id] = Live(channel, "")
        if live.playback_id is None or live.moment.state is LiveState.OFFLINE:
            live.playback_id = secrets.token_urlsafe(PLAYBACK_ID_OCTETS)
            live.latency = latency
        return self._ref(live, channel, live.playback_id)

    def recovered(self) -> list[tuple[BroadcastRef, str]]:
        """Broadcasts that wait for their encoder and have an address, each with its provider."""
        return [
            (self._ref(live, live.ref, live.playback_id), live.provider)
            for live in self._live.values()
            if live.moment.state is LiveState.INTERRUPTED and live.playback_id is not None
        ]

    def _ref(self, live: Live, channel: ChannelRef, playback_id: str) -> BroadcastRef:
        began = live.started_at.timestamp() if live.started_at else self._clock.time()
        return BroadcastRef(channel, playback_id, began, live.latency or self._latency)

    def tell(self, channel: ChannelRef, event: ProviderEvent) -> None:
        """Something happened to a channel's stream. Returns at once."""
        live = self._live.get(channel.id)
        if live is None:
            live = self._live[channel.id] = Live(channel, event.provider)
        live.ref = channel
        hosted = self._registry.provider(live.provider) is not None
        if live.moment.state is LiveState.OFFLINE or not hosted:
            # Of a provider that was taken off the site nothing will be heard any more.
            live.provider = event.provider
        elif live.provider != event.provider:
            log.warning(
                "%s: an event of %s is ignored, %s hosts the broadcast",
                channel.name,
                event.provider,
                live.provider,
            )
            return
        now = self._clock.monotonic()
        self._expire(live, now)
        self._turn(live, machine.step(live.moment, event.kind, event.session, now, self._window))

    async def event(self, event: ProviderEvent) -> None:
        """Something happened to a channel's stream. Returns when it is stored and published; of
        a channel that does not exist, nothing happens."""
        channel = await self._channels.by_id(event.channel_id)
        if channel is None:
            return
        self.tell(channel.ref, event)
        await self._live[channel.id].written.wait()

    async def end_by_creator(self, channel_id: int) -> datetime:
        """End the broadcast: cut the publisher off and refuse its key for `END_SECONDS`.

        Returns:
            until when the key is refused, UTC.
        """
        until = self._now() + timedelta(seconds=END_SECONDS)
        # The refusal first: the encoder may be back before anything else is done.
        await self._channels.refuse_until(channel_id, until)
        self.end(channel_id, "The broadcast was ended on the creator's page.")
        live = self._live.get(channel_id)
        if live is not None:
            await live.written.wait()
        return until

    def end(self, channel_id: int, sentence: str) -> None:
        """End the broadcast now, without waiting for its encoder to come back. `sentence` tells
        the encoder why."""
        live = self._live.get(channel_id)
        if live is not None:
            self._turn(live, machine.end(live.moment))
        self.cut(channel_id, sentence)

    async def recover(self) -> None:
        """After a start: take over what was running. Encoders have the reconnect window from now
        to come back."""
        now = self._clock.monotonic()
        running = []
        for row in await self._store.running():
            live = Live(row.channel, row.provider or "", Moment(row.state))
            self._live[row.channel.id] = live
            live.broadcast_id, live.started_at = row.broadcast_id, row.started_at
            live.playback_id = row.playback_id
            live.latency = row.latency
            if row.broadcast_id is not None and row.state in ON_AIR:
                running.append(row.broadcast_id)
            self._turn(live, machine.recover(row.state, row.session, now, self._window))
        await self._store.finish_others(running, self._now())
        await self.settled()

    async def stop(self) -> None:
        """Stop keeping time. What is live stays live in the database and is taken over at the
        next start, so that a restart ends no broadcast."""
        self._journal.close()
        for live in self._live.values():
            for timer in (live.timer, live.retry):
                if timer is not None:
                    timer.cancel()
            live.timer = live.retry = None
        try:
            async with asyncio.timeout(1.0):
                await self.settled()
        except TimeoutError:
            log.error("the last changes of live status could not be stored in time")
        await self._journal.stop()

    async def settled(self) -> None:
        """Wait until every change so far is stored and published."""
        for live in list(self._live.values()):
            await live.written.wait()

    def _turn(self, live: Live, moment: Moment) -> None:
        """Take over the machine's next state and do what follows."""
        previous, live.moment = live.moment, moment
        if moment.deadline != previous.deadline:
            self._set_timer(live)
        if moment.state is previous.state:
            return
        at = self._now()
        if moment.state is LiveState.LIVE and live.started_at is None:
            live.started_at = at
            self._viewers.reset_peak(live.ref.id)
        change = Change(
            previous.state,
            moment.state,
            moment.session,
            at,
            live.started_at,
            live.playback_id,
            self._viewers.peak(live.ref.id),
        )
        if moment.state is LiveState.OFFLINE:
            live.started_at = live.playback_id = None
            self._end_at_provider(live)
        log.info("%s: %s -> %s", live.ref.name, previous.state.value, moment.state.value)
        self._journal.put(live, change)

    def _end_at_provider(self, live: Live) -> None:
        provider = self._registry.provider(live.provider)
        if provider is None:
            return
        try:
            provider.end(live.ref)
        except Exception:
            log.exception("provider %s could not end %s", live.provider, live.ref.name)

    def _set_timer(self, live: Live) -> None:
        if live.timer is not None:
            live.timer.cancel()
            live.timer = None
        deadline = live.moment.deadline
        if deadline is not None:
            delay = max(0.0, deadline - self._clock.monotonic())
            live.timer = asyncio.get_running_loop().call_later(delay, self._expired, live)

    def _expired(self, live: Live) -> None:
        live.timer = None
        if not self._expire(live, self._clock.monotonic()):
            self._set_timer(live)  # the timer was a little early

    def _expire(self, live: Live, now: float) -> bool:
        """Look whether the deadline has passed. A publisher who came back and sent nothing that
        can be played is cut off: its stay does not count any more."""
        was = live.moment
        moment = machine.expire(was, now)
        if moment is was:
            return False
        self._turn(live, moment)
        if was.connected:
            self.cut(live.ref.id, "Nothing that could be played came in time.")
        return True

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self._clock.time(), UTC)
