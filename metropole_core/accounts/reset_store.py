"""The SQL of one-time links for a new password."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa

from metropole_core.accounts.model import User
from metropole_core.accounts.store import COLUMNS, to_user
from metropole_core.db.connection import Database
from metropole_core.db.tables import password_resets, users


class ResetStore:
    """Rows in, rows out; no rule."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def insert(self, token_hash: str, user_id: int, expires_at: datetime) -> None:
        await self._db.execute(
            sa.insert(password_resets).values(
                token_hash=token_hash, user_id=user_id, expires_at=expires_at
            )
        )

    async def find(self, token_hash: str, now: datetime) -> User | None:
        row = await self._db.fetch_one(
            sa.select(*COLUMNS)
            .join(password_resets, password_resets.c.user_id == users.c.id)
            .where(password_resets.c.token_hash == token_hash, password_resets.c.expires_at > now)
        )
        return to_user(row) if row else None

    async def take(self, token_hash: str, now: datetime) -> bool:
        """Use it up; False when it was already, or is too old."""
        taken = await self._db.execute(
            sa.delete(password_resets).where(
                password_resets.c.token_hash == token_hash, password_resets.c.expires_at > now
            )
        )
        return taken > 0

    async def delete_of(self, user_id: int) -> None:
        await self._db.execute(
            sa.delete(password_resets).where(password_resets.c.user_id == user_id)
        )
