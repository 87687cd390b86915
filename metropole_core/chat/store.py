"""The SQL of chat rooms: messages and the modes that are on."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from metropole_core.chat.batcher import Batcher
from metropole_core.chat.messages import Message
from metropole_core.db.connection import Database
from metropole_core.db.rows import Row
from metropole_core.db.tables import channels, chat_messages, chat_modes
from metropole_core.db.upsert import upsert

GONE = "gone"
"""`Message.key` of somebody whose account was deleted."""

_COLUMNS = (
    chat_messages.c.public_id,
    chat_messages.c.name,
    chat_messages.c.user_id,
    chat_messages.c.guest_key,
    chat_messages.c.hue,
    chat_messages.c.text,
    chat_messages.c.created_at,
    channels.c.owner_id,
)


@dataclass(frozen=True, slots=True)
class NewMessage:
    """A message on its way to the table."""

    channel_id: int
    user_id: int
    message: Message


@dataclass(frozen=True, slots=True)
class StoredMode:
    """A mode as the channel's creator set it."""

    enabled: bool
    settings: Mapping[str, Any]


class ChatStore:
    """The tables `chat_messages` and `chat_modes`. New messages are written in batches."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._batcher = Batcher(self._insert, is_fault_of_row=_is_fault_of_row)

    def put(self, new: NewMessage) -> asyncio.Future[None]:
        """Store a message; see `Batcher.put`."""
        return self._batcher.put(new)

    async def stop(self) -> None:
        """Write what waits, and take no more."""
        await self._batcher.stop()

    async def history(self, channel_id: int, limit: int) -> list[Message]:
        """The last messages that were not deleted, oldest first."""
        rows = await self._db.fetch_all(
            sa.select(*_COLUMNS)
            .join(channels, channels.c.id == chat_messages.c.channel_id)
            .where(chat_messages.c.channel_id == channel_id, chat_messages.c.deleted_at.is_(None))
            .order_by(chat_messages.c.id.desc())
            .limit(limit)
        )
        return [_message(row) for row in reversed(rows)]

    async def deleted(self, channel_id: int, among: int) -> list[str]:
        """Ids of those of the last `among` messages that were deleted, oldest first."""
        rows = await self._db.fetch_all(
            sa.select(chat_messages.c.public_id, chat_messages.c.deleted_at)
            .where(chat_messages.c.channel_id == channel_id)
            .order_by(chat_messages.c.id.desc())
            .limit(among)
        )
        return [public_id for public_id, deleted_at in reversed(rows) if deleted_at is not None]

    async def delete(self, channel_id: int, message_id: str, when: datetime) -> bool:
        """Hide a message; False when the channel has none of that id, or it is hidden already."""
        found = await self._db.execute(
            sa.update(chat_messages)
            .where(
                chat_messages.c.public_id == message_id,
                chat_messages.c.channel_id == channel_id,
                chat_messages.c.deleted_at.is_(None),
            )
            .values(deleted_at=when)
        )
        return found > 0

    async def next_channel(self, after: int) -> int | None:
        """The next channel in whose room something was said; None after the last."""
        table = chat_messages
        found: int | None = await self._db.fetch_val(
            sa.select(sa.func.min(table.c.channel_id)).where(table.c.channel_id > after)
        )
        return found

    async def newest_surplus(self, channel_id: int, keep: int) -> int | None:
        """The row of the newest message that is not among the last `keep`; None when there is
        none."""
        found: int | None = await self._db.fetch_val(
            sa.select(chat_messages.c.id)
            .where(chat_messages.c.channel_id == channel_id)
            .order_by(chat_messages.c.id.desc())
            .limit(1)
            .offset(keep)
        )
        return found

    async def forget(self, channel_id: int, up_to: int, most: int) -> int:
        """Delete the channel's oldest messages for good, up to that row, `most` at once. Returns
        how many."""
        table = chat_messages
        mine = (table.c.channel_id == channel_id) & (table.c.id <= up_to)
        last = await self._db.fetch_val(
            sa.select(table.c.id).where(mine).order_by(table.c.id).limit(1).offset(most - 1)
        )
        if last is not None:
            mine = (table.c.channel_id == channel_id) & (table.c.id <= last)
        return await self._db.execute(table.delete().where(mine))

    async def modes(self, channel_id: int) -> dict[str, StoredMode]:
        """What the creator has set, by the mode's name."""
        rows = await self._db.fetch_all(
            sa.select(chat_modes.c.mode, chat_modes.c.enabled, chat_modes.c.settings).where(
                chat_modes.c.channel_id == channel_id
            )
        )
        return {row.mode: StoredMode(bool(row.enabled), row.settings) for row in rows}

    async def set_mode(
        self, channel_id: int, mode: str, *, enabled: bool, settings: Mapping[str, Any]
    ) -> None:
        """Remember a mode's switch and settings."""
        values = {
            "channel_id": channel_id,
            "mode": mode,
            "enabled": enabled,
            "settings": dict(settings),
        }
        await self._db.execute(upsert(self._db, chat_modes, values))

    async def _insert(self, rows: Sequence[NewMessage]) -> None:
        values = [
            {
                "public_id": row.message.id,
                "channel_id": row.channel_id,
                "user_id": row.user_id,
                "name": row.message.name,
                "hue": row.message.hue,
                "text": row.message.text,
                "created_at": row.message.at,
            }
            for row in rows
        ]

        async def write() -> None:
            await self._db.execute_many(sa.insert(chat_messages), values)

        await self._db.in_transaction(write)


def role_of(user_id: int | None, owner_id: int) -> str:
    """`Message.role`."""
    if user_id is None:
        return "guest"
    return "owner" if user_id == owner_id else "viewer"


def _message(row: Row) -> Message:
    public_id, name, user_id, guest_key, hue, text, created_at, owner_id = row
    key = f"u{user_id}" if user_id is not None else guest_key or GONE
    return Message(
        id=public_id,
        name=name,
        key=key,
        hue=hue,
        role=role_of(user_id, owner_id),
        text=text,
        at=created_at,
    )


def _is_fault_of_row(error: Exception) -> bool:
    return type(error).__name__ in {"IntegrityError", "DataError"}
