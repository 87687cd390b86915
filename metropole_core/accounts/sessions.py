"""Sessions: who is signed in where."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Sequence
from datetime import timedelta

from metropole_core.accounts.model import AccountState, Session, User
from metropole_core.accounts.session_store import SessionStore
from metropole_core.accounts.store import AccountStore, to_user
from metropole_core.clock import utc_now
from metropole_core.contracts.context import Clock
from metropole_core.db.connection import Database
from metropole_core.errors import Invalid
from metropole_core.keys import SiteKeys

SESSION_LIFE = timedelta(days=30)
SESSION_TOUCH = timedelta(hours=1)
"""How often a session in use is written to: its 30 days start anew that often."""
SESSIONS_PER_USER = 20
TOKEN_BYTES = 32
TOKEN_LENGTH = 100
ASKED_AT_ONCE = 500
"""Sessions that one query asks about."""


class Sessions:
    """Opens, finds and ends sessions. `ended` is called with the hash of the token of each
    session that was ended."""

    def __init__(self, db: Database, keys: SiteKeys, clock: Clock) -> None:
        self._db = db
        self._keys = keys
        self._clock = clock
        self._store = SessionStore(db)
        self._accounts = AccountStore(db)
        self.ended: list[Callable[[str], None]] = []

    def token_hash(self, token: str) -> str:
        """What stands in the database for a cookie's token."""
        return self._keys.hash("session", token[:TOKEN_LENGTH])

    async def open(
        self, user: User, address: str, user_agent: str, *, password_hash: str | None = None
    ) -> str:
        """Sign in.

        Arguments:
            password_hash: the one that was verified: whoever knew only an older password stays
                outside.

        Returns:
            The token for the cookie.

        Raises:
            Invalid: the account was blocked, deleted or given another password meanwhile.
        """
        token = secrets.token_urlsafe(TOKEN_BYTES)
        now = utc_now(self._clock)

        async def make() -> None:
            locked = await self._accounts.lock(user.id)
            if (
                locked is None
                or locked.user.state is AccountState.BLOCKED
                or password_hash not in (None, locked.password_hash)
            ):
                raise Invalid("Name or password is wrong.", code="wrong_login", field="password")
            await self._store.delete_expired(now)
            await self._store.keep_newest(user.id, SESSIONS_PER_USER - 1)
            await self._store.insert(
                {
                    "token_hash": self.token_hash(token),
                    "user_id": user.id,
                    "created_at": now,
                    "seen_at": now,
                    "expires_at": now + SESSION_LIFE,
                    "address": address[:45],
                    "user_agent": _printable(user_agent)[:200],
                }
            )

        await self._db.in_transaction(make)
        return token

    async def find(self, token: str) -> Session | None:
        """The session of a cookie's token, None when it is unknown, too old, or of an account
        that is blocked. Its 30 days start anew with use."""
        if not token or len(token) > TOKEN_LENGTH:
            return None
        now = utc_now(self._clock)
        row = await self._store.find(self.token_hash(token), now)
        if row is None:
            return None
        expires_at = row.expires_at
        if now - row.seen_at >= SESSION_TOUCH:
            expires_at = now + SESSION_LIFE
            await self._store.touch(row.session_id, now, expires_at)
        return Session(to_user(row), self._keys.hash("csrf", token), expires_at)

    async def gone(self, token_hashes: Sequence[str]) -> set[str]:
        """Which of these sessions do not stand any more, here or ended by another process."""
        now, left = utc_now(self._clock), set(token_hashes)
        for at in range(0, len(token_hashes), ASKED_AT_ONCE):
            left -= await self._store.alive(token_hashes[at : at + ASKED_AT_ONCE], now)
        return left

    async def end(self, token: str) -> None:
        """Sign out; does nothing when there is no such session."""
        token_hash = self.token_hash(token)
        await self._store.delete(token_hash)
        self.tell([token_hash])

    async def delete_of(self, user_id: int, keep: str | None = None) -> list[str]:
        """Delete an account's sessions, in the caller's transaction; `keep` is the token of the
        one that stays. Hand the answer to `tell` once the transaction is committed."""
        return await self._store.delete_of(user_id, self.token_hash(keep) if keep else None)

    def tell(self, token_hashes: Iterable[str]) -> None:
        """These sessions were ended."""
        for token_hash in token_hashes:
            for ended in self.ended:
                ended(token_hash)


def _printable(text: str) -> str:
    return "".join(c for c in text[:400] if c.isprintable())
