"""Which limits hold for a channel."""

from __future__ import annotations

from collections.abc import Sequence

from metropole_core.config.limits import LimitsConfig
from metropole_core.db.connection import Database
from metropole_core.limits.model import Limits, OwnLimits, holding
from metropole_core.limits.store import LimitStore


class ChannelLimits:
    """The limits of channels: what the operator set for one, and the site's for all others.

    Arguments:
        site: the section `[limits]` of the settings.
    """

    def __init__(self, db: Database, site: LimitsConfig) -> None:
        self.site = site
        self._store = LimitStore(db)

    async def of(self, channel_id: int) -> Limits:
        """What holds for that channel."""
        return holding(self.site, (await self._store.of([channel_id])).get(channel_id))

    async def of_many(self, channel_ids: Sequence[int]) -> dict[int, Limits]:
        """The same for many."""
        own = await self._store.of(channel_ids) if channel_ids else {}
        return {each: holding(self.site, own.get(each)) for each in channel_ids}

    async def own(self, channel_id: int) -> OwnLimits:
        """What was set for that channel alone."""
        return (await self._store.of([channel_id])).get(channel_id, OwnLimits())

    async def set_own(self, channel_id: int, own: OwnLimits) -> None:
        """Set them. A running site knows them at the next go-live, and for a stream that runs
        within `looks.LOOK_SECONDS`."""
        await self._store.save(channel_id, own)
