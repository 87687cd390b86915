"""Who follows which channel."""

from __future__ import annotations

from datetime import datetime

from metropole_core.channels.model import Channel
from metropole_core.clock import utc_now
from metropole_core.community.store import FollowStore
from metropole_core.contracts.context import Clock, Events
from metropole_core.contracts.events import Followed, Unfollowed
from metropole_core.db.connection import Database
from metropole_core.db.faults import is_duplicate
from metropole_core.errors import Forbidden, NotFound

MAX_FOLLOWED = 2000
"""Channels that one account can follow."""


class Follows:
    """Publishes `Followed` and `Unfollowed`, each once for a real change."""

    def __init__(self, db: Database, clock: Clock, events: Events) -> None:
        self._clock = clock
        self._events = events
        self._store = FollowStore(db)

    async def follow(self, user_id: int, channel_id: int) -> None:
        """Follow a channel; does nothing when the account does already.

        Raises:
            NotFound: there is no such channel.
            Forbidden: it is their own, or they follow as many as one may.
        """
        owner = await self._store.owner_of(channel_id)
        if owner is None:
            raise NotFound("There is no such channel.")
        if owner == user_id:
            raise Forbidden("This is your own channel.", code="own_channel")
        if await self._store.count_of_user(user_id) >= MAX_FOLLOWED:
            raise Forbidden(
                f"An account can follow at most {MAX_FOLLOWED} channels. Unfollow one first.",
                code="too_many_follows",
            )
        try:
            await self._store.insert(user_id, channel_id, utc_now(self._clock))
        except Exception as error:
            if is_duplicate(error):
                return
            raise
        self._events.publish(Followed(channel_id=channel_id, user_id=user_id))

    async def unfollow(self, user_id: int, channel_id: int) -> None:
        """Follow it no longer; does nothing when the account does not."""
        if await self._store.delete(user_id, channel_id):
            self._events.publish(Unfollowed(channel_id=channel_id, user_id=user_id))

    async def is_following(self, user_id: int, channel_id: int) -> bool:
        """Whether the account follows it."""
        return await self.since(user_id, channel_id) is not None

    async def since(self, user_id: int, channel_id: int) -> datetime | None:
        """Since when, in UTC; None when it does not."""
        return await self._store.since(user_id, channel_id)

    async def count(self, channel_id: int) -> int:
        """How many follow the channel."""
        return await self._store.count_of_channel(channel_id)

    async def of_user(self, user_id: int) -> list[Channel]:
        """The channels that the account follows, the latest first; at most `MAX_FOLLOWED`."""
        return await self._store.of_user(user_id)
