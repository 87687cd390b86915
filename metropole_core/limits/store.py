"""Limits of single channels in the database."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import sqlalchemy as sa

from metropole_core.db import tables
from metropole_core.limits.model import OwnLimits

if TYPE_CHECKING:
    from metropole_core.db.connection import Database

MAX_ASKED = 500
"""Channels in one question."""


class LimitStore:
    """The table `channel_limits`."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def of(self, channel_ids: Sequence[int]) -> dict[int, OwnLimits]:
        """Those of the channels that have limits of their own."""
        table = tables.channel_limits
        found: dict[int, OwnLimits] = {}
        for start in range(0, len(channel_ids), MAX_ASKED):
            rows = await self._db.fetch_all(
                sa.select(
                    table.c.channel_id,
                    table.c.bitrate,
                    table.c.height,
                    table.c.seconds,
                    table.c.storage,
                ).where(table.c.channel_id.in_(channel_ids[start : start + MAX_ASKED]))
            )
            found |= {row[0]: OwnLimits(*row[1:5]) for row in rows}
        return found

    async def save(self, channel_id: int, own: OwnLimits) -> None:
        """Write them."""
        table = tables.channel_limits
        values = {
            "bitrate": own.bitrate,
            "height": own.height,
            "seconds": own.duration,
            "storage": own.storage,
        }

        async def write() -> None:
            await self._db.execute(table.delete().where(table.c.channel_id == channel_id))
            if own != OwnLimits():
                await self._db.execute(table.insert().values(channel_id=channel_id, **values))

        await self._db.in_transaction(write)
