"""Invitations: codes that let people make an account."""

from __future__ import annotations

import logging
import secrets
from datetime import timedelta

from metropole_core.accounts.invitation_store import InvitationStore
from metropole_core.accounts.model import Invitation, User
from metropole_core.clock import utc_now
from metropole_core.contracts.context import Clock
from metropole_core.db.connection import Database
from metropole_core.errors import Conflict, Invalid, NotFound
from metropole_core.keys import SiteKeys
from metropole_core.text import N_, one_line

log = logging.getLogger("metropole.people")

CODE_BYTES = 16
CODE_LENGTH = 100
NOTE_LENGTH = 100
MAX_USES = 1000
MAX_DAYS = 365
MAX_INVITATIONS = 500
"""At a time, used ones included until they are revoked."""

NOT_GOOD = N_("This invitation is used up, too old, or was taken back. Ask for a new one.")


class Invitations:
    """Makes, lists, takes back and uses invitations."""

    def __init__(self, db: Database, keys: SiteKeys, clock: Clock) -> None:
        self._keys = keys
        self._clock = clock
        self._store = InvitationStore(db)

    async def create(
        self,
        *,
        by: User | None,
        note: str = "",
        uses: int = 1,
        days: int | None = 7,
        may_stream: bool | None = None,
    ) -> tuple[Invitation, str]:
        """Make one.

        Arguments:
            by: the administrator, None for the command line.
            days: how long it is good; None for ever.

        Returns:
            The invitation, and its code, which is not kept: show it now.

        Raises:
            Invalid: a number is out of its bounds, or the note too long.
            Conflict: there are as many as there may be.
        """
        note = one_line(note, limit=NOTE_LENGTH, field="note", what="The note")
        if not 1 <= uses <= MAX_USES:
            raise Invalid(f"An invitation lets 1 to {MAX_USES} people in.", field="uses")
        if days is not None and not 1 <= days <= MAX_DAYS:
            raise Invalid(f"An invitation is good for 1 to {MAX_DAYS} days.", field="days")
        if await self._store.count() >= MAX_INVITATIONS:
            raise Conflict(
                f"There are {MAX_INVITATIONS} invitations, which is as many as a site keeps. "
                "Revoke old ones first.",
                code="too_many_invitations",
            )
        code = secrets.token_urlsafe(CODE_BYTES)
        now = utc_now(self._clock)
        expires_at = now + timedelta(days=days) if days is not None else None
        number = await self._store.insert(
            {
                "code_hash": self._hash(code),
                "note": note,
                "created_by": by.id if by is not None else None,
                "created_at": now,
                "expires_at": expires_at,
                "max_uses": uses,
                "may_stream": may_stream,
            }
        )
        name = by.name if by is not None else None
        log.info("%s made invitation %s for %s uses", name or "the command line", number, uses)
        return Invitation(number, note, name, now, expires_at, uses, 0, may_stream), code

    async def find(self, code: str) -> Invitation:
        """The invitation of a code that is good now.

        Raises:
            Invalid: there is none (code "bad_invitation").
        """
        found = None
        if 0 < len(code) <= CODE_LENGTH:
            found = await self._store.by_hash(self._hash(code))
        if found is None or not found.is_good(utc_now(self._clock)):
            raise Invalid(NOT_GOOD, code="bad_invitation", field="code")
        return found

    async def use(self, invitation: Invitation) -> None:
        """Count one use, in the caller's transaction.

        Raises:
            Invalid: somebody else had the last one.
        """
        if not await self._store.use(invitation.id, utc_now(self._clock)):
            raise Invalid(NOT_GOOD, code="bad_invitation", field="code")

    async def all(self) -> list[Invitation]:
        """Every invitation, the newest first."""
        return await self._store.listed(MAX_INVITATIONS)

    async def revoke(self, invitation_id: int, *, by: User | None) -> None:
        """Take one back: its code lets nobody in any more.

        Raises:
            NotFound: there is none of that number.
        """
        if not await self._store.delete(invitation_id):
            raise NotFound("There is no such invitation.")
        name = by.name if by is not None else "the command line"
        log.info("%s revoked invitation %s", name, invitation_id)

    def _hash(self, code: str) -> str:
        return self._keys.hash("invitation", code)
