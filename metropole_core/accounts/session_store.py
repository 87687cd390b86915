"""The SQL of sessions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from metropole_core.accounts.model import AccountState
from metropole_core.accounts.store import COLUMNS
from metropole_core.db.connection import Database
from metropole_core.db.rows import Row
from metropole_core.db.tables import sessions, users


class SessionStore:
    """Rows in, rows out; no rule."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def insert(self, values: Mapping[str, Any]) -> None:
        await self._db.execute(sa.insert(sessions).values(**values))

    async def find(self, token_hash: str, now: datetime) -> Row | None:
        """The account's columns, then `session_id`, `seen_at` and `expires_at`; never of an
        account that is blocked."""
        return await self._db.fetch_one(
            sa.select(
                *COLUMNS,
                sessions.c.id.label("session_id"),
                sessions.c.seen_at,
                sessions.c.expires_at,
            )
            .join(sessions, sessions.c.user_id == users.c.id)
            .where(
                sessions.c.token_hash == token_hash,
                sessions.c.expires_at > now,
                users.c.state != AccountState.BLOCKED,
            )
        )

    async def alive(self, token_hashes: Sequence[str], now: datetime) -> set[str]:
        """Which of these sessions still stand."""
        rows = await self._db.fetch_all(
            sa.select(sessions.c.token_hash)
            .join(users, users.c.id == sessions.c.user_id)
            .where(
                sessions.c.token_hash.in_(token_hashes),
                sessions.c.expires_at > now,
                users.c.state == AccountState.ACTIVE,
            )
        )
        return {row.token_hash for row in rows}

    async def touch(self, session_id: int, now: datetime, expires_at: datetime) -> None:
        await self._db.execute(
            sa.update(sessions)
            .where(sessions.c.id == session_id)
            .values(seen_at=now, expires_at=expires_at)
        )

    async def delete(self, token_hash: str) -> None:
        await self._db.execute(sa.delete(sessions).where(sessions.c.token_hash == token_hash))

    async def delete_of(self, user_id: int, keep: str | None) -> list[str]:
        """Delete an account's sessions but for the one of the hash `keep`; the hashes of those."""
        rows = await self._db.fetch_all(
            sa.select(sessions.c.id, sessions.c.token_hash).where(sessions.c.user_id == user_id)
        )
        gone = [row for row in rows if row.token_hash != keep]
        if gone:
            await self._db.execute(
                sa.delete(sessions).where(sessions.c.id.in_([row.id for row in gone]))
            )
        return [row.token_hash for row in gone]

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
