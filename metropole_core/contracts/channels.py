"""What a plugin may know of channels and people."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class ChannelRef:
    """A channel as a plugin sees it.

    Fields:
        name: address of its page.
        owner_id: id of the account that it belongs to.
    """

    id: int
    name: str
    owner_id: int


@dataclass(frozen=True, slots=True)
class Person:
    """Someone at the site.

    Fields:
        key: the same for all sockets of one person: "u<id>" for accounts, "g<random>" for guests.
        user_id: the account, or None for a guest.
        name: display name; guests have one as well.
    """

    key: str
    user_id: int | None
    name: str


class Channels(Protocol):
    """The core's channels, for plugins."""

    async def by_id(self, channel_id: int) -> ChannelRef | None:
        """The channel, or None."""

    async def by_name(self, name: str) -> ChannelRef | None:
        """The channel of that name in any case, or None."""
