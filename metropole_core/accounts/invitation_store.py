"""The SQL of invitations."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from metropole_core.accounts.model import Invitation
from metropole_core.db.connection import Database
from metropole_core.db.rows import Row
from metropole_core.db.tables import invitations, users

COLUMNS = (
    invitations.c.id,
    invitations.c.note,
    users.c.name,
    invitations.c.created_at,
    invitations.c.expires_at,
    invitations.c.max_uses,
    invitations.c.uses,
    invitations.c.may_stream,
)


class InvitationStore:
    """Rows in, invitations out; no rule."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def insert(self, values: Mapping[str, Any]) -> int:
        return await self._db.execute(sa.insert(invitations).values(**values))

    async def by_hash(self, code_hash: str) -> Invitation | None:
        row = await self._db.fetch_one(_all().where(invitations.c.code_hash == code_hash))
        return _invitation(row) if row else None

    async def use(self, invitation_id: int, now: datetime) -> bool:
        """Count one use; False when there is none left or its time is over. One statement, so
        that of two people who come at once with the last use one gets it."""
        used = await self._db.execute(
            sa.update(invitations)
            .where(
                invitations.c.id == invitation_id,
                invitations.c.uses < invitations.c.max_uses,
                sa.or_(invitations.c.expires_at.is_(None), invitations.c.expires_at > now),
            )
            .values(uses=invitations.c.uses + 1)
        )
        return used > 0

    async def listed(self, limit: int) -> list[Invitation]:
        """The newest first."""
        rows = await self._db.fetch_all(_all().order_by(invitations.c.id.desc()).limit(limit))
        return [_invitation(row) for row in rows]

    async def count(self) -> int:
        found: int = await self._db.fetch_val(sa.select(sa.func.count()).select_from(invitations))
        return found

    async def delete(self, invitation_id: int) -> bool:
        return (
            await self._db.execute(sa.delete(invitations).where(invitations.c.id == invitation_id))
            > 0
        )


def _all() -> sa.Select[Any]:
    return sa.select(*COLUMNS).outerjoin(users, users.c.id == invitations.c.created_by)


def _invitation(row: Row) -> Invitation:
    return Invitation(*row)
