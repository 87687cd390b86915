"""Channels as plugins see them."""

from __future__ import annotations

from metropole_core.channels.service import Channels
from metropole_core.contracts.channels import ChannelRef


class ChannelRefs:
    """Implements `contracts.channels.Channels`."""

    def __init__(self, channels: Channels) -> None:
        self._channels = channels

    async def by_id(self, channel_id: int) -> ChannelRef | None:
        """The channel, or None."""
        channel = await self._channels.by_id(channel_id)
        return channel.ref if channel else None

    async def by_name(self, name: str) -> ChannelRef | None:
        """The channel of that name in any case, or None."""
        channel = await self._channels.by_name(name)
        return channel.ref if channel else None
