"""Live status of channels as messages."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Protocol

import msgspec

from metropole_core.channels.model import Channel
from metropole_core.contracts.events import LiveState
from metropole_core.realtime.protocol import Status, StatusOf
from metropole_core.streams.status import ChannelLive

ON_AIR = (LiveState.LIVE, LiveState.INTERRUPTED)


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
        return StatusOf(
            channel=channel.name,
            title=channel.title,
            category=channel.category,
            ended_by_creator_until=until,
            # Asked last: nothing may be older than what was told before.
            **self._live_fields(channel_id),
        )

    def latest(self, channel_id: int, status: StatusOf) -> StatusOf:
        """The same with the state of now, as something was awaited since."""
        return msgspec.structs.replace(status, **self._live_fields(channel_id))

    async def message(self, channel_id: int) -> Status | None:
        """The same, to tell everyone."""
        status = await self.of(channel_id)
        if status is None:
            return None
        return Status(**{name: getattr(status, name) for name in StatusOf.__struct_fields__})

    def untitled(self, channel_id: int, name: str) -> Status:
        """What is known without the database; an empty title leaves the one on the page."""
        return Status(channel=name, title="", category="", **self._live_fields(channel_id))

    def _live_fields(self, channel_id: int) -> dict[str, Any]:
        live = self._live.state(channel_id)
        on_air = live.state in ON_AIR
        return {
            "state": live.state.value,
            "started_at": live.started_at if on_air else None,
            "viewers": live.viewers if on_air else 0,
        }
