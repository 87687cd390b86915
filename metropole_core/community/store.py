"""The SQL of follows."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa

from metropole_core.channels.model import Channel
from metropole_core.channels.store import COLUMNS, to_channel
from metropole_core.db.connection import Database
from metropole_core.db.tables import channels, follows


class FollowStore:
    """Rows in, facts out; no rule."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def owner_of(self, channel_id: int) -> int | None:
        owner: int | None = await self._db.fetch_val(
            sa.select(channels.c.owner_id).where(channels.c.id == channel_id)
        )
        return owner

    async def insert(self, user_id: int, channel_id: int, now: datetime) -> None:
        await self._db.execute(
            sa.insert(follows).values(user_id=user_id, channel_id=channel_id, created_at=now)
        )

    async def delete(self, user_id: int, channel_id: int) -> bool:
        found = await self._db.execute(
            sa.delete(follows).where(
                follows.c.user_id == user_id, follows.c.channel_id == channel_id
            )
        )
        return found > 0

    async def since(self, user_id: int, channel_id: int) -> datetime | None:
        when: datetime | None = await self._db.fetch_val(
            sa.select(follows.c.created_at).where(
                follows.c.user_id == user_id, follows.c.channel_id == channel_id
            )
        )
        return when

    async def count_of_channel(self, channel_id: int) -> int:
        return await self._count(follows.c.channel_id == channel_id)

    async def count_of_user(self, user_id: int) -> int:
        return await self._count(follows.c.user_id == user_id)

    async def of_user(self, user_id: int) -> list[Channel]:
        rows = await self._db.fetch_all(
            sa.select(*COLUMNS)
            .join(follows, follows.c.channel_id == channels.c.id)
            .where(follows.c.user_id == user_id)
            .order_by(follows.c.created_at.desc(), channels.c.id)
        )
        return [to_channel(row) for row in rows]

    async def _count(self, where: sa.ColumnElement[bool]) -> int:
        count: int = await self._db.fetch_val(
            sa.select(sa.func.count()).select_from(follows).where(where)
        )
        return count
