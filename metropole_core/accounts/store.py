"""The SQL of accounts and sessions."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from metropole_core.accounts.model import User
from metropole_core.db.connection import Database
from metropole_core.db.rows import Row
from metropole_core.db.tables import sessions, users

COLUMNS = (
    users.c.id,
    users.c.name,
    users.c.display_name,
    users.c.email,
    users.c.is_admin,
    users.c.avatar,
    users.c.created_at,
)


def to_user(row: Row) -> User:
    """A row that starts with `COLUMNS`."""
    return User(*row[: len(COLUMNS)])


class AccountStore:
    """Rows in, accounts out; no rule."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def by_id(self, user_id: int) -> User | None:
        row = await self._db.fetch_one(sa.select(*COLUMNS).where(users.c.id == user_id))
        return to_user(row) if row else None

    async def by_key(self, name_key: str) -> User | None:
        found = await self.with_password(name_key)
        return found[0] if found else None

    async def with_password(self, name_key: str) -> tuple[User, str] | None:
        row = await self._db.fetch_one(
            sa.select(*COLUMNS, users.c.password_hash).where(users.c.name_key == name_key)
        )
        return (to_user(row), row.password_hash) if row else None

    async def insert(self, values: Mapping[str, Any]) -> int:
        return await self._db.execute(sa.insert(users).values(**values))

    async def set_password_hash(self, user_id: int, password_hash: str) -> None:
        await self._db.execute(
            sa.update(users).where(users.c.id == user_id).values(password_hash=password_hash)
        )

    async def insert_session(self, values: Mapping[str, Any]) -> None:
        await self._db.execute(sa.insert(sessions).values(**values))

    async def session(self, token_hash: str, now: datetime) -> Row | None:
        """The account's columns, then `session_id`, `seen_at` and `expires_at`."""
        return await self._db.fetch_one(
            sa.select(
                *COLUMNS,
                sessions.c.id.label("session_id"),
                sessions.c.seen_at,
                sessions.c.expires_at,
            )
            .join(sessions, sessions.c.user_id == users.c.id)
            .where(sessions.c.token_hash == token_hash, sessions.c.expires_at > now)
        )

    async def touch_session(self, session_id: int, now: datetime, expires_at: datetime) -> None:
        await self._db.execute(
            sa.update(sessions)
            .where(sessions.c.id == session_id)
            .values(seen_at=now, expires_at=expires_at)
        )

    async def delete_session(self, token_hash: str) -> None:
        await self._db.execute(sa.delete(sessions).where(sessions.c.token_hash == token_hash))

    async def delete_expired(self, now: datetime) -> None:
        await self._db.execute(sa.delete(sessions).where(sessions.c.expires_at <= now))

    async def keep_newest(self, user_id: int, count: int) -> None:
        """Delete an account's sessions but for the `count` that were used last."""
        rows = await self._db.fetch_all(
            sa.select(sessions.c.id)
            .where(sessions.c.user_id == user_id)
            .order_by(sessions.c.seen_at.desc(), sessions.c.id.desc())
        )
        surplus = [row.id for row in rows[count:]]
        if surplus:
            await self._db.execute(sa.delete(sessions).where(sessions.c.id.in_(surplus)))
