"""The SQL of channels and their stream keys."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from metropole_core.channels.model import Channel
from metropole_core.contracts.latency import Latency
from metropole_core.db.connection import Database
from metropole_core.db.rows import Row
from metropole_core.db.tables import channels, live_status, stream_keys, users

COLUMNS = (
    channels.c.id,
    channels.c.name,
    channels.c.display_name,
    channels.c.owner_id,
    channels.c.title,
    channels.c.description,
    channels.c.category,
    channels.c.tags,
    channels.c.thumbnail,
    channels.c.avatar,
    channels.c.provider,
    channels.c.chat_enabled,
    channels.c.created_at,
    channels.c.preview_at,
    channels.c.latency,
)
ON_AIR = ("live", "interrupted")
_LATENCIES = {each.value for each in Latency}


def to_channel(row: Row) -> Channel:
    """A row of `COLUMNS`."""
    values = list(row)
    values[7] = tuple(values[7])
    values[-1] = latency_of(values[-1])
    return Channel(*values)


def latency_of(stored: str | None) -> Latency | None:
    """A word of a newer version means nothing here: the site's setting holds."""
    return Latency(stored) if stored in _LATENCIES else None


class ChannelStore:
    """Rows in, channels out; no rule."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def get(self, channel_id: int) -> Channel | None:
        return await self._one(channels.c.id == channel_id)

    async def by_key(self, name_key: str) -> Channel | None:
        return await self._one(channels.c.name_key == name_key)

    async def by_stream_key(self, key_hash: str) -> Channel | None:
        row = await self._db.fetch_one(
            sa.select(*COLUMNS)
            .join(stream_keys, stream_keys.c.channel_id == channels.c.id)
            .where(stream_keys.c.key_hash == key_hash)
        )
        return to_channel(row) if row else None

    async def of_owner(self, user_id: int) -> list[Channel]:
        rows = await self._db.fetch_all(
            sa.select(*COLUMNS).where(channels.c.owner_id == user_id).order_by(channels.c.id)
        )
        return [to_channel(row) for row in rows]

    async def all_names(self) -> list[str]:
        rows = await self._db.fetch_all(sa.select(channels.c.name).order_by(channels.c.name))
        return [row[0] for row in rows]

    async def lock_owner(self, user_id: int) -> str | None:
        """The owner's name key, None when there is no such account. Until the transaction ends
        nobody else counts this owner's channels."""
        key: str | None = await self._db.fetch_val(
            sa.select(users.c.name_key).where(users.c.id == user_id).with_for_update()
        )
        return key

    async def count_of_owner(self, user_id: int) -> int:
        count: int = await self._db.fetch_val(
            sa.select(sa.func.count()).select_from(channels).where(channels.c.owner_id == user_id)
        )
        return count

    async def is_account(self, name_key: str) -> bool:
        return (
            await self._db.fetch_val(sa.select(users.c.id).where(users.c.name_key == name_key))
            is not None
        )

    async def insert(self, values: Mapping[str, Any]) -> int:
        return await self._db.execute(sa.insert(channels).values(**values))

    async def update(self, channel_id: int, values: Mapping[str, Any]) -> bool:
        found = await self._db.execute(
            sa.update(channels).where(channels.c.id == channel_id).values(**values)
        )
        return found > 0

    async def replace_picture(self, channel_id: int, kind: str, key: str) -> str | None:
        """The key of the picture ("thumbnail", "avatar") that it replaces. In a transaction."""
        column = channels.c[kind]
        old: str | None = await self._db.fetch_val(
            sa.select(column).where(channels.c.id == channel_id).with_for_update()
        )
        await self.update(channel_id, {kind: key})
        return old

    async def set_owner_avatar(self, channel: Channel) -> None:
        """The picture of the channel that bears its owner's name is also the owner's."""
        await self._db.execute(
            sa.update(users)
            .where(users.c.id == channel.owner_id, users.c.name_key == channel.name)
            .values(avatar=channel.avatar)
        )

    async def refused_until(self, channel_id: int) -> datetime | None:
        when: datetime | None = await self._db.fetch_val(
            sa.select(channels.c.refused_until).where(channels.c.id == channel_id)
        )
        return when

    async def insert_key(
        self, channel_id: int, key_hash: str, encrypted: str, now: datetime
    ) -> None:
        await self._db.execute(
            sa.insert(stream_keys).values(
                channel_id=channel_id, key_hash=key_hash, key_encrypted=encrypted, created_at=now
            )
        )

    async def replace_key(
        self, channel_id: int, key_hash: str, encrypted: str, now: datetime
    ) -> bool:
        found = await self._db.execute(
            sa.update(stream_keys)
            .where(stream_keys.c.channel_id == channel_id)
            .values(key_hash=key_hash, key_encrypted=encrypted, created_at=now)
        )
        return found > 0

    async def encrypted_key(self, channel_id: int) -> str | None:
        encrypted: str | None = await self._db.fetch_val(
            sa.select(stream_keys.c.key_encrypted).where(stream_keys.c.channel_id == channel_id)
        )
        return encrypted

    async def by_ids(self, ids: Sequence[int]) -> list[Channel]:
        rows = await self._db.fetch_all(
            sa.select(*COLUMNS).where(channels.c.id.in_(ids)).order_by(channels.c.id)
        )
        return [to_channel(row) for row in rows]

    async def recent(self, limit: int) -> list[Channel]:
        """Those whose live status changed last, then the newest."""
        rows = await self._db.fetch_all(
            sa.select(*COLUMNS)
            .outerjoin(live_status, live_status.c.channel_id == channels.c.id)
            .order_by(live_status.c.changed_at.desc(), channels.c.id.desc())
            .limit(limit)
        )
        return [to_channel(row) for row in rows]

    async def search(self, words: Sequence[str], first: str, limit: int) -> list[Channel]:
        """Those whose search text holds every word: live ones first, then the one whose name is
        `first`, then those that were live last, then the newest."""
        on_air = sa.case((live_status.c.state.in_(ON_AIR), 1), else_=0)
        exact = sa.case((channels.c.name_key == first, 1), else_=0)
        query = (
            sa.select(*COLUMNS)
            .outerjoin(live_status, live_status.c.channel_id == channels.c.id)
            .order_by(
                on_air.desc(), exact.desc(), live_status.c.changed_at.desc(), channels.c.id.desc()
            )
            .limit(limit)
        )
        for word in words:
            query = query.where(channels.c.search_text.contains(word, autoescape=True))
        return [to_channel(row) for row in await self._db.fetch_all(query)]

    async def _one(self, where: sa.ColumnElement[bool]) -> Channel | None:
        row = await self._db.fetch_one(sa.select(*COLUMNS).where(where))
        return to_channel(row) if row else None
