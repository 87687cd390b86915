"""Accounts: signing up, in and out."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable
from datetime import timedelta

from metropole_core.accounts.limits import RateLimit, address_key
from metropole_core.accounts.model import Session, User
from metropole_core.accounts.passwords import PasswordHasher, check_password
from metropole_core.accounts.store import AccountStore, to_user
from metropole_core.channels.model import Channel
from metropole_core.channels.names import (
    DISPLAY_LENGTH,
    RESERVED,
    check_name,
    is_name,
    name_key,
)
from metropole_core.channels.service import Channels
from metropole_core.clock import utc_now
from metropole_core.contracts.backplane import Shared
from metropole_core.contracts.context import Clock
from metropole_core.db.connection import Database
from metropole_core.db.faults import is_duplicate
from metropole_core.errors import Conflict, Invalid
from metropole_core.keys import SiteKeys
from metropole_core.text import one_line

SESSION_LIFE = timedelta(days=30)
SESSION_TOUCH = timedelta(hours=1)
"""How often a session in use is written to: its 30 days start anew that often."""
SESSIONS_PER_USER = 20
TOKEN_BYTES = 32
TOKEN_LENGTH = 100
EMAIL_LENGTH = 254  # RFC 5321, section 4.5.3.1.3, less the angle brackets

SIGN_INS_PER_LOGIN = (10, 300.0)
"""For one name from one address: a stranger's tries must not keep its owner out."""
SIGN_INS_PER_LOGIN_ANYWHERE = (100, 300.0)
SIGN_INS_PER_ADDRESS = (30, 300.0)
SIGN_UPS_PER_ADDRESS = (5, 3600.0)
"""Tries, and the seconds in which they may be made."""

_EMAIL = re.compile(r"[^@\s]{1,64}@[^@\s.]+(\.[^@\s.]+)+")


class Accounts:
    """The site's accounts and their sessions.

    One signs in with the account's name. E-mail addresses are optional, not verified and not
    unique, so that nothing here says whether an address has an account.
    """

    def __init__(
        self,
        db: Database,
        keys: SiteKeys,
        clock: Clock,
        *,
        channels: Channels,
        shared: Shared,
        hasher: PasswordHasher | None = None,
    ) -> None:
        self._db = db
        self._keys = keys
        self._clock = clock
        self._channels = channels
        self._limit = RateLimit(shared)
        self._hasher = hasher or PasswordHasher()
        self._store = AccountStore(db)
        self.signed_out: list[Callable[[str], None]] = []
        """Called with the hash of the token of a session that was ended."""

    async def sign_up(
        self,
        *,
        name: str,
        password: str,
        email: str | None,
        display_name: str | None,
        address: str,
        user_agent: str,
    ) -> tuple[User, str]:
        """Make an account with its first channel, named alike, and sign it in.

        Arguments:
            address: the person's IP address.

        Returns:
            The account, and the session's token for the cookie.

        Raises:
            Invalid: a rule is broken; the sentence says which, `field` where.
            Conflict: an account or a channel has the name.
            TooMany: more than 5 accounts an hour from one address.
        """
        checked = check_name(name)
        check_password(password, name=checked)
        values = _columns(name, checked, email, display_name)
        if await self._store.by_key(checked) or await self._channels.by_name(checked):
            raise _taken(checked)
        # Counted only now: someone who looks for a free name or mends a typing error has not
        # made an account.
        await self._limit.hit(f"sign-up/{address_key(address)}", *SIGN_UPS_PER_ADDRESS)
        password_hash = await self._hasher.hash(password)

        async def make() -> tuple[User, Channel]:
            user = await self._insert({**values, "password_hash": password_hash, "is_admin": False})
            return user, await self._channels.add(user.id, checked, user.display_name)

        user, channel = await self._db.in_transaction(make)
        self._channels.announce(channel)
        return user, await self._open_session(user, address, user_agent)

    async def sign_in(
        self, *, login: str, password: str, address: str, user_agent: str
    ) -> tuple[User, str]:
        """Sign in with name and password; takes as long for a name that does not exist.

        Returns:
            The account, and the session's token for the cookie.

        Raises:
            Invalid: they do not fit together (code "wrong_login").
            TooMany: more than 30 tries in 5 minutes from one address, or for one name 10 from
                one address or 100 from anywhere.
        """
        key, home = name_key(login[:TOKEN_LENGTH]), address_key(address)
        await self._limit.hit(f"sign-in/address/{home}", *SIGN_INS_PER_ADDRESS)
        await self._limit.hit(f"sign-in/login/{home}/{key}", *SIGN_INS_PER_LOGIN)
        await self._limit.hit(f"sign-in/login/{key}", *SIGN_INS_PER_LOGIN_ANYWHERE)
        found = await self._store.with_password(key) if is_name(key) else None
        user, stored = found or (None, None)
        if not await self._hasher.verify(stored, password) or user is None or stored is None:
            hint = " Sign in with your name, not with an e-mail address." if "@" in key else ""
            raise Invalid(f"Name or password is wrong.{hint}", code="wrong_login", field="password")
        await self._limit.forget(f"sign-in/login/{home}/{key}")
        await self._limit.forget(f"sign-in/login/{key}")
        if self._hasher.needs_rehash(stored):
            await self._store.set_password_hash(user.id, await self._hasher.hash(password))
        return user, await self._open_session(user, address, user_agent)

    async def sign_out(self, token: str) -> None:
        """End the session; does nothing when there is none."""
        token_hash = self._keys.hash("session", token[:TOKEN_LENGTH])
        await self._store.delete_session(token_hash)
        for tell in self.signed_out:
            tell(token_hash)

    async def session(self, token: str) -> Session | None:
        """The session of a cookie's token, None when it is unknown or too old. Its 30 days start
        anew with use."""
        if not token or len(token) > TOKEN_LENGTH:
            return None
        now = utc_now(self._clock)
        row = await self._store.session(self._keys.hash("session", token), now)
        if row is None:
            return None
        expires_at = row.expires_at
        if now - row.seen_at >= SESSION_TOUCH:
            expires_at = now + SESSION_LIFE
            await self._store.touch_session(row.session_id, now, expires_at)
        return Session(to_user(row), self._keys.hash("csrf", token), expires_at)

    async def create(
        self,
        *,
        name: str,
        password: str,
        email: str | None,
        display_name: str | None = None,
        is_admin: bool = False,
    ) -> User:
        """Make an account as the operator. Names that the site keeps for itself ("admin") are
        fine and get no channel; others get their first one.

        Raises:
            Invalid: a rule is broken.
            Conflict: an account or a channel has the name.
        """
        checked = check_name(name, reserved=True)
        check_password(password, name=checked)
        values = _columns(name, checked, email, display_name)
        if await self._store.by_key(checked) or await self._channels.by_name(checked):
            raise _taken(checked)
        password_hash = await self._hasher.hash(password)

        async def make() -> tuple[User, Channel | None]:
            user = await self._insert(
                {**values, "password_hash": password_hash, "is_admin": is_admin}
            )
            if checked in RESERVED:
                return user, None
            return user, await self._channels.add(user.id, checked, user.display_name)

        user, channel = await self._db.in_transaction(make)
        if channel is not None:
            self._channels.announce(channel)
        return user

    async def by_id(self, user_id: int) -> User | None:
        """The account of that id, or None."""
        return await self._store.by_id(user_id)

    async def by_name(self, name: str) -> User | None:
        """The account of that name in any case, or None."""
        return await self._store.by_key(name_key(name)) if is_name(name) else None

    def close(self) -> None:
        """End the threads that hash."""
        self._hasher.close()

    async def _insert(self, values: dict[str, object]) -> User:
        now = utc_now(self._clock)
        try:
            user_id = await self._store.insert({**values, "created_at": now})
        except Exception as error:
            if is_duplicate(error):
                raise _taken(str(values["name"])) from None
            raise
        return User(
            id=user_id,
            name=str(values["name"]),
            display_name=str(values["display_name"]),
            email=values["email"] if isinstance(values["email"], str) else None,
            is_admin=bool(values["is_admin"]),
            avatar=None,
            created_at=now,
        )

    async def _open_session(self, user: User, address: str, user_agent: str) -> str:
        token = secrets.token_urlsafe(TOKEN_BYTES)
        now = utc_now(self._clock)

        async def make() -> None:
            await self._store.delete_expired(now)
            await self._store.keep_newest(user.id, SESSIONS_PER_USER - 1)
            await self._store.insert_session(
                {
                    "token_hash": self._keys.hash("session", token),
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


def check_email(email: str | None) -> str | None:
    """The address as typed, None when there is none.

    Raises:
        Invalid: it does not look like one.
    """
    text = (email or "").strip()
    if not text:
        return None
    text = one_line(text, limit=EMAIL_LENGTH, field="email", what="The e-mail address")
    if _EMAIL.fullmatch(text) is None:
        raise Invalid("This does not look like an e-mail address.", field="email")
    return text


def _columns(
    typed: str, checked: str, email: str | None, display_name: str | None
) -> dict[str, object]:
    shown = one_line(
        display_name or typed, limit=DISPLAY_LENGTH, field="display_name", what="The display name"
    )
    return {
        "name": checked,
        "name_key": checked,
        "display_name": shown or checked,
        "email": check_email(email),
    }


def _printable(text: str) -> str:
    return "".join(c for c in text[:400] if c.isprintable())


def _taken(name: str) -> Conflict:
    return Conflict(f"The name {name} is taken. Choose another.", code="name_taken", field="name")
