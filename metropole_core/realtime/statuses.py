"""Live status of channels as messages."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from metropole_core.channels.model import Channel
from metropole_core.contracts.events import LiveState
from metropole_core.realtime.protocol import Status, StatusOf
from metropole_core.streams.status import ChannelLive


class LiveStates(Protocol):
    """The site's live status."""

    def state(self, channel_id: int) -> ChannelLive: ...


class ChannelsToTell(Protocol):
    """The site's channels."""

    async def by_id(self, channel_id: int) -> Channel | None: ...

    async def refused_until(self, channel_id: int) -> datetime | None: ...


class Statuses:
    """Puts status and title of a channel together."""

    def __init__(self, live: LiveStates, channels: ChannelsToTell) -> None:
        self._live = live
        self._channels = channels

    async def of(self, channel_id: int) -> StatusOf | None:
        """The status now; None when the channel is gone."""
        channel = await self._channels.by_id(channel_id)
        if channel is None:
            return None
        until = None
        if self._live.state(channel_id).state is LiveState.OFFLINE:
            until = await self._channels.refused_until(channel_id)
        # Asked last: nothing may be older than what was told before.
        live = self._live.state(channel_id)
        on_air = live.state in (LiveState.LIVE, LiveState.INTERRUPTED)
        return StatusOf(
            channel=channel.name,
            state=live.state.value,
            started_at=live.started_at if on_air else None,
            viewers=live.viewers if on_air else 0,
            title=channel.title,
            category=channel.category,
            ended_by_creator_until=until,
        )

    async def message(self, channel_id: int) -> Status | None:
        """The same, to tell everyone."""
        status = await self.of(channel_id)
        if status is None:
            return None
        return Status(**{name: getattr(status, name) for name in StatusOf.__struct_fields__})
