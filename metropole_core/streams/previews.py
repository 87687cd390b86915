"""The newest picture out of each channel's stream: one file a channel, written over."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from metropole_core.clock import utc_now
from metropole_core.contracts.channels import ChannelRef
from metropole_core.contracts.context import Clock
from metropole_core.errors import Invalid
from metropole_core.storage import Storage

if TYPE_CHECKING:
    from metropole_core.channels import Channels

MAX_OCTETS = 1024 * 1024


class LivePreviews:
    """`contracts.previews.Previews`."""

    def __init__(self, channels: Channels, storage: Storage, clock: Clock) -> None:
        self._channels = channels
        self._storage = storage
        self._clock = clock

    async def put(self, channel: ChannelRef, picture: bytes) -> None:
        """Keep a picture; see the contract."""
        if len(picture) > MAX_OCTETS or picture[:4] != b"RIFF" or picture[8:12] != b"WEBP":
            raise Invalid("A preview is a WebP picture of at most 1 MiB.")
        key = await asyncio.to_thread(
            self._storage.replace, f"preview-{channel.id}", picture, "image/webp"
        )
        await self._channels.set_preview(channel.id, key, utc_now(self._clock))

    def path(self, channel_id: int) -> str:
        """Where the site serves it."""
        return f"/previews/{channel_id}.webp"
