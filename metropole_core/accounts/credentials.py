"""New passwords: by who knows the old one, by a one-time link, by the operator."""

from __future__ import annotations

import logging
import secrets
from datetime import timedelta

from metropole_core.accounts.limits import RateLimit, address_key
from metropole_core.accounts.model import User
from metropole_core.accounts.passwords import PasswordHasher, check_password
from metropole_core.accounts.reset_store import ResetStore
from metropole_core.accounts.sessions import TOKEN_LENGTH, Sessions
from metropole_core.accounts.store import AccountStore
from metropole_core.clock import utc_now
from metropole_core.contracts.backplane import Shared
from metropole_core.contracts.context import Clock
from metropole_core.db.connection import Database
from metropole_core.errors import Invalid, NotFound
from metropole_core.keys import SiteKeys
from metropole_core.text import N_

log = logging.getLogger("metropole.people")

LINK_LIFE = timedelta(hours=24)
LINK_BYTES = 32
CHANGES = (10, 300.0)
"""Tries at an old password for one account, and the seconds in which they may be made."""
LINKS_PER_ADDRESS = (30, 300.0)

NOT_GOOD = N_(
    "This link was used, is too old, or a newer one was made. Ask the operator for another."
)


class Credentials:
    """Each new password ends the account's sessions, but for the one it was typed in."""

    def __init__(
        self,
        db: Database,
        keys: SiteKeys,
        clock: Clock,
        *,
        sessions: Sessions,
        hasher: PasswordHasher,
        shared: Shared,
    ) -> None:
        self._db = db
        self._keys = keys
        self._clock = clock
        self._sessions = sessions
        self._hasher = hasher
        self._limit = RateLimit(shared)
        self._accounts = AccountStore(db)
        self._links = ResetStore(db)

    async def change(self, user: User, *, old: str, new: str, keep: str) -> None:
        """Change one's own password. Every other session ends.

        Arguments:
            keep: token of the session that asks.

        Raises:
            Invalid: the old one is wrong, or the new one breaks a rule; `field` says which.
            TooMany: more than 10 tries in 5 minutes.
        """
        check_password(new, name=user.name)
        await self._limit.hit(f"password/{user.id}", *CHANGES)
        found = await self._accounts.with_password(user.name)
        stored = found[1] if found is not None else None
        if not await self._hasher.verify(stored, old):
            raise Invalid(N_("This is not your password."), code="wrong_password", field="old")
        password_hash = await self._hasher.hash(new)

        async def store() -> list[str]:
            locked = await self._accounts.lock(user.id)
            if locked is None or locked.password_hash != stored:
                raise Invalid(
                    "Your password was changed elsewhere just now.",
                    code="wrong_password",
                    field="old",
                )
            return await self._replace(user.id, password_hash, keep)

        self._sessions.tell(await self._db.in_transaction(store))
        await self._limit.forget(f"password/{user.id}")

    async def set(self, user: User, password: str, *, by: User | None) -> None:
        """Set an account's password as an administrator (None: the command line). All of its
        sessions end.

        Raises:
            Invalid: it breaks a rule.
        """
        check_password(password, name=user.name)
        password_hash = await self._hasher.hash(password)
        ended = await self._db.in_transaction(lambda: self._replace(user.id, password_hash, None))
        self._sessions.tell(ended)
        log.info("%s set the password of %s", by.name if by else "the command line", user.name)

    async def make_link(self, user: User, *, by: User | None) -> str:
        """Make a one-time token with which somebody chooses a new password within 24 hours;
        older ones of the account are void.

        Returns:
            The token, which is not kept.
        """
        token = secrets.token_urlsafe(LINK_BYTES)
        expires_at = utc_now(self._clock) + LINK_LIFE

        async def store() -> None:
            await self._accounts.lock(user.id)
            await self._links.delete_of(user.id)
            await self._links.insert(self._hash(token), user.id, expires_at)

        await self._db.in_transaction(store)
        name = by.name if by else "the command line"
        log.info("%s made a link for a new password of %s", name, user.name)
        return token

    async def whose(self, token: str, address: str) -> User:
        """The account that a link is for.

        Raises:
            NotFound: the link is not good (any more).
            TooMany: more than 30 tries in 5 minutes from one address.
        """
        await self._limit.hit(f"reset/{address_key(address)}", *LINKS_PER_ADDRESS)
        found = None
        if 0 < len(token) <= TOKEN_LENGTH:
            found = await self._links.find(self._hash(token), utc_now(self._clock))
        if found is None:
            raise NotFound(NOT_GOOD, code="bad_link")
        return found

    async def use_link(self, token: str, password: str, address: str) -> User:
        """Choose a new password by a link, which is void then. All sessions end.

        Raises:
            NotFound, TooMany: as `whose`.
            Invalid: the password breaks a rule; the link stays good.
        """
        user = await self.whose(token, address)
        check_password(password, name=user.name)
        password_hash = await self._hasher.hash(password)

        async def store() -> list[str]:
            if not await self._links.take(self._hash(token), utc_now(self._clock)):
                raise NotFound(NOT_GOOD, code="bad_link")
            return await self._replace(user.id, password_hash, None)

        self._sessions.tell(await self._db.in_transaction(store))
        log.info("%s chose a new password by a link", user.name)
        return user

    async def _replace(self, user_id: int, password_hash: str, keep: str | None) -> list[str]:
        await self._accounts.lock(user_id)
        await self._accounts.set_password_hash(user_id, password_hash)
        await self._links.delete_of(user_id)
        return await self._sessions.delete_of(user_id, keep)

    def _hash(self, token: str) -> str:
        return self._keys.hash("password-reset", token)
