"""Accounts: signing up, in and out."""

from __future__ import annotations

import re
from collections.abc import Callable

from metropole_core.accounts.invitations import Invitations
from metropole_core.accounts.limits import RateLimit, address_key
from metropole_core.accounts.model import AccountState, Invitation, Session, User
from metropole_core.accounts.passwords import PasswordHasher, check_password
from metropole_core.accounts.rights import BLOCKED
from metropole_core.accounts.sessions import SESSION_LIFE, SESSIONS_PER_USER, TOKEN_LENGTH, Sessions
from metropole_core.accounts.store import AccountStore
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
from metropole_core.config.people import Registration
from metropole_core.contracts.backplane import Shared
from metropole_core.contracts.context import Clock
from metropole_core.db.connection import Database
from metropole_core.db.faults import is_duplicate
from metropole_core.errors import Conflict, Forbidden, Invalid, Unavailable
from metropole_core.keys import SiteKeys
from metropole_core.text import N_, one_line

__all__ = ["SESSIONS_PER_USER", "SESSION_LIFE", "Accounts"]

EMAIL_LENGTH = 254  # RFC 5321, section 4.5.3.1.3, less the angle brackets
MAX_PENDING = 500
"""Accounts that may wait for an administrator at a time."""

SIGN_INS_PER_LOGIN = (10, 300.0)
"""For one name from one address: a stranger's tries must not keep its owner out."""
SIGN_INS_PER_LOGIN_ANYWHERE = (100, 300.0)
SIGN_INS_PER_ADDRESS = (30, 300.0)
SIGN_UPS_PER_ADDRESS = (5, 3600.0)
CODES_PER_ADDRESS = (30, 300.0)
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
        registration: Registration = "open",
    ) -> None:
        self._db = db
        self._clock = clock
        self.registration = registration
        self.invitations = Invitations(db, keys, clock)
        self.sessions = Sessions(db, keys, clock)
        self._channels = channels
        self._limit = RateLimit(shared)
        self._hasher = hasher or PasswordHasher()
        self._store = AccountStore(db)

    @property
    def signed_out(self) -> list[Callable[[str], None]]:
        """Called with the hash of the token of a session that was ended."""
        return self.sessions.ended

    @property
    def hasher(self) -> PasswordHasher:
        """Hashes the passwords of this site."""
        return self._hasher

    async def sign_up(
        self,
        *,
        name: str,
        password: str,
        email: str | None,
        display_name: str | None,
        address: str,
        user_agent: str,
        code: str = "",
    ) -> tuple[User, str]:
        """Make an account with its first channel, named alike, and sign it in. Where
        administrators decide, it waits and has no channel yet, unless it comes by invitation.

        Arguments:
            address: the person's IP address.
            code: of an invitation, empty without one.

        Returns:
            The account, and the session's token for the cookie.

        Raises:
            Invalid: a rule is broken; the sentence says which, `field` where.
            Conflict: an account or a channel has the name.
            Forbidden: the site takes no new accounts.
            TooMany: more than 5 accounts an hour from one address.
        """
        invitation = await self._invited(code.strip(), address)
        checked = check_name(name)
        check_password(password, name=checked)
        values = _columns(name, checked, email, display_name)
        if await self._store.by_key(checked) or await self._channels.by_name(checked):
            raise _taken(checked)
        # Counted only now: someone who looks for a free name or mends a typing error has not
        # made an account.
        await self._limit.hit(f"sign-up/{address_key(address)}", *SIGN_UPS_PER_ADDRESS)
        waits = invitation is None and self.registration == "approval"
        if waits and await self._store.count(state=AccountState.PENDING) >= MAX_PENDING:
            raise Unavailable(
                "Too many people wait to be let in already. Try again in a few days.",
                retry_after=86_400,
            )
        values |= {
            "password_hash": await self._hasher.hash(password),
            "is_admin": False,
            "state": AccountState.PENDING if waits else AccountState.ACTIVE,
            "may_stream": invitation.may_stream if invitation is not None else None,
        }

        async def make() -> tuple[User, Channel | None]:
            if invitation is not None:
                await self.invitations.use(invitation)
            user = await self._insert(values)
            if waits:
                return user, None
            return user, await self._channels.add(user.id, checked, user.display_name)

        user, channel = await self._db.in_transaction(make)
        if channel is not None:
            self._channels.announce(channel)
        return user, await self.sessions.open(user, address, user_agent)

    async def sign_in(
        self, *, login: str, password: str, address: str, user_agent: str
    ) -> tuple[User, str]:
        """Sign in with name and password; takes as long for a name that does not exist.

        Returns:
            The account, and the session's token for the cookie.

        Raises:
            Invalid: they do not fit together (code "wrong_login").
            Forbidden: they do, but the account is blocked.
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
        if user.state is AccountState.BLOCKED:
            raise Forbidden(BLOCKED, code="blocked")
        await self._limit.forget(f"sign-in/login/{home}/{key}")
        await self._limit.forget(f"sign-in/login/{key}")
        if self._hasher.needs_rehash(stored):
            stored = await self._hasher.hash(password)
            await self._store.set_password_hash(user.id, stored)
        return user, await self.sessions.open(user, address, user_agent, password_hash=stored)

    async def sign_out(self, token: str) -> None:
        """End the session; does nothing when there is none."""
        await self.sessions.end(token)

    async def session(self, token: str) -> Session | None:
        """The session of a cookie's token, None when it is unknown or too old. Its 30 days start
        anew with use."""
        return await self.sessions.find(token)

    async def create(
        self,
        *,
        name: str,
        password: str,
        email: str | None,
        display_name: str | None = None,
        is_admin: bool = False,
        may_stream: bool | None = None,
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
                {
                    **values,
                    "password_hash": password_hash,
                    "is_admin": is_admin,
                    "state": AccountState.ACTIVE,
                    "may_stream": may_stream,
                }
            )
            if checked in RESERVED:
                return user, None
            return user, await self._channels.add(user.id, checked, user.display_name)

        user, channel = await self._db.in_transaction(make)
        if channel is not None:
            self._channels.announce(channel)
        return user

    async def has_administrator(self) -> bool:
        """Whether anybody administers this site."""
        return await self._store.has_administrator()

    async def by_id(self, user_id: int) -> User | None:
        """The account of that id, or None."""
        return await self._store.by_id(user_id)

    async def by_name(self, name: str) -> User | None:
        """The account of that name in any case, or None."""
        return await self._store.by_key(name_key(name)) if is_name(name) else None

    def close(self) -> None:
        """End the threads that hash."""
        self._hasher.close()

    async def _invited(self, code: str, address: str) -> Invitation | None:
        """The invitation that someone comes with. Raises as `sign_up` does."""
        if self.registration == "closed":
            raise Forbidden(
                N_("This site takes no new accounts. Ask its operator."), code="registration_closed"
            )
        if code:
            await self._limit.hit(f"invitation/{address_key(address)}", *CODES_PER_ADDRESS)
            return await self.invitations.find(code)
        if self.registration == "invitation":
            raise Invalid(
                N_("Accounts on this site are made by invitation. Type the code you were given."),
                code="bad_invitation",
                field="code",
            )
        return None

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
            state=AccountState(str(values["state"])),
            may_stream=values["may_stream"] if isinstance(values["may_stream"], bool) else None,
        )


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


def _taken(name: str) -> Conflict:
    return Conflict(f"The name {name} is taken. Choose another.", code="name_taken", field="name")
