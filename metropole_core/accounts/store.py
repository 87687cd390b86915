"""The SQL of accounts: one at a time, and lists for administrators."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from metropole_core.accounts.model import AccountState, User
from metropole_core.db.connection import Database
from metropole_core.db.rows import Row
from metropole_core.db.tables import channels, sessions, users

COLUMNS = (
    users.c.id,
    users.c.name,
    users.c.display_name,
    users.c.email,
    users.c.is_admin,
    users.c.avatar,
    users.c.created_at,
    users.c.state,
    users.c.may_stream,
)


@dataclass(frozen=True, slots=True)
class Locked:
    """An account whose row nobody else changes until the transaction ends."""

    user: User
    password_hash: str


def to_user(row: Row) -> User:
    """A row that starts with `COLUMNS`."""
    values = list(row[: len(COLUMNS)])
    values[7] = AccountState(values[7])
    return User(*values)


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

    async def owners_of(self, channel_ids: Sequence[int]) -> dict[int, User]:
        """The owners of channels, by the channel's id."""
        rows = await self._db.fetch_all(
            sa.select(*COLUMNS, channels.c.id.label("channel_id"))
            .join(channels, channels.c.owner_id == users.c.id)
            .where(channels.c.id.in_(channel_ids))
        )
        return {row.channel_id: to_user(row) for row in rows}

    async def lock(self, user_id: int) -> Locked | None:
        """In a transaction: the account as it is now, None when there is none any more."""
        row = await self._db.fetch_one(
            sa.select(*COLUMNS, users.c.password_hash)
            .where(users.c.id == user_id)
            .with_for_update()
        )
        return Locked(to_user(row), row.password_hash) if row else None

    async def lock_administrators(self) -> list[int]:
        """In a transaction: ids of the administrators whose accounts count."""
        rows = await self._db.fetch_all(
            sa.select(users.c.id)
            .where(users.c.is_admin.is_(True), users.c.state == AccountState.ACTIVE)
            .order_by(users.c.id)
            .with_for_update()
        )
        return [row.id for row in rows]

    async def has_administrator(self) -> bool:
        found = await self._db.fetch_val(
            sa.select(users.c.id).where(users.c.is_admin.is_(True)).limit(1)
        )
        return found is not None

    async def insert(self, values: Mapping[str, Any]) -> int:
        return await self._db.execute(sa.insert(users).values(**values))

    async def update(self, user_id: int, values: Mapping[str, Any]) -> None:
        await self._db.execute(sa.update(users).where(users.c.id == user_id).values(**values))

    async def set_password_hash(self, user_id: int, password_hash: str) -> None:
        await self.update(user_id, {"password_hash": password_hash})

    async def delete_pending(self, user_id: int) -> bool:
        """Delete an account that waits; whether it did."""
        gone = await self._db.execute(
            sa.delete(users).where(users.c.id == user_id, users.c.state == AccountState.PENDING)
        )
        return gone > 0

    async def count(self, *, state: AccountState | None = None, text: str = "") -> int:
        found: int = await self._db.fetch_val(
            _matching(sa.select(sa.func.count()).select_from(users), state, text)
        )
        return found

    async def listed(
        self, *, state: AccountState | None, text: str, limit: int, skip: int
    ) -> list[User]:
        """Who waits first, then the newest."""
        waiting = sa.case((users.c.state == AccountState.PENDING, 0), else_=1)
        query = _matching(sa.select(*COLUMNS), state, text)
        rows = await self._db.fetch_all(
            query.order_by(waiting, users.c.id.desc()).limit(limit).offset(skip)
        )
        return [to_user(row) for row in rows]

    async def last_seen(self, user_ids: Sequence[int]) -> dict[int, datetime]:
        """When each was last seen, of those who are signed in somewhere."""
        if not user_ids:
            return {}
        rows = await self._db.fetch_all(
            sa.select(sessions.c.user_id, sa.func.max(sessions.c.seen_at).label("seen_at"))
            .where(sessions.c.user_id.in_(user_ids))
            .group_by(sessions.c.user_id)
        )
        return {row.user_id: row.seen_at for row in rows}


def _matching(query: sa.Select[Any], state: AccountState | None, text: str) -> sa.Select[Any]:
    if state is not None:
        query = query.where(users.c.state == state)
    if text:
        query = query.where(
            users.c.name_key.contains(text.casefold(), autoescape=True)
            | sa.func.lower(users.c.display_name).contains(text.lower(), autoescape=True)
        )
    return query
