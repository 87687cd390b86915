"""What a channel is."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from metropole_core.contracts.channels import ChannelRef
from metropole_core.contracts.latency import Latency

TITLE_LENGTH = 140
CATEGORY_LENGTH = 40
TAGS = 10
TAG_LENGTH = 25
DESCRIPTION_LENGTH = 2000
CHANNELS_PER_OWNER = 5
"""Unless the operator sets another number."""


@dataclass(frozen=True, slots=True)
class Channel:
    """A place that has an owner, followers and a chat room, and streams one thing at a time.

    Fields:
        name: address of its page.
        thumbnail, avatar: keys in the storage (`Storage.url`), or None.
        provider: the creator's choice, None for the user's or the operator's.
        latency: likewise, None for the site's setting.
        preview_at: when the newest picture out of its stream was taken, None when there is none.
    """

    id: int
    name: str
    display_name: str
    owner_id: int
    title: str
    description: str
    category: str
    tags: tuple[str, ...]
    thumbnail: str | None
    avatar: str | None
    provider: str | None
    chat_enabled: bool
    created_at: datetime
    preview_at: datetime | None = None
    latency: Latency | None = None

    @property
    def ref(self) -> ChannelRef:
        """The channel as plugins see it."""
        return ChannelRef(self.id, self.name, self.owner_id)
